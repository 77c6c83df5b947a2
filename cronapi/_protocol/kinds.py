"""The kinds of values that parameters have: how each is checked, and the form in which it travels.

Each function takes the name of a parameter and its value, and returns the value as JSON has it. A
boolean, a number or a time may also be given as text. A ConfigurationError names the parameter and
what came, and never repeats the value: it may be a secret. No exception that led to it does so
either.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from cronapi._protocol import readings
from cronapi._protocol.arguments import HALF_PAIR, MOST_BITS, is_encodable, is_proxy
from cronapi._protocol.values import shown
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import input_error
from cronapi.models import Headers, Notify
from cronapi.models.headers import joined, lines_of_pairs, lines_of_text


@frozen
class Kind:
    """One declared type.

    `form` takes the name of a parameter and its value, and returns the value as it travels.
    `reads` describes the texts that are read as values of another type. With `has_empty`, empty
    text is a value too, which clears a field in an edit. In a row of any other kind it is not set.
    """

    form: Callable[[str, Any], Any]
    reads: str = ""
    has_empty: bool = False

    def send(self, name: str, value: Any) -> Any:
        """Return a value as it travels. ConfigurationError if it is of another kind."""
        return self.form(name, _itself(name, value))


_HINTS = {
    "id": "an id is a number, such as job.id",
    "group": "a group is given by its number, such as group.id",
    "post_data": "bodies and payloads are text",
    "payload": "bodies and payloads are text",
}
_DIGITS = re.compile(r"[0-9]{1,18}")
_MOST_LEVELS = 20
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def _refused(name: str, value: object, takes: str) -> ConfigurationError:
    return input_error(f"{name} cannot be a {type(value).__name__}; {_HINTS.get(name, takes)}.")


def _itself(name: str, value: object) -> object:
    """Refuse a proxy: it says that it is a text or a number, but nothing can read it as one."""
    if is_proxy(value):
        raise _refused(name, value, "give the text or the number that it stands for")
    return value


def _plain(name: str, value: object) -> object:
    """Return the value of a member of an enum, and anything else as it is, but no proxy."""
    if isinstance(value, enum.Enum) and issubclass(type(value), enum.Enum):
        value = value.value
    return _itself(name, value)


def text(name: str, value: object) -> str:
    """Return text that can be sent."""
    plain = _plain(name, value)
    if not isinstance(plain, str):
        raise _refused(name, value, "it takes text")
    plain = str.__str__(plain)
    if not is_encodable(plain):
        raise input_error(f"{name} {HALF_PAIR}")
    return plain


def whole_number(name: str, value: object) -> int:
    """Return a whole number of at most 64 bits. True and False are none."""
    plain = _plain(name, value)
    if isinstance(plain, str):
        plain = readings.NUMBER(name, plain, _HINTS.get(name, ""))
    if isinstance(plain, float) and not math.isfinite(plain):
        raise input_error(f"{name} is not a finite number; it takes a whole number.")
    if isinstance(plain, bool) or not isinstance(plain, int):
        raise _refused(name, value, "it takes a whole number")
    return _sized(name, int.__index__(plain))


def _sized(name: str, number: int) -> int:
    if number.bit_length() > MOST_BITS:
        raise input_error(
            f"{name} is too large: a number of {number.bit_length()} bits, where 64 are the most."
        )
    return number


def an_id(name: str, value: object) -> int | str:
    """Return an id: a whole number, or the text of one."""
    if not isinstance(value, str):
        return whole_number(name, value)
    if not _DIGITS.fullmatch(value):
        raise _refused(name, value, "an id is a number")
    return str.__str__(value)


def flag(name: str, value: object) -> bool:
    """Return True or False."""
    plain = _plain(name, value)
    if isinstance(plain, str):
        return readings.BOOLEAN(name, plain)
    if not isinstance(plain, bool):
        raise _refused(name, value, "it takes True or False")
    return plain


def notify_code(name: str, value: object) -> bool | int:
    """Return a boolean or a code of `Notify`."""
    if isinstance(value, str):
        value = readings.NOTIFY(name, value)
    if not isinstance(value, int) or int.__index__(value) not in {int(code) for code in Notify}:
        raise input_error(
            f"{name} must be a boolean or one of the codes 0 to 3, not {shown(value)}."
        )
    return value if isinstance(value, bool) else int.__index__(value)


def unix_seconds(name: str, value: object) -> int:
    """Return a time as whole Unix seconds. A naive datetime is refused: it names no moment."""
    if isinstance(value, str):
        value = readings.RUN(name, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise input_error(f"{name} is not a finite number; it takes a time.")
    if isinstance(value, int | float):
        return _sized(name, int(value))
    if not isinstance(value, datetime):
        raise _refused(name, value, "a time is a datetime or Unix seconds")
    epoch = _timestamp(value)
    if epoch is None:
        raise input_error(
            f"The datetime of {name} names no moment. Give one with a time zone, such as UTC."
        )
    return math.floor(epoch)


def _timestamp(time: datetime) -> float | None:
    try:
        epoch = None if time.utcoffset() is None else float(time.timestamp())
    except Exception:  # noqa: BLE001 -- a time zone of the caller's own may raise anything
        return None
    return epoch if epoch is not None and math.isfinite(epoch) else None


def later_time(name: str, value: object) -> int:
    """Return a time as whole Unix seconds. True and False are none."""
    if isinstance(value, str):
        value = readings.TIME(name, value)
    if isinstance(value, bool):
        raise _refused(name, value, "a time is a datetime or Unix seconds")
    return unix_seconds(name, value)


def span(name: str, value: object) -> str:
    """Return a span of time as the services read it: `15 minutes`."""
    if isinstance(value, str):
        return text(name, value)
    if not isinstance(value, timedelta) or not issubclass(type(value), timedelta):
        raise _refused(name, value, "a span of time is text such as '15 minutes' or a timedelta")
    seconds = round(timedelta.total_seconds(value))  # a subclass may say anything
    if seconds <= 0:
        raise input_error(f"{name} must be a span of time of at least one second.")
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def header_lines(name: str, value: object) -> str:
    """Return headers as lines joined with CRLF.

    They are a mapping, or lines that end with CR, LF or both. A name or value that would break out
    of its line is refused, and so is a mapping with names that differ in case alone.
    """
    if isinstance(value, Headers):
        return joined(value.lines)
    if isinstance(value, str):
        return joined(lines_of_text(name, text(name, value)))
    if isinstance(value, Mapping):
        return joined(lines_of_pairs(name, _elements(name, lambda: value.items())))  # noqa: PLW0108 -- a proxy may have none
    raise _refused(name, value, "headers are a mapping of text to text")


def texts(name: str, value: object) -> str | list[str]:
    """Return text, or a list of texts."""
    if isinstance(_plain(name, value), str):
        return text(name, value)
    return [text(f"An item of {name}", item) for item in _items(name, value, "texts")]


def whole_numbers(name: str, value: object) -> int | list[int]:
    """Return a whole number, or a list of whole numbers."""
    if isinstance(_plain(name, value), int | float | str):
        return whole_number(name, value)
    return [whole_number(f"An item of {name}", item) for item in _items(name, value, "numbers")]


def _items(name: str, value: object, takes: str) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray | memoryview):
        raise _refused(name, value, f"it takes a list of {takes}, or one")
    return _elements(name, lambda: iter(value))


def _elements(name: str, read: Callable[[], Any]) -> Sequence[Any]:
    """Return the elements of a collection, whose own code may raise anything."""
    reason = ""
    try:
        return list(read())
    except Exception as error:  # noqa: BLE001 -- see above
        reason = type(error).__name__
    raise input_error(f"{name} could not be read ({reason}).")


def anything(name: str, value: object, level: int = 0) -> object:
    """Return a value of a parameter that cronapi does not know: what JSON has, but no object."""
    plain = _plain(name, value)
    if plain is None or isinstance(plain, bool):
        return plain
    if isinstance(plain, str):
        return text(name, plain)
    if isinstance(plain, int):
        return whole_number(name, plain)
    if isinstance(plain, float):
        if not math.isfinite(plain):
            raise input_error(f"{name} is not a finite number.")
        return float.__float__(plain)
    if isinstance(plain, datetime):
        return unix_seconds(name, plain)
    if level >= _MOST_LEVELS:
        raise input_error(f"{name} is nested too deep.")
    takes = "texts, numbers, booleans or times"
    return [anything(name, item, level + 1) for item in _items(name, plain, takes)]


KINDS: Mapping[str, Kind] = {
    "str": Kind(text, has_empty=True),
    "int": Kind(whole_number, readings.NUMBER.takes),
    "int | str": Kind(an_id, has_empty=True),
    "bool": Kind(flag, readings.BOOLEAN.takes),
    "bool | int": Kind(notify_code, readings.NOTIFY.takes),
    "bool | int | datetime": Kind(unix_seconds, readings.RUN.takes),
    "datetime | int": Kind(later_time, readings.TIME.takes),
    "str | timedelta": Kind(span, has_empty=True),
    "Mapping[str, str] | str": Kind(header_lines, has_empty=True),
    "Sequence[str] | str": Kind(texts),
    "Sequence[int] | int": Kind(whole_numbers, readings.NUMBER.takes),
}
"""The kind of each type that is declared for a parameter, as it is written there."""
ANYTHING = Kind(anything, has_empty=True)
"""The kind of a parameter that cronapi does not know."""
