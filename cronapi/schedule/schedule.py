"""`Schedule`: when a job of the services runs."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from attrs import field, frozen

from cronapi.errors.concerns import input_error
from cronapi.schedule.asked import (
    LAST_SECOND,
    moment,
    read,
    seconds_before,
    seconds_up_to,
    whole,
    zone_of,
)
from cronapi.schedule.crontab import Crontab
from cronapi.schedule.dates import sample_of
from cronapi.schedule.english import Once, Recurring
from cronapi.schedule.gaps import Gaps, gaps_of
from cronapi.schedule.normal import normal_form, same
from cronapi.schedule.reading import Manual, Rule
from cronapi.schedule.windows import EARLIEST, random_fields, spans_after, spans_before
from cronapi.schedule.words import explained


class Kind(enum.Enum):
    """The forms of a schedule."""

    CRONTAB = "crontab"
    """Five fields, or value lists."""
    RELATIVE = "relative"
    """A time expression such as `15 minutes`: each run is counted from the one before."""
    ONCE = "once"
    """A date or a Unix time: one run."""
    MANUAL = "manual"
    """No run of its own: the job runs on request."""


_KINDS = {
    Crontab: Kind.CRONTAB,
    Recurring: Kind.RELATIVE,
    Once: Kind.ONCE,
    Manual: Kind.MANUAL,
}


@frozen
class Window:
    """A stretch of time with at least one run in it, from `earliest` to `latest`, both included.

    For a schedule that is not random both are the run itself. The times are in UTC.
    """

    earliest: datetime
    latest: datetime


@frozen
class Schedule:
    """When a job runs, computed on this machine. `Schedule.parse` makes one.

    All times that are given have a timezone, and all times that are returned are in UTC, so that
    they can be compared and subtracted. `run.astimezone(schedule.zone)` is the local time.

    A *random* schedule (`R`) has times that the service draws, and nobody else knows. Its times
    here are one draw of many, the same each time; `windows` tells between which times a run is
    certain. A *relative* schedule (`15 minutes`) counts from the last run, so a question about
    what follows takes that run, and a question about the past has no answer.

    When a clock is changed, skipped times run at the change and repeated ones run once. A job that
    runs every hour or more often just follows the clock. Source: FastCron's guides, and Debian's
    cron(8) for changes of the clock.
    """

    expression: str
    """The expression as it was given, without blanks around it. Value lists are written as one."""
    timezone: str
    """The IANA name of the zone."""
    seconds: tuple[int, ...]
    """The seconds of a minute in which it runs. Only value lists have others than 0."""
    zone: ZoneInfo = field(eq=False, repr=False)
    """The zone itself."""
    _rule: Rule = field(eq=False, repr=False)

    @classmethod
    def parse(
        cls, expression: str | Mapping[str, Sequence[str]], *, timezone: str = "UTC"
    ) -> Schedule:
        """Read an expression, or value lists by name (`second` to `weekday`).

        Forms are five fields, a time expression such as `1 day 17:05`, a date, `@N` in Unix
        seconds, and `manual`. Raises `ConfigurationError`, which names the wrong field and the
        nearest expression that can be read. An expression that never runs is no error, as it is
        none to the services.
        """
        zone = zone_of(timezone)
        text, rule = read(expression)
        seconds = rule.seconds if isinstance(rule, Crontab) else (0,)
        return cls(text, timezone, seconds, zone, rule)

    def __str__(self) -> str:
        return f"{self.expression} ({self.timezone})"

    @property
    def kind(self) -> Kind:
        """The form of the schedule."""
        return _KINDS[type(self._rule)]

    @property
    def random(self) -> tuple[str, ...]:
        """The names of the fields whose values the service draws, `minute` and `hour` at most."""
        return random_fields(self._rule)

    @property
    def never(self) -> bool:
        """True if it certainly never runs by itself: manual, or a date that no year has."""
        rule = self._rule
        return isinstance(rule, Manual) or (isinstance(rule, Crontab) and not sample_of(rule.dates))

    @property
    def gaps(self) -> Gaps | None:
        """The shortest and the longest time between two runs in a row.

        None for a schedule that runs once or never. Changes of the clock are left out.
        """
        return gaps_of(self._rule)

    @property
    def normal(self) -> str:
        """The expression in one spelling: digits for names, sorted lists, ranges.

        Schedules of one zone and one normal form are the same. `same_as` also finds others.
        """
        return normal_form(self._rule)

    def explain(self) -> str:
        """Return the schedule in plain English."""
        return explained(self._rule, self.timezone)

    def same_as(self, other: Schedule) -> bool | None:
        """Return True if both are the same schedule, False if they differ, None if none can tell.

        None stands for random schedules of one rule, of which each job has its own draw. It also
        stands for a difference that would show only when a clock is changed: between two zones that
        were alike all year, or between `*` and `0-59`.
        """
        if not isinstance(other, Schedule):
            raise input_error("A schedule can only be compared with another Schedule.")
        return same(self._rule, other._rule, self.zone, other.zone)

    def next(self, after: datetime) -> datetime | None:
        """Return the first run later than `after`, None if there is none.

        A relative schedule takes `after` as its last run.
        """
        return next(self._after(seconds_up_to("after", after)), None)

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """Return the first `count` runs later than `after`, fewer if there are no more."""
        most = min(whole("count", count), sys.maxsize)
        return list(islice(self._after(seconds_up_to("after", after)), most))

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the runs later than `start` and not later than `end`, earliest first.

        Spans that follow each other thus have each run once. A relative schedule takes `start` as
        its last run.
        """
        last = moment(seconds_up_to("end", end))
        return takewhile(lambda run: run <= last, self._after(seconds_up_to("start", start)))

    def previous(self, before: datetime) -> datetime | None:
        """Return the last run earlier than `before`, None if there is none.

        Raises `ConfigurationError` for a relative schedule, whose past is not known.
        """
        end = seconds_before("before", before)
        self._check_past()
        run = next(self._rule.until(EARLIEST, end, self.zone), None)
        return None if run is None else moment(run)

    def windows(self, after: datetime) -> Iterator[Window]:
        """Yield the windows that begin later than `after`, earliest first.

        A random minute is drawn in each hour, and a random hour on each day, so there is one window
        for each hour or day. One that a change of the clock may leave without a run is left out.
        """
        spans = spans_after(self._rule, seconds_up_to("after", after), self.zone)
        return (_window(span) for span in takewhile(lambda span: span[1] <= LAST_SECOND, spans))

    def previous_window(self, before: datetime) -> Window | None:
        """Return the last window that ends earlier than `before`, None if there is none.

        A job without a run since `earliest` of this window is late. Raises `ConfigurationError` for
        a relative schedule, whose past is not known.
        """
        end = seconds_before("before", before) + 1
        self._check_past()
        span = next(spans_before(self._rule, end, self.zone), None)
        return span and _window(span)

    def _after(self, start: int) -> Iterator[datetime]:
        runs = self._rule.after(start, self.zone)
        return map(moment, takewhile(lambda run: run <= LAST_SECOND, runs))

    def _check_past(self) -> None:
        if self.kind is Kind.RELATIVE:
            raise input_error(
                f"The runs of {self.expression!r} are counted from the last one."
                " Ask next() with the time of that run."
            )


def _window(span: tuple[int, int]) -> Window:
    return Window(*map(moment, span))
