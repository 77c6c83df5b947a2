"""English spans and moments, a strict part of what PHP's `strtotime` reads.

Source: FastCron's guide to time expressions. What is not listed here is refused rather than guessed.
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
_SPAN_AND_MOMENT = re.compile(
    rf"(?P<span>{_SPAN.pattern})(?:\s+{_DAY_NAME})?{_CLOCK}", re.IGNORECASE
)
_NEXT_WEEKDAY = re.compile(rf"next\s+{_DAY_NAME}{_CLOCK}", re.IGNORECASE)
_TOMORROW = re.compile(rf"tomorrow{_CLOCK}", re.IGNORECASE)
_NEXT_MONTH = re.compile(rf"(?P<edge>first|last)\s+day\s+of\s+next\s+month{_CLOCK}", re.IGNORECASE)
_UNIX_EPOCH = 1970
_DATE_FORMATS = ("%b %d, %Y, %H:%M", "%B %d, %Y, %H:%M", "%b %d, %Y %H:%M", "%B %d, %Y %H:%M")


@frozen
class Span:
    """A length of time: days by the wall clock, seconds by the Unix clock."""

    days: int
    seconds: int

    @property
    def total(self) -> int:
        """The whole length in seconds, with days of 24 hours."""
        return self.days * 86_400 + self.seconds


@frozen
class Recurring:
    """A time expression: each run is found from the one before it, the first from the moment of planning.

    `period` is the constant distance in seconds where there is one, else 0.
    """

    step: Callable[[datetime], datetime]
    period: int = 0

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs that follow from a run at `start`, earliest first."""
        last, run = start, self._next(start, zone)
        # A step that leads nowhere ("1 second 00:00") ends the series, as a moment in the past does.
        while run > last:
            yield run
            last, run = run, self._next(run, zone)

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs that follow from a run at `start` and are not later than `end`, latest first."""
        if self.period:
            return iter(range(end - (end - start) % self.period, start, -self.period))
        return reversed(list(_not_later(self.after(start, zone), end)))

    def _next(self, start: int, zone: ZoneInfo) -> int:
        if self.period:
            return start + self.period
        try:
            return int(self.step(datetime.fromtimestamp(start, zone)).timestamp())
        except (OverflowError, ValueError):
            # The calendar ends with the year 9999, and the series with it.
            return start


@frozen
class Once:
    """One run at a given moment; a moment without a zone is in the job's."""

    moment: datetime

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the run if it is later than `start`."""
        run = self._unix(zone)
        return iter([run] if run > start else [])

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the run if it is later than `start` and not later than `end`."""
        return _not_later(self.after(start, zone), end)

    def _unix(self, zone: ZoneInfo) -> int:
        moment = self.moment if self.moment.tzinfo else self.moment.replace(tzinfo=zone)
        return int(moment.timestamp())


def read_span(text: str) -> Span | None:
    """Read `15 minutes` or `1 min 30 sec`; `None` when the text is no span or has no length."""
    if not _SPAN.fullmatch(text.strip()):
        return None
    parts = [(int(count), unit.lower()) for count, unit in _PART.findall(text)]
    days = sum(count * _DAYS.get(unit, 0) for count, unit in parts)
    seconds = sum(count * _SECONDS.get(unit, 0) for count, unit in parts)
    return Span(days, seconds) if days or seconds else None


def read_recurring(text: str) -> Recurring | None:
    """Read a time expression such as `1 hour` or `next Friday 17:05`; `None` when it is none."""
    for pattern, reader in _READERS:
        match = pattern.fullmatch(text.strip())
        if match:
            return reader(match)
    return None


def read_date(text: str) -> Once | None:
    """Read an ISO date and time, or `Feb 14, 2030, 7:30`; `None` when it is neither."""
    for read in (datetime.fromisoformat, *(_format_reader(form) for form in _DATE_FORMATS)):
        try:
            moment = read(text.strip())
        except ValueError:
            continue
        return Once(moment) if moment.year >= _UNIX_EPOCH else None
    return None


def _format_reader(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)  # noqa: DTZ007 -- the zone is the job's


def _not_later(runs: Iterator[int], end: int) -> Iterator[int]:
    for run in runs:
        if run > end:
            return
        yield run


def _span_and_moment(match: re.Match[str]) -> Recurring | None:
    span, weekday, clock = read_span(match["span"]), match["weekday"], _read_clock(match["clock"])
    if span is None:
        return None
    if not (span.days or weekday or clock):
        return Recurring(lambda moment: moment, span.seconds)
    return Recurring(lambda moment: _set(_move(moment, span), weekday, clock))


def _next_weekday(match: re.Match[str]) -> Recurring:
    clock = _read_clock(match["clock"])
    return Recurring(lambda moment: _set(moment + timedelta(days=1), match["weekday"], clock))


def _tomorrow(match: re.Match[str]) -> Recurring:
    clock = _read_clock(match["clock"]) or (0, 0)
    return Recurring(lambda moment: _set(moment + timedelta(days=1), None, clock))


def _next_month(match: re.Match[str]) -> Recurring:
    months = {"first": 1, "last": 2}[match["edge"].lower()]
    clock = _read_clock(match["clock"])
    return Recurring(
        lambda moment: _set(_month_start(moment, months) - timedelta(days=months - 1), None, clock)
    )


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Recurring | None]], ...] = (
    (_SPAN_AND_MOMENT, _span_and_moment),
    (_NEXT_WEEKDAY, _next_weekday),
    (_TOMORROW, _tomorrow),
    (_NEXT_MONTH, _next_month),
)


def _move(moment: datetime, span: Span) -> datetime:
    by_days = moment + timedelta(days=span.days)
    return datetime.fromtimestamp(by_days.timestamp() + span.seconds, moment.tzinfo)


def _set(moment: datetime, weekday: str | None, clock: tuple[int, int] | None) -> datetime:
    """Go to the weekday on or after the moment, then to the clock time; a weekday alone means its midnight."""
    if weekday:
        wanted = [name[:3] for name in _WEEKDAYS].index(weekday[:3].lower())
        moment += timedelta(days=(wanted - moment.weekday()) % 7)
        clock = clock or (0, 0)
    if clock:
        moment = moment.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
    return moment


def _month_start(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=1)


def _read_clock(text: str | None) -> tuple[int, int] | None:
    if not text:
        return None
    hour, minute = text.split(":")
    parsed = datetime.strptime(f"{hour}:{minute}", "%H:%M")  # noqa: DTZ007 -- only a time of day
    return parsed.hour, parsed.minute
