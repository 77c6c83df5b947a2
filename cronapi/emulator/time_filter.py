"""The filter of a job: a condition on the time of a run, which is left out unless it holds.

Source: FastCron's blog on time filters of October 2023, and Symfony's ExpressionLanguage, in which
they are written. `minute`, `hour`, `day` and `month` are numbers and `weekday` is `Mon` to `Sun`,
all in the zone of the job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from attrs import frozen

from cronapi.emulator.filter_operators import BINARY, ERRORS, UNARY, Term

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_LONGEST, _DEEPEST = 500, 20
_NAMES = ("minute", "hour", "day", "month", "weekday")
_SIZES = (60, 24, 31, 12, 7)
"""The number of values that each of the names has."""
_SOON = 600_000
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORDS = {"true": True, "false": False}
_TOKEN = re.compile(
    r"(?P<number>\d{1,9}\b)|'(?P<text>[^'\\]*)'|\"(?P<other_text>[^\"\\]*)\""
    r"|(?P<sign>not\s+in\b|(?:and|or|not|in)\b|[=!]==?|[<>]=?|&&|\|\||\.\.|[-+*/%!()\[\],])"
    r"|(?P<word>[a-z]+\b)|(?P<end>$)"
)


@frozen(eq=False)
class TimeFilter:
    """A condition on local time. One that cannot be calculated at a time does not hold then."""

    _term: Term
    _places: tuple[int, ...]
    """The places of the names in it among all names."""
    length: int
    """The number of its words and signs, to which the time to calculate it is in proportion."""
    _tries_times: bool
    """True if it can soon be calculated for all times of all dates."""

    def holds(self, time: int, zone: ZoneInfo) -> bool:
        """Return True if a run at this Unix time is kept."""
        at = datetime.fromtimestamp(time, zone)
        return bool(self._at(at, at.minute, at.hour))

    def may_hold(self, time: int, zone: ZoneInfo) -> bool:
        """Return False if no run on the date of this Unix time is kept."""
        at = datetime.fromtimestamp(time, zone)
        told = self._at(at, None, None)
        if told is not None or not self._tries_times:
            return told is not False
        date = (at.day, at.month, at.weekday())
        # Dates that are alike to the filter are judged once.
        return _holds_on(self, *(v * (p in self._places) for p, v in enumerate(date, 2)))

    def times(self) -> Iterator[tuple[int, int]]:
        """Yield the hours and minutes that make a difference to it."""
        hours, minutes = (
            range(_SIZES[place]) if place in self._places else range(1) for place in (1, 0)
        )
        return product(hours, minutes)

    def on(self, day: int, month: int, weekday: int, hour: int, minute: int) -> bool:
        """Return True if a run at such a time is kept."""
        values = (minute, hour, day, month, _WEEKDAYS[weekday])
        known = tuple([values[place] for place in self._places])
        return bool(_judged.__wrapped__(self._term, self._places, known))

    def _at(self, at: datetime, minute: int | None, hour: int | None) -> bool | None:
        values = (minute, hour, at.day, at.month, _WEEKDAYS[at.weekday()])
        return _judged(self._term, self._places, tuple([values[place] for place in self._places]))


@lru_cache(maxsize=16_384)
def _holds_on(condition: TimeFilter, day: int, month: int, weekday: int) -> bool:
    """Return True if a filter holds at any time of such a date."""
    return any(condition.on(day, month, weekday, *time) for time in condition.times())


@lru_cache(maxsize=65_536)
def _judged(term: Term, places: tuple[int, ...], values: tuple[object, ...]) -> bool | None:
    """Calculate a term once for all times at which the names in it have the same values."""
    try:
        value = term({_NAMES[place]: value for place, value in zip(places, values, strict=True)})
    except ERRORS:
        return False
    return None if value is None else bool(value)


@lru_cache(maxsize=1024)
def read_filter(text: str) -> TimeFilter:
    """Read a filter such as `weekday in ['Mon', 'Fri'] and (hour >= 9 or day == 1)`.

    Raises `ValueError` for a text that is none.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST} characters")
    tokens = list(_tokens(text))
    places = {_NAMES.index(str(value)) for kind, value in tokens if kind == "name"}
    length = len(tokens)
    work = length * prod(_SIZES[place] for place in places)
    return TimeFilter(_Reader(tokens).whole(), tuple(sorted(places)), length, work <= _SOON)


class _Reader:
    """Reads a text from left to right, operators by their precedence."""

    def __init__(self, tokens: list[tuple[str, object]]) -> None:
        self._tokens = tokens

    def whole(self) -> Term:
        term = self._term(0, 0)
        self._expect("end")
        return term

    def _term(self, least: int, depth: int) -> Term:
        if depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        left = self._operand(depth)
        while (found := BINARY.get(self._tokens[0][0])) is not None and found[0] >= least:
            self._tokens.pop(0)
            level, make = found
            left = make(left, self._term(level + 1, depth + 1))
        return left

    def _operand(self, depth: int) -> Term:
        kind, value = self._tokens.pop(0)
        if kind == "value":
            return lambda _known: value
        if kind == "name":
            return lambda known: known[str(value)]
        if kind in UNARY:
            level, make = UNARY[kind]
            return make(self._term(level, depth + 1))
        if kind == "(":
            term = self._term(0, depth + 1)
            self._expect(")")
            return term
        if kind == "[":
            return self._items(depth)
        raise ValueError(f"a value is missing before {kind}")

    def _items(self, depth: int) -> Term:
        items: list[Term] = []
        while self._tokens[0][0] != "]":
            if items:
                self._expect(",")
            items.append(self._term(0, depth + 1))
        self._expect("]")
        return lambda known: [item(known) for item in items]

    def _expect(self, sign: str) -> None:
        found = self._tokens.pop(0)[0]
        if found != sign:
            raise ValueError(f"{sign} is missing before {found}")


def _tokens(text: str) -> Iterator[tuple[str, object]]:
    """Yield `value` and `name` with what they are, each sign as itself, and at last `end`."""
    place, kind = 0, ""
    while kind != "end":
        place = len(text) - len(text[place:].lstrip())
        found = _TOKEN.match(text, place)
        if found is None:
            raise ValueError(f"{text[place : place + 10]!r} is not understood")
        place, kind = found.end(), found.lastgroup or ""
        yield _token(kind, found[kind])


def _token(kind: str, text: str) -> tuple[str, object]:
    if kind == "number":
        return "value", int(text)
    if kind == "sign":
        return " ".join(text.split()), None
    if kind != "word":
        return ("end" if kind == "end" else "value"), text
    if text in _WORDS:
        return "value", _WORDS[text]
    if text not in _NAMES:
        raise ValueError(f"{text!r} is not one of {', '.join(_NAMES)}")
    return "name", text
