"""English time expressions: a strict subset of the texts that PHP's `strtotime` reads.

Source: FastCron's guide to time expressions. Any other text is refused rather than guessed. No word
depends on the locale of the process.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from attrs import frozen

from cronapi.schedule.wall_clock import unix_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

_SECONDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}
WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern when it is first used, since that takes longer than all the rest here."""
    return re.compile(text, re.IGNORECASE | re.ASCII)


def _names(names: tuple[str, ...]) -> str:
    """Return a pattern of names in full or by their first three letters."""
    return "|".join(f"{name[:3]}(?:{name[3:]})?" for name in names)


_UNIT = "|".join((*_SECONDS, *_DAYS, *_MONTHS))
_PART = rf"(\d+)\s*({_UNIT})s?\b"
_SPAN = rf"\d+\s*(?:{_UNIT})s?(?:\s+\d+\s*(?:{_UNIT})s?)*"
TIME = r"\d{1,2}:\d{2}(?:\s*[AP]M)?|\d{1,2}\s*[AP]M"
_TIME_PARTS = r"(\d+)(?::(\d+))?\s*([AP]M)?"
_CLOCK = rf"(?:\s+(?P<clock>{TIME}))?"
_DAY_NAME = rf"(?P<weekday>{_names(WEEKDAY_NAMES)})"
_SPAN_AND_TIME = rf"(?P<span>{_SPAN})(?:\s+{_DAY_NAME})?{_CLOCK}"
_NEXT_WEEKDAY = rf"next\s+{_DAY_NAME}{_CLOCK}"
_TOMORROW = rf"tomorrow{_CLOCK}"
_NEXT_MONTH = rf"(?P<edge>first|last)\s+day\s+of\s+next\s+month{_CLOCK}"
_DATE = (
    rf"(?P<month>{_names(MONTH_NAMES)})\s+(?P<day>\d{{1,2}}),\s+"
    rf"(?P<year>\d{{4}}),?\s+(?P<clock>{TIME})"
)
_DATE_IN_DIGITS = rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})\s+(?P<clock>{TIME})"
# Python takes any character between date and time, and in some releases an hour of 24.
_ISO = r"[\dW-]+(?:[T ](?!24).*)?"
_UNIX_EPOCH = 1970
_HALF_A_DAY = 12


@frozen
class Span:
    """A length of time: months and days on the wall clock, seconds on the Unix clock."""

    months: int
    days: int
    seconds: int

    @property
    def total(self) -> int:
        """The whole length of a span without months in seconds, with days of 24 hours."""
        return self.days * 86_400 + self.seconds


ONE_DAY = Span(0, 1, 0)


@frozen
class Recurring:
    """A time expression: each step leads from one run in Unix seconds to the next, in a zone.

    A step moves by `span` on the wall clock, then on to `weekday` (0 is Monday) and to the time of
    day `clock`. With `edge` it moves to the first or the last day of the next month instead. The
    first step starts at the time of planning.
    """

    span: Span
    weekday: int | None = None
    clock: tuple[int, int] | None = None
    edge: str = ""

    @property
    def period(self) -> int:
        """The constant distance of two runs in seconds, or 0 if it varies."""
        varies = self.span.months or self.span.days or self.edge
        moved = self.weekday is not None or self.clock is not None
        return 0 if varies or moved else self.span.seconds

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs that follow a run at `start`, earliest first."""
        last, run = start, self._next(start, zone)
        # A step that does not lead forward, as in "1 second 00:00", ends the series.
        while run > last:
            yield run
            last, run = run, self._next(run, zone)

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs that follow a run at `start`, up to and including `end`, latest first."""
        if self.period:
            return iter(range(end - (end - start) % self.period, start, -self.period))
        return reversed(list(_not_later(self.after(start, zone), end)))

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        """Return the number of runs that follow a run at `start`, up to and including `end`."""
        if self.period:
            return max(0, end - start) // self.period
        return sum(1 for _ in _not_later(self.after(start, zone), end))

    def _next(self, start: int, zone: ZoneInfo) -> int:
        if self.period:
            return start + self.period
        try:
            return unix_time(_set(self._move(start, zone), self.weekday, self.clock), zone)
        except (OverflowError, ValueError):
            # The calendar ends with the year 9999, and so does the series.
            return start

    def _move(self, start: int, zone: ZoneInfo) -> datetime:
        time = _wall(start, zone)
        if self.edge:
            return edge_of_next_month(time, self.edge)
        if self.span.months:
            # Like PHP, count on into the next month where a month is too short for the day.
            time = month_start(time, self.span.months) + timedelta(days=time.day - 1)
        time += timedelta(days=self.span.days)
        seconds = self.span.seconds
        return _wall(unix_time(time, zone) + seconds, zone) if seconds else time


@frozen
class Once:
    """One run at a given time. A time without a zone is in the job's."""

    time: datetime

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the run if it is later than `start`."""
        run = self.unix_time(zone)
        return iter([run] if run > start else [])

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the run if it is later than `start` and not later than `end`."""
        return _not_later(self.after(start, zone), end)

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        """Return 1 if the run is later than `start` and not later than `end`, else 0."""
        return sum(1 for _ in self.until(start, end, zone))

    def unix_time(self, zone: ZoneInfo) -> int:
        """Return the time of the run in Unix seconds."""
        return int(self.time.timestamp()) if self.time.tzinfo else unix_time(self.time, zone)


def read_span(text: str) -> Span | None:
    """Read `15 minutes` or `1 min 30 sec`. Return `None` for another text or a length of 0."""
    if not _pattern(_SPAN).fullmatch(text.strip()):
        return None
    parts = [(int(count), unit.lower()) for count, unit in _pattern(_PART).findall(text)]
    months, days, seconds = (
        sum(count * units.get(unit, 0) for count, unit in parts)
        for units in (_MONTHS, _DAYS, _SECONDS)
    )
    return Span(months, days, seconds) if months or days or seconds else None


def read_recurring(text: str) -> Recurring | None:
    """Read a time expression such as `1 hour` or `next Friday 17:05`, else return `None`."""
    for pattern, reader in _READERS:
        match = _pattern(pattern).fullmatch(text.strip())
        if match:
            return reader(match)
    return None


def read_date(text: str) -> Once | None:
    """Read an ISO date and time, or one like `Feb 14, 2030, 7:30 PM`, else return `None`."""
    text = text.strip()
    match = _pattern(_DATE).fullmatch(text) or _pattern(_DATE_IN_DIGITS).fullmatch(text)
    if not (match or _pattern(_ISO).fullmatch(text)):
        return None
    try:
        time = _dated(match) if match else datetime.fromisoformat(text)
    except ValueError:
        return None
    return Once(time) if time.year >= _UNIX_EPOCH else None


def _dated(match: re.Match[str]) -> datetime:
    month = match["month"]
    number = int(month) if month.isdigit() else _place(month, MONTH_NAMES) + 1
    day = datetime(int(match["year"]), number, int(match["day"]))  # noqa: DTZ001 -- the zone is the job's
    hour, minute = read_clock(match["clock"]) or (0, 0)
    return day.replace(hour=hour, minute=minute)


def _not_later(runs: Iterator[int], end: int) -> Iterator[int]:
    for run in runs:
        if run > end:
            return
        yield run


def _span_and_time(match: re.Match[str]) -> Recurring | None:
    span, clock = read_span(match["span"]), read_clock(match["clock"])
    return Recurring(span, _read_weekday(match["weekday"]), clock) if span else None


def _next_weekday(match: re.Match[str]) -> Recurring:
    return Recurring(ONE_DAY, _read_weekday(match["weekday"]), read_clock(match["clock"]))


def _tomorrow(match: re.Match[str]) -> Recurring:
    return Recurring(ONE_DAY, clock=read_clock(match["clock"]) or (0, 0))


def _next_month(match: re.Match[str]) -> Recurring:
    return Recurring(Span(1, 0, 0), clock=read_clock(match["clock"]), edge=match["edge"].lower())


_READERS: tuple[tuple[str, Callable[[re.Match[str]], Recurring | None]], ...] = (
    (_SPAN_AND_TIME, _span_and_time),
    (_NEXT_WEEKDAY, _next_weekday),
    (_TOMORROW, _tomorrow),
    (_NEXT_MONTH, _next_month),
)


def _wall(time: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(time, zone).replace(tzinfo=None)


def _set(time: datetime, weekday: int | None, clock: tuple[int, int] | None) -> datetime:
    """Move to the weekday on or after `time`, then to the clock time (midnight by default)."""
    if weekday is not None:
        time += timedelta(days=(weekday - time.weekday()) % 7)
        clock = clock or (0, 0)
    if clock:
        time = time.replace(hour=clock[0], minute=clock[1], second=0)
    return time


def _read_weekday(name: str | None) -> int | None:
    return _place(name, WEEKDAY_NAMES) if name else None


def _place(name: str, names: tuple[str, ...]) -> int:
    return [known[:3] for known in names].index(name[:3].lower())


def month_start(time: datetime, months: int) -> datetime:
    """Return the first day of the month that is `months` later, at the same time of day."""
    year, month = divmod(time.year * 12 + time.month - 1 + months, 12)
    return time.replace(year=year, month=month + 1, day=1)


def edge_of_next_month(time: datetime, edge: str) -> datetime:
    """Return the `first` or the `last` day of the next month, at the same time of day."""
    months = {"first": 1, "last": 2}[edge]
    return month_start(time, months) - timedelta(days=months - 1)


def read_clock(text: str | None) -> tuple[int, int] | None:
    """Read a time of day of 24 hours, or of 12 with AM or PM. Raises `ValueError` if it is none."""
    match = _pattern(_TIME_PARTS).fullmatch(text) if text else None
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    hours = range(1, _HALF_A_DAY + 1) if half else range(24)
    if hour not in hours or minute not in range(60):
        raise ValueError(f"{text!r} is not a time of day")
    if half:
        hour = hour % _HALF_A_DAY + _HALF_A_DAY * (half.upper() == "PM")
    return hour, minute
