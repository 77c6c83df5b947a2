"""How text is read as a boolean, a number or a time: CSV, forms and shells have nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from attrs import frozen

from cronapi.errors.concerns import input_error
from cronapi.models import Notify

T = TypeVar("T")

_WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}
_NUMBER = re.compile(r"([+-]?[0-9]{1,40})(?:\.0{0,2})?")
"""Spreadsheets and pandas write the whole numbers of a column with gaps as `30.0`.

`1.000` is a thousand where a dot separates thousands, so it is not read.
"""
_SECONDS = re.compile(r"[0-9]{9,11}(?:\.0{0,2})?")
"""Unix seconds from 1973 to 5138. `20300524` is a date of ISO 8601, and no second of 1970."""


@frozen
class Reading(Generic[T]):
    """One way to read text. Blanks around it are of no account.

    `takes` describes the texts. A text that cannot be read is a ConfigurationError, which does not
    repeat it: it may be a secret that stands in the wrong column.
    """

    takes: str
    read: Callable[[str], T | None]

    def __call__(self, name: str, text: str, hint: str = "") -> T:
        """Return the value that the text of a parameter stands for.

        `hint` stands for `takes` in an error.
        """
        bare = str.__str__(text).strip()
        value = self.read(bare)
        if value is not None:
            return value
        came = "a text that cannot be read" if bare else "an empty text, which has no value"
        raise input_error(f"{name} is {came}; {hint or f'it takes {self.takes}'}.")


def _boolean(text: str) -> bool | None:
    known = _WORDS.get(text.lower())
    if known is None and (number := _number(text)) in (0, 1):
        return bool(number)
    return known


def _number(text: str) -> int | None:
    found = _NUMBER.fullmatch(text)
    return None if found is None else int(found[1])


def _code(text: str) -> int | None:
    number = _number(text)
    return number if number in set(Notify) else _boolean(text)


def _time(text: str) -> int | datetime | None:
    if _SECONDS.fullmatch(text):
        return _number(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _now_or_time(text: str) -> int | datetime | None:
    known = _boolean(text)
    return _time(text) if known is None else known


NUMBER = Reading("a whole number such as 30, or 30.0", _number)
BOOLEAN = Reading("true, yes, on or 1, or false, no, off or 0", _boolean)
NOTIFY = Reading(f"{BOOLEAN.takes}, or one of the codes 0 to 3", _code)
TIME = Reading(
    "Unix seconds of 9 to 11 digits, or a time with its offset such as 2030-05-24T02:44:25Z", _time
)
RUN = Reading(f"{BOOLEAN.takes}, or {TIME.takes}", _now_or_time)
