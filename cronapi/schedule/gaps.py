"""How close and how far apart two runs in a row may be."""

from __future__ import annotations

from calendar import monthrange
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate, pairwise

from attrs import frozen

from cronapi.schedule.crontab import Crontab
from cronapi.schedule.dates import sample_of
from cronapi.schedule.english import Recurring
from cronapi.schedule.reading import Rule
from cronapi.schedule.wall_clock import DAY
from cronapi.schedule.windows import periods_of, times_of

_WEEK = 7
# The calendar repeats itself after 400 years.
_CYCLE = 4800


@frozen
class Gaps:
    """The bounds of the time between two runs in a row.

    They are of a calendar whose clock is not changed: a change may add to a gap or take from it.
    For random times they are those of the unlikeliest draws.
    """

    shortest: timedelta
    longest: timedelta


def gaps_of(rule: Rule) -> Gaps | None:
    """Return the bounds for a rule, `None` for one that does not run twice."""
    if isinstance(rule, Crontab):
        found = _of_crontab(rule)
    elif isinstance(rule, Recurring):
        found = _of_recurring(rule)
    else:
        found = None
    try:
        return found and Gaps(*(timedelta(seconds=seconds) for seconds in found))
    except OverflowError:
        # The calendar ends before the second run.
        return None


@lru_cache(maxsize=256)
def _of_crontab(crontab: Crontab) -> tuple[int, int] | None:
    days = sample_of(crontab.dates)
    if not days:
        return None
    between = {later - earlier for earlier, later in pairwise(days)}
    times, periods = times_of(crontab), periods_of(crontab)
    least = min(between) * DAY + times[0] - times[-1]
    most = max(between) * DAY + periods[0][1] - periods[-1][0]
    return (
        min([least, *(later - earlier for earlier, later in pairwise(times))]),
        max([most, *(later[1] - earlier[0] for earlier, later in pairwise(periods))]),
    )


def _of_recurring(rule: Recurring) -> tuple[int, int] | None:
    if rule.period:
        return rule.period, rule.period
    months, days = rule.span.months, rule.span.days
    least, most = (length + days for length in _lengths_of(months))
    seconds = rule.span.seconds
    if rule.weekday is None and rule.clock is None:
        return least * DAY + seconds, most * DAY + seconds
    # The time of day is the same each time, so that only whole days count.
    hour, minute = rule.clock or (0, 0)
    more = ((hour * 60 + minute) * 60 + seconds) // DAY
    least, most = least + more, most + more
    if rule.weekday is not None:
        least, most = (-(-days // _WEEK) * _WEEK for days in (least, most))
    return (least * DAY, most * DAY) if least > 0 else None


@lru_cache(maxsize=64)
def _lengths_of(months: int) -> tuple[int, int]:
    """Return the days that this number of months has at least and at most."""
    starts = _month_starts()
    cycles, rest = divmod(months, _CYCLE)
    ends = (*starts[rest:_CYCLE], *(starts[-1] + start for start in starts[: rest + 1]))
    lengths = [end - start for start, end in zip(starts[:-1], ends, strict=False)]
    return min(lengths) + cycles * starts[-1], max(lengths) + cycles * starts[-1]


@lru_cache(maxsize=1)
def _month_starts() -> tuple[int, ...]:
    """Return the first day of each month of 400 years, and of the one after, from 0 on."""
    lengths = (monthrange(2000 + month // 12, month % 12 + 1)[1] for month in range(_CYCLE))
    return tuple(accumulate(lengths, initial=0))
