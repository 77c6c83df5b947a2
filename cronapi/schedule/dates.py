"""The dates of a crontab expression: day, month and weekday together."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from attrs import frozen

EPOCH = date(1970, 1, 1).toordinal()
# One day of UTC is read together with the dates beside it.
FIRST_DATE, LAST_DATE = date.min.toordinal() - EPOCH + 2, date.max.toordinal() - EPOCH - 2
# A 29th of February may be eight years away. An expression that waits longer never matches.
LONGEST_WAIT = 9 * 366
_SHORTEST_MONTH = 28
# Every kind of year is among 28 in a row. A 29th of February is eight years away at most, and is
# so over the year 2100.
_YEARS = (date(2072, 1, 1).toordinal() - EPOCH, date(2105, 1, 1).toordinal() - EPOCH)


@frozen
class Dates:
    """The dates of an expression. `None` stands for every day, or every weekday."""

    months: frozenset[int]
    days: frozenset[int] | None
    weekdays: frozenset[int] | None
    last: bool

    def __contains__(self, day: int) -> bool:
        """Return True for a day, counted from 1970-01-01 as 0, that fits."""
        found = date.fromordinal(EPOCH + day)
        if found.month not in self.months:
            return False
        # With both restricted, a match of either is enough.
        either = self.days is not None and self.weekdays is not None
        fits = any if either else all
        return fits((self._has_day(day, found.day), self._has_weekday(found)))

    def idle(self, day: int) -> range:
        """Return days of the same month without a match, if its month is none of these."""
        found = date.fromordinal(EPOCH + day)
        if found.month in self.months:
            return range(0)
        first = day - found.day + 1
        # The edges are left to those who look at the days beside.
        return range(first + 1, first + _SHORTEST_MONTH - 1)

    def _has_day(self, day: int, number: int) -> bool:
        if self.last:
            return date.fromordinal(EPOCH + day + 1).day == 1
        return self.days is None or number in self.days

    def _has_weekday(self, found: date) -> bool:
        return self.weekdays is None or found.isoweekday() in self.weekdays


@lru_cache(maxsize=256)
def sample_of(dates: Dates) -> tuple[int, ...]:
    """Return the dates of 33 years, as days from 1970-01-01.

    The years show everything that a rule of dates can do. Two rules are the same if their samples
    are, and a rule without a sample has no date in any year.
    """
    return tuple(day for day in range(*_YEARS) if day in dates)
