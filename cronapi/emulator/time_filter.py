"""The filter of a job: a condition on the time of a run, which is left out unless it holds.

Source: FastCron's blog on time filters of October 2023, and Symfony's ExpressionLanguage, in which
they are written. `minute`, `hour`, `day` and `month` are numbers and `weekday` is `Mon` to `Sun`,
all in the zone of the job.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# `None` is not known: a minute, as long as only the date is.
Values = Mapping[str, object]
Term = Callable[[Values], object]

_LONGEST, _DEEPEST = 500, 20
_WIDEST = 5000
"""The most by which the ends of a range differ. PHP runs out of memory some way above it."""
_NAMES = ("minute", "hour", "day", "month", "weekday")
_SIZES = (60, 24, 31, 12, 7)
"""The number of values that each of the names has."""
_SOON = 600_000
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORDS = {"true": True, "false": False}
# Such as a weekday in a sum, a division by 0, and the rest of a number without an end.
_ERRORS = (ArithmeticError, TypeError, ValueError)
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
    except _ERRORS:
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
        while (found := _BINARY.get(self._tokens[0][0])) is not None and found[0] >= least:
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
        if kind in _UNARY:
            level, make = _UNARY[kind]
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


def _is_unknown(value: object) -> bool:
    return value is None or (isinstance(value, list) and any(map(_is_unknown, value)))


def _known(operation: Callable[[object, object], object]) -> Callable[[Term, Term], Term]:
    """Let the result be unknown if a side is."""

    def make(left: Term, right: Term) -> Term:
        def term(known: Values) -> object:
            one, other = left(known), right(known)
            unknown = _is_unknown(one) or _is_unknown(other)
            return None if unknown else operation(one, other)

        return term

    return make


def _compared(compare: Callable[[Any, Any], object]) -> Callable[[Term, Term], Term]:
    """Compare like PHP: a number and a text of digits are both numbers, another text is a text."""

    def alike(one: object, other: object) -> object:
        if isinstance(one, str) != isinstance(other, str):
            digits = all(str(side).isdecimal() for side in (one, other))
            one, other = (int(str(side)) if digits else str(side) for side in (one, other))
        return compare(one, other)

    return _known(alike)


def _counted(operation: Callable[[Any, Any], object]) -> Callable[[Term, Term], Term]:
    """Calculate with numbers alone."""

    def numbers(one: object, other: object) -> object:
        if not isinstance(one, int | float) or not isinstance(other, int | float):
            raise TypeError
        return operation(one, other)

    return _known(numbers)


def _joined(decisive: bool) -> Callable[[Term, Term], Term]:
    """Return `or`, which a true side decides, or `and`, which a false one does, the left first."""

    def make(left: Term, right: Term) -> Term:
        def term(known: Values) -> object:
            one = left(known)
            if one is not None and bool(one) is decisive:
                return decisive
            try:
                other = right(known)
            except _ERRORS:
                if one is None:  # it may decide alone
                    return None
                raise
            if other is not None and bool(other) is decisive:
                return decisive
            return None if one is None or other is None else not decisive

        return term

    return make


def _alone(operation: Callable[[Any], object]) -> Callable[[Term], Term]:
    def make(operand: Term) -> Term:
        def term(known: Values) -> object:
            value = operand(known)
            return None if value is None else operation(value)

        return term

    return make


def _is_in(one: object, other: object) -> bool:
    if isinstance(other, list):
        return one in other
    if not isinstance(other, range):
        raise TypeError
    # A range looks at its numbers one by one for anything but an int.
    if isinstance(one, float) and one.is_integer():
        one = int(one)
    return isinstance(one, int) and one in other


def _remainder(one: float, other: float) -> int:
    """Return the rest of a division with the sign of the first number, as PHP has it."""
    rest = abs(int(one)) % abs(int(other))
    return -rest if one < 0 else rest


def _until(one: int, other: int) -> range:
    if other - one > _WIDEST:
        raise ValueError
    return range(one, other + 1)


_OR, _AND, _IN = _joined(decisive=True), _joined(decisive=False), _known(_is_in)
_NOT_IN = _known(lambda one, other: not _is_in(one, other))
_EQUAL, _OTHER = _compared(operator.eq), _compared(operator.ne)
_BINARY: Mapping[str, tuple[int, Callable[[Term, Term], Term]]] = {
    "or": (10, _OR),
    "||": (10, _OR),
    "and": (15, _AND),
    "&&": (15, _AND),
    "==": (20, _EQUAL),
    "===": (20, _EQUAL),
    "!=": (20, _OTHER),
    "!==": (20, _OTHER),
    "<": (20, _compared(operator.lt)),
    "<=": (20, _compared(operator.le)),
    ">": (20, _compared(operator.gt)),
    ">=": (20, _compared(operator.ge)),
    "in": (20, _IN),
    "not in": (20, _NOT_IN),
    "..": (25, _counted(_until)),
    "+": (30, _counted(operator.add)),
    "-": (30, _counted(operator.sub)),
    "*": (60, _counted(operator.mul)),
    "/": (60, _counted(operator.truediv)),
    "%": (60, _counted(_remainder)),
}
"""The operators between two values, each with its precedence: the higher binds first."""
_NOT = _alone(operator.not_)
_UNARY: Mapping[str, tuple[int, Callable[[Term], Term]]] = {
    "not": (50, _NOT),
    "!": (50, _NOT),
    "-": (500, _alone(operator.neg)),
    "+": (500, _alone(operator.pos)),
}
"""The operators before a value, each with its precedence."""
