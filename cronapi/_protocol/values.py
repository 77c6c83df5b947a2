"""How single values are read.

Each function takes all that the services have sent over the years, and raises a clear ValueError
for the rest.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from cronapi._protocol.arguments import came

_MOST_BITS = 10_000
"""Python writes no int of more than about 14,000 bits."""


def to_int(value: object, _: object = None) -> int:
    """Read a whole number: a JSON number without a fraction, or a string of digits."""
    if type(value) is int:
        return value
    try:
        if (isinstance(value, str) and value.isascii() and "_" not in value) or (
            isinstance(value, float) and value.is_integer()
        ):
            return int(value)
    except ValueError as error:
        raise ValueError(f"expected a whole number, got {shown(value)}") from error
    raise ValueError(f"expected a whole number, got {shown(value)}")


def to_float(value: object, _: object = None) -> float:
    """Read a number of seconds: a JSON number or the text of one."""
    try:
        number = (
            float(value)
            if isinstance(value, int | float | str) and not isinstance(value, bool)
            else math.nan
        )
    except (OverflowError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a number, got {shown(value)}")
    return number


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}


def to_bool(value: object, _: object = None) -> bool:
    """Read a boolean: true, false, 0, 1 or the text of one of them."""
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(str(value).lower()) if isinstance(value, str | int) else None
    if known is None:
        raise ValueError(f"expected true or false, got {shown(value)}")
    return known


def to_text(value: object, _: object = None) -> str:
    """Read text. A number is taken as its text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"expected text, got {shown(value)}")


def to_datetime(value: object, _: object = None) -> datetime:
    """Read Unix seconds as an aware UTC datetime."""
    if isinstance(value, dict) and "time" in value:
        value = value["time"]
    try:
        return datetime.fromtimestamp(to_float(value), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"expected Unix seconds, got {shown(value)}") from error


def to_date(value: object, _: object = None) -> date:
    """Read a date such as 2030-05-24."""
    try:
        return date.fromisoformat(to_text(value))
    except ValueError as error:
        raise ValueError(f"expected a date such as 2030-05-24, got {shown(value)}") from error


def shown(value: object) -> str:
    """Describe a value without repeating it at length: it may be a secret."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return came(value)
    if isinstance(value, bool | int | float) or value is None:
        return f"{value!r:.40}"
    return (
        f"{type(value).__name__} of {len(value)}"
        if isinstance(value, str | list | dict)
        else type(value).__name__
    )
