"""Crontab expressions of the services as runs in Unix time, forward and backward.

The wall clock of a zone is taken a day of UTC at a time, so that both directions see the same runs.
Source: FastCron's guide "cron-expressions", and Debian's cron(8) for changes of the clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from cronapi.schedule.cron_fields import (
    DAY,
    FIELD_NAMES,
    HOUR,
    LAST_DAY,
    MINUTE,
    MONTH,
    WEEKDAY,
    draw,
    is_random,
    read_field,
    values_of,
)
from cronapi.schedule.dates import EPOCH, FIRST_DATE, LAST_DATE, LONGEST_WAIT, Dates
from cronapi.schedule.wall_clock import DAY as SECONDS_OF_A_DAY
from cronapi.schedule.wall_clock import Stretch, stretches

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_HOURS = 24
_Found = TypeVar("_Found")


@frozen(eq=False)
class Crontab:
    """A five-field expression with a run at each of `seconds` of a matching minute.

    A random field is drawn anew: minutes for every hour, hours for every day. A draw depends only
    on `seed`, the field and the period, so that asking twice gives the same runs.
    """

    fields: tuple[str, ...]
    seconds: tuple[int, ...]
    seed: str
    dates: Dates
    frequent: bool

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start`, earliest first."""
        days = range(start // SECONDS_OF_A_DAY, LAST_DATE)
        for runs in self._on_days(days, zone, _runs_of):
            yield from (run for run in runs if run > start)

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start` and not later than `end`, latest first."""
        days = range(end // SECONDS_OF_A_DAY, start // SECONDS_OF_A_DAY - 1, -1)
        for runs in self._on_days(days, zone, _runs_of):
            yield from (run for run in reversed(runs) if start < run <= end)

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        """Return the number of runs later than `start` and not later than `end`."""
        first, last = start // SECONDS_OF_A_DAY, end // SECONDS_OF_A_DAY
        at_the_edges = sum(
            bisect_left(runs, end + 1) - bisect_left(runs, start + 1)
            for day in sorted({first, last})
            for runs in self._on_days(range(day, day + 1), zone, _runs_of)
        )
        return at_the_edges + sum(self._on_days(range(first + 1, last), zone, _number_on))

    def _on_days(
        self, days: range, zone: ZoneInfo, look: Callable[[Crontab, int, ZoneInfo], _Found]
    ) -> Iterator[_Found]:
        """Look at each day of UTC that has runs, up to a wait that is too long."""
        last, idle = days.start, range(0)
        for day in days:
            if day in idle:
                continue
            if abs(day - last) > LONGEST_WAIT:
                return
            if not FIRST_DATE <= day <= LAST_DATE:
                continue
            idle = self.dates.idle(day)
            found = look(self, day, zone)
            if found:
                last = day
                yield found


def read_crontab(text: str, *, seconds: tuple[int, ...] = (0,), seed: str = "") -> Crontab:
    """Read an expression of five fields.

    Weekdays go from 1 (Monday) to 7 (Sunday), and 0 is also Sunday. An expression may name dates
    that no year has, and then never runs. Raises a `ValueError` that names the wrong field.
    """
    words = text.upper().split()
    if len(words) != len(FIELD_NAMES):
        raise ValueError(f"an expression has five fields, not {len(words)}: {text!r}")
    fields = tuple(read_field(word, index) for index, word in enumerate(words))
    dates = Dates(
        months=frozenset(values_of(fields[MONTH], MONTH)),
        days=_restricted(fields[DAY], DAY),
        weekdays=_restricted(fields[WEEKDAY], WEEKDAY),
        last=fields[DAY] == LAST_DAY,
    )
    return Crontab(fields, seconds, f"{seed} {' '.join(fields)}", dates, _is_frequent(fields))


def _restricted(field: str, index: int) -> frozenset[int] | None:
    if {"*", "*/1"} & set(field.split(",")):
        return None
    return frozenset() if field == LAST_DAY else frozenset(values_of(field, index))


def _is_frequent(fields: tuple[str, ...]) -> bool:
    """Return True for a job that runs every hour or more often, so that no change matters to it.

    Like Debian's cron, go by the stars. `*/6` is not every hour.
    """
    every_hour = fields[HOUR].startswith("*") and len(values_of(fields[HOUR], HOUR)) == _HOURS
    return every_hour or fields[MINUTE].startswith("*")


@lru_cache(maxsize=64)
def _runs_of(crontab: Crontab, day: int, zone: ZoneInfo) -> Sequence[int]:
    """Return the runs of one day of UTC, ascending."""
    return [run for stretch in _stretches(crontab, day, zone) for run in _runs_in(crontab, stretch)]


def _number_on(crontab: Crontab, day: int, zone: ZoneInfo) -> int:
    """Return the number of runs on one day of UTC, without listing them on a plain day."""
    return sum(_number_in(crontab, stretch) for stretch in _stretches(crontab, day, zone))


def _stretches(crontab: Crontab, day: int, zone: ZoneInfo) -> Sequence[Stretch]:
    """Return the stretches of one day of UTC, none if there is no date of the expression near."""
    near = any(date in crontab.dates for date in (day, day - 1, day + 1))
    return stretches(day, zone) if near else ()


def _runs_in(crontab: Crontab, stretch: Stretch) -> list[int]:
    """Return the runs in a stretch, ascending.

    A job that runs less often than every hour runs once for all that was skipped, and not again
    while the clock repeats itself.
    """
    begins, ends = stretch.start + stretch.offset, stretch.end + stretch.offset
    if crontab.frequent:
        return [time - stretch.offset for time in _times(crontab, begins, ends)]
    missed = any(True for _ in _times(crontab, stretch.skipped, begins))
    runs = [time - stretch.offset for time in _times(crontab, stretch.new, ends)]
    return [stretch.start, *runs] if missed and stretch.start not in runs[:1] else runs


def _number_in(crontab: Crontab, stretch: Stretch) -> int:
    begins, ends = stretch.start + stretch.offset, stretch.end + stretch.offset
    if crontab.frequent or stretch.skipped == stretch.new == begins:
        return sum(len(times) for _, times in _by_date(crontab, begins, ends))
    return len(_runs_in(crontab, stretch))


def _times(crontab: Crontab, begin: int, end: int) -> Iterator[int]:
    """Yield the times of the wall clock from `begin` up to `end` that match."""
    for midnight, times in _by_date(crontab, begin, end):
        yield from (midnight + time for time in times)


def _by_date(crontab: Crontab, begin: int, end: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield the midnight of each date, and the times after it that match."""
    for day in range(begin // SECONDS_OF_A_DAY, -(-end // SECONDS_OF_A_DAY)):
        if day in crontab.dates:
            midnight, times = day * SECONDS_OF_A_DAY, _times_of_day(crontab, day)
            first, last = (bisect_left(times, edge - midnight) for edge in (begin, end))
            yield midnight, times[first:last]


def _times_of_day(crontab: Crontab, day: int) -> Sequence[int]:
    fields = crontab.fields[: HOUR + 1]
    if not any(map(is_random, fields)):
        return _fixed_times(fields, crontab.seconds)
    return _drawn_times(fields, crontab.seconds, f"{crontab.seed} {date.fromordinal(EPOCH + day)}")


@lru_cache(maxsize=1024)
def _fixed_times(fields: tuple[str, ...], seconds: tuple[int, ...]) -> Sequence[int]:
    minutes = values_of(fields[MINUTE], MINUTE)
    return _in_seconds(
        ((hour, minute) for hour in values_of(fields[HOUR], HOUR) for minute in minutes), seconds
    )


@lru_cache(maxsize=64)
def _drawn_times(fields: tuple[str, ...], seconds: tuple[int, ...], seed: str) -> Sequence[int]:
    hours = draw(fields[HOUR], HOUR, seed)
    return _in_seconds(
        (
            (hour, minute)
            for hour in hours
            for minute in draw(fields[MINUTE], MINUTE, f"{seed} {hour}")
        ),
        seconds,
    )


def _in_seconds(minutes: Iterable[tuple[int, int]], seconds: tuple[int, ...]) -> Sequence[int]:
    return [(hour * 60 + minute) * 60 + second for hour, minute in minutes for second in seconds]
