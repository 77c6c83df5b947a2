"""English time expressions: a strict subset of the texts that PHP's `strtotime` reads.

Source: FastCron's guide to time expressions. Any other text is refused rather than guessed.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

_SECONDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600}
_DAYS = {"day": 1, "week": 7}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_UNIT = "|".join((*_SECONDS, *_DAYS))
_PART = re.compile(rf"(\d+)\s*({_UNIT})s?\b", re.IGNORECASE)
_SPAN = re.compile(rf"\d+\s*(?:{_UNIT})s?(?:\s+\d+\s*(?:{_UNIT})s?)*", re.IGNORECASE)
_CLOCK = r"(?:\s+(?P<clock>\d{1,2}:\d{2}))?"
_DAY_NAME = rf"(?P<weekday>{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _WEEKDAYS)})"
_SPAN_AND_TIME = re.compile(rf"(?P<span>{_SPAN.pattern})(?:\s+{_DAY_NAME})?{_CLOCK}", re.IGNORECASE)
_NEXT_WEEKDAY = re.compile(rf"next\s+{_DAY_NAME}{_CLOCK}", re.IGNORECASE)
_TOMORROW = re.compile(rf"tomorrow{_CLOCK}", re.IGNORECASE)
_NEXT_MONTH = re.compile(rf"(?P<edge>first|last)\s+day\s+of\s+next\s+month{_CLOCK}", re.IGNORECASE)
_UNIX_EPOCH = 1970
_DATE_FORMATS = ("%b %d, %Y, %H:%M", "%B %d, %Y, %H:%M", "%b %d, %Y %H:%M", "%B %d, %Y %H:%M")


@frozen
class Span:
    """A length of time: days on the wall clock, seconds on the Unix clock."""

    days: int
    seconds: int

    @property
    def total(self) -> int:
        """The whole length in seconds, with days of 24 hours."""
        return self.days * 86_400 + self.seconds


@frozen
class Recurring:
    """A time expression: `step` leads from one run to the next.

    The first step starts at the time of planning. `period` is the constant distance of two runs in
    seconds, or 0 if it varies.
    """

    step: Callable[[datetime], datetime]
    period: int = 0

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

    def _next(self, start: int, zone: ZoneInfo) -> int:
        if self.period:
            return start + self.period
        try:
            return int(self.step(datetime.fromtimestamp(start, zone)).timestamp())
        except (OverflowError, ValueError):
            # The calendar ends with the year 9999, and so does the series.
            return start


@frozen
class Once:
    """One run at a given time. A time without a zone is in the job's."""

    time: datetime

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the run if it is later than `start`."""
        run = self._unix(zone)
        return iter([run] if run > start else [])

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the run if it is later than `start` and not later than `end`."""
        return _not_later(self.after(start, zone), end)

    def _unix(self, zone: ZoneInfo) -> int:
        time = self.time if self.time.tzinfo else self.time.replace(tzinfo=zone)
        return int(time.timestamp())


def read_span(text: str) -> Span | None:
    """Read `15 minutes` or `1 min 30 sec`. Return `None` for another text or a length of 0."""
    if not _SPAN.fullmatch(text.strip()):
        return None
    parts = [(int(count), unit.lower()) for count, unit in _PART.findall(text)]
    days = sum(count * _DAYS.get(unit, 0) for count, unit in parts)
    seconds = sum(count * _SECONDS.get(unit, 0) for count, unit in parts)
    return Span(days, seconds) if days or seconds else None


def read_recurring(text: str) -> Recurring | None:
    """Read a time expression such as `1 hour` or `next Friday 17:05`, else return `None`."""
    for pattern, reader in _READERS:
        match = pattern.fullmatch(text.strip())
        if match:
            return reader(match)
    return None


def read_date(text: str) -> Once | None:
    """Read an ISO date and time, or one like `Feb 14, 2030, 7:30`, else return `None`."""
    for read in (datetime.fromisoformat, *(_format_reader(form) for form in _DATE_FORMATS)):
        try:
            time = read(text.strip())
        except ValueError:
            continue
        return Once(time) if time.year >= _UNIX_EPOCH else None
    return None


def _format_reader(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)  # noqa: DTZ007 -- the zone is the job's


def _not_later(runs: Iterator[int], end: int) -> Iterator[int]:
    for run in runs:
        if run > end:
            return
        yield run


def _span_and_time(match: re.Match[str]) -> Recurring | None:
    span, weekday, clock = read_span(match["span"]), match["weekday"], _read_clock(match["clock"])
    if span is None:
        return None
    if not (span.days or weekday or clock):
        return Recurring(lambda last: last, span.seconds)
    return Recurring(lambda last: _set(_move(last, span), weekday, clock))


def _next_weekday(match: re.Match[str]) -> Recurring:
    clock = _read_clock(match["clock"])
    return Recurring(lambda last: _set(last + timedelta(days=1), match["weekday"], clock))


def _tomorrow(match: re.Match[str]) -> Recurring:
    clock = _read_clock(match["clock"]) or (0, 0)
    return Recurring(lambda last: _set(last + timedelta(days=1), None, clock))


def _next_month(match: re.Match[str]) -> Recurring:
    months = {"first": 1, "last": 2}[match["edge"].lower()]
    clock = _read_clock(match["clock"])
    return Recurring(
        lambda last: _set(_month_start(last, months) - timedelta(days=months - 1), None, clock)
    )


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Recurring | None]], ...] = (
    (_SPAN_AND_TIME, _span_and_time),
    (_NEXT_WEEKDAY, _next_weekday),
    (_TOMORROW, _tomorrow),
    (_NEXT_MONTH, _next_month),
)


def _move(start: datetime, span: Span) -> datetime:
    by_days = start + timedelta(days=span.days)
    return datetime.fromtimestamp(by_days.timestamp() + span.seconds, start.tzinfo)


def _set(time: datetime, weekday: str | None, clock: tuple[int, int] | None) -> datetime:
    """Move to the weekday on or after `time`, then to the clock time (midnight by default)."""
    if weekday:
        wanted = [name[:3] for name in _WEEKDAYS].index(weekday[:3].lower())
        time += timedelta(days=(wanted - time.weekday()) % 7)
        clock = clock or (0, 0)
    if clock:
        time = time.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
    return time


def _month_start(time: datetime, months: int) -> datetime:
    """Return the first day of the month that is `months` later, at the same time of day."""
    year, month = divmod(time.year * 12 + time.month - 1 + months, 12)
    return time.replace(year=year, month=month + 1, day=1)


def _read_clock(text: str | None) -> tuple[int, int] | None:
    if not text:
        return None
    hour, minute = text.split(":")
    parsed = datetime.strptime(f"{hour}:{minute}", "%H:%M")  # noqa: DTZ007 -- only a time of day
    return parsed.hour, parsed.minute
