"""How a name is spelt on the wire, and how a URL may be shown."""

from __future__ import annotations

import re
from functools import cache

_PASSWORD = re.compile(r"(?<=//)([^/?#@\s]*):([^/?#@\s]*)@")


@cache
def wire_name(name: str) -> str:
    """Return the wire's spelling of a Python name: `http_method` is `httpMethod`, `for_` is `for`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def without_password(value: object) -> object:
    """Return a value as it may be shown: the password of a URL is left out."""
    return _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value
