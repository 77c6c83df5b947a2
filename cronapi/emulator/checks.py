"""Checks of arguments. The emulator raises `ValueError`, which names the argument and what came."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\[\]/-]{1,80}")
_LONGEST = 80
"""Characters of a value in a refusal."""
_MOST_BITS = 1023
"""Bits of a number that a float can hold. Python refuses to show one of many more."""


def shown(value: object) -> str:
    """Return a value for a refusal: as code, or its type if that cannot be told."""
    if isinstance(value, int) and not fits_float(value):
        return f"a number of {value.bit_length()} bits"
    try:
        return repr(value)[:_LONGEST]
    except Exception:  # noqa: BLE001 -- an object's own code may raise anything
        return f"<{type(value).__name__}>"


def plain_name(name: str) -> str:
    """Return a name that came from outside, or a stand-in for one that may be anything."""
    return name if _PLAIN_NAME.fullmatch(name) else "a name that cannot be shown"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a wrong one, `None` if none is like it."""
    from difflib import get_close_matches  # noqa: PLC0415 -- few names are wrong

    found = get_close_matches(name, list(known), n=1)
    return found[0] if found else None


def is_whole(value: object, least: float = 1) -> bool:
    """Return True for an int of at least `least` that is no boolean, and of 1023 bits at most."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return value >= least and fits_float(value)


def is_number(value: object) -> bool:
    """Return True for an int or float that a float can hold, that is finite and no boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return fits_float(value) if isinstance(value, int) else math.isfinite(value)


def fits_float(number: int) -> bool:
    """Return True for an int that a float can hold."""
    return number.bit_length() <= _MOST_BITS


def check_choice(name: str, value: object, known: Iterable[str]) -> None:
    """Raise `ValueError` unless `value` is one of `known`."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"unknown {name} {shown(value)}; known: {', '.join(known)}")


def check_switch(name: str, value: object) -> None:
    """Raise `ValueError` unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, not {shown(value)}")  # noqa: TRY004 -- documented


def texts(name: str, value: object) -> list[str]:
    """Return an iterable of texts as a list. One text is none: it would count letter by letter."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        listed = list(value)
        if all(isinstance(text, str) for text in listed):
            return listed
    raise ValueError(f"{name} must be a list or another iterable of texts")
