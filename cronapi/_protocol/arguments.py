"""Checks of settings. Each refusal names the argument, what it takes and what came."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cronapi.errors import Concern, ConfigurationError
from cronapi.errors.concerns import setting_error

MOST_BITS = 64
"""Bits of a number that JSON readers and clocks can hold."""
_LONGEST = 60
"""Characters of a text in a refusal."""
HALF_PAIR = (
    "cannot be sent: it has half of a surrogate pair. Text from os.environ, sys.argv and JSON may "
    "have one."
)


def is_proxy(value: object) -> bool:
    """Return True for an object that only says that it is a text or a number, as proxies do."""
    return isinstance(value, str | int | float) and not issubclass(type(value), str | int | float)


def came(value: object) -> str:
    """Return a value that may be shown, in a few characters: a number or text, else its type."""
    if is_proxy(value):
        return f"a {type(value).__name__}"
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"a number of {value.bit_length()} bits"
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        text = str.__repr__(value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    return f"a {type(value).__name__}"


def refusal(
    name: str, takes: str, value: object, concerns: Concern = "program"
) -> ConfigurationError:
    """Return the error for an argument that takes something else than what came.

    It is a setting, unless it `concerns` the input of a call.
    """
    return ConfigurationError(f"{name} must be {takes}, not {came(value)}.", concerns=concerns)


def is_number(value: object) -> bool:
    """Return True for an int or a float that is not NaN, and no boolean."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and not is_proxy(value)
    return is_one and not (isinstance(value, float) and math.isnan(value))


def is_finite(value: object) -> bool:
    """Return True for a number with an end. Too large an int counts as one without."""
    if not is_number(value) or (isinstance(value, int) and value.bit_length() > MOST_BITS):
        return False
    return value not in (math.inf, -math.inf)


def seconds(name: str, value: float, *, least: float = 0.0, endless: bool = True) -> float:
    """Return a number of seconds, at least `least`, and infinity only with `endless`.

    With it, an int that is too large for a clock is infinity too.
    """
    fits = is_number(value) if endless else is_finite(value)
    if not fits or value < least:
        raise refusal(name, "seconds" if endless else "a finite number of seconds", value)
    return value if is_finite(value) else math.inf


def positive(name: str, takes: str, value: float) -> float:
    """Return a finite number above 0."""
    if not is_finite(value) or value <= 0:
        raise refusal(name, takes, value)
    return value


def count(name: str, value: int, *, least: int = 1) -> int:
    """Return a whole number, at least `least`, of at most 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or is_proxy(value):
        raise refusal(name, "a whole number", value)
    if value.bit_length() > MOST_BITS:
        raise refusal(name, f"a whole number of at most {MOST_BITS} bits", value)
    if value < least:
        raise setting_error(f"{name} must be at least {least}, not {came(value)}.")
    return value


def choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Refuse anything but one of these texts."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise refusal(name, f"one of {', '.join(known)}", value)


def switch(name: str, value: object) -> None:
    """Refuse anything but True and False."""
    if type(value) is not bool:  # a proxy only says that it is one, and is always true
        raise refusal(name, "True or False", value)


def function(name: str, value: object) -> None:
    """Refuse anything that cannot be called."""
    if not callable(value):
        raise refusal(name, "a function", value)


def is_encodable(text: str) -> bool:
    """Return True for text that can be sent: it has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def text(name: str, value: object, takes: str = "text") -> None:
    """Refuse anything but text that is not empty and can be sent."""
    if not isinstance(value, str) or is_proxy(value) or not value or not is_encodable(value):
        raise refusal(name, takes, value)
