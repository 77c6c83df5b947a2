"""Between which times a schedule runs, where the service draws the times.

A random minute is drawn for each hour, and a random hour for each day. The service's draws are not
known, so all that can be told of such a period is its earliest and its latest possible run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronapi.schedule.cron_fields import FIELD_NAMES, HOUR, MINUTE, choices, is_random, values_of
from cronapi.schedule.crontab import Crontab
from cronapi.schedule.dates import EPOCH, FIRST_DATE, LAST_DATE, LONGEST_WAIT
from cronapi.schedule.reading import Rule
from cronapi.schedule.wall_clock import DAY, LONGEST_CHANGE, unix_time

Span = tuple[int, int]
"""The earliest and the latest time of a run, in seconds."""
EARLIEST = -(10**11)
"""A Unix time before the calendar begins."""


def random_fields(rule: Rule) -> tuple[str, ...]:
    """Return the names of the fields that the service draws."""
    if not isinstance(rule, Crontab):
        return ()
    return tuple(FIELD_NAMES[index] for index in (MINUTE, HOUR) if is_random(rule.fields[index]))


def times_of(crontab: Crontab) -> list[int]:
    """Return the possible times of a day in seconds, ascending."""
    minutes, hours = (values_of(choices(crontab.fields[index]), index) for index in (MINUTE, HOUR))
    return [
        (hour * 60 + minute) * 60 + second
        for hour in hours
        for minute in minutes
        for second in crontab.seconds
    ]


@lru_cache(maxsize=256)
def periods_of(crontab: Crontab) -> list[Span]:
    """Return the ends of each period of a day that has a run, in seconds, ascending."""
    times = times_of(crontab)
    minute, hour = crontab.fields[MINUTE], crontab.fields[HOUR]
    if is_random(hour):
        return [(times[0], times[-1])]
    if not is_random(minute):
        return [(time, time) for time in times]
    each = len(times) // len(values_of(hour, HOUR))
    return [(times[at], times[at + each - 1]) for at in range(0, len(times), each)]


def spans_after(rule: Rule, start: int, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the spans that begin later than `start`, earliest first."""
    if not (isinstance(rule, Crontab) and random_fields(rule)):
        return ((run, run) for run in rule.after(start, zone))
    # The zone's date may be another one than that of UTC.
    days = range(max(start // DAY - 1, FIRST_DATE), LAST_DATE)
    return (span for span in _spans(rule, days, zone) if span[0] > start)


def spans_before(rule: Rule, end: int, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the spans that end before `end`, latest first."""
    if not (isinstance(rule, Crontab) and random_fields(rule)):
        return ((run, run) for run in rule.until(EARLIEST, end - 1, zone))
    days = range(min(end // DAY + 1, LAST_DATE), FIRST_DATE, -1)
    return (span for span in _spans(rule, days, zone) if span[1] < end)


def _spans(crontab: Crontab, days: range, zone: ZoneInfo) -> Iterator[Span]:
    """Yield a span for each period in which there is certainly a run, in the order of `days`."""
    periods = periods_of(crontab)[:: days.step]
    for day in _matching(crontab, days):
        midnight = datetime.combine(date.fromordinal(EPOCH + day), datetime.min.time())
        for period in periods:
            span = _span(crontab, midnight, period, zone)
            if span is not None:
                yield span


def _matching(crontab: Crontab, days: Iterable[int]) -> Iterator[int]:
    """Yield the days with a run, up to a wait that is too long."""
    waited = 0
    for day in days:
        waited = 0 if day in crontab.dates else waited + 1
        if not waited:
            yield day
        elif waited > LONGEST_WAIT:
            return


def _span(crontab: Crontab, midnight: datetime, period: Span, zone: ZoneInfo) -> Span | None:
    """Return the span of a period of a day, `None` for one that may be left without a run.

    A change of the clock may cut a period short. The run is made up for then, but not for a job
    that runs every hour or more often, and not where a zone leaves out a day.
    """
    first, last = (midnight + timedelta(seconds=edge) for edge in period)
    span = unix_time(first, zone), unix_time(last, zone)
    moved = [
        abs(datetime.fromtimestamp(time, zone).replace(tzinfo=None) - wall).total_seconds()
        for time, wall in zip(span, (first, last), strict=True)
    ]
    moved.append(abs(span[1] - span[0] - (period[1] - period[0])))
    return span if max(moved) <= (0 if crontab.frequent else LONGEST_CHANGE) else None
