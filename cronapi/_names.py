"""How a name is spelt on the wire."""

from __future__ import annotations

from functools import cache


@cache
def wire_name(name: str) -> str:
    """Return the wire's spelling of a Python name: `http_method` is `httpMethod`, `for_` is `for`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)
