"""How a name and a value are written on the wire."""

from __future__ import annotations

import enum
from datetime import date, datetime
from functools import cache


@cache
def wire_name(name: str) -> str:
    """Return a Python name as on the wire: `httpMethod` for `http_method`, `for` for `for_`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def wire_value(value: object) -> object:
    """Return the wire's form of a value: Unix seconds, an ISO date, a number for a code."""
    if isinstance(value, datetime):
        seconds = value.timestamp()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, enum.IntEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value
