"""When a job should have run: its schedule, and the last time at which it must have run.

Every function takes the time. Spans are timedeltas in UTC, so that a change of a zone's clock
neither adds to them nor takes from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

from attrs import frozen

from cronapi.errors.concerns import input_error
from cronapi.health.verdict import shown
from cronapi.models import CronJob
from cronapi.schedule import Kind, Schedule, Window

EARLY = timedelta(seconds=60)
"""A run may be logged so much before its time, at most."""
LEAST_GRACE = timedelta(seconds=60)
_LONGEST_GRACE = 500 * 366 * 86_400
"""Seconds. A longer grace than centuries makes no difference, and would leave the calendar."""
_TICK = timedelta(microseconds=1)
_AROUND_CHANGE = timedelta(hours=3)
_FREQUENT = timedelta(hours=1)
_COMPARED = 20
"""Runs of a log that are compared with a schedule."""
_LISTS = ("second", "minute", "hour", "day", "month", "weekday")


@frozen
class Plan:
    """The schedule of a job, and how late its runs may be."""

    schedule: Schedule
    grace: timedelta

    def expected(self, now: datetime, runs: Sequence[datetime] = ()) -> Window | None:
        """Return the last window in which the job must have run by `now`.

        A time expression counts from the last of the `runs`, and its window may be to come. None if
        the schedule has none.
        """
        if self.schedule.kind is Kind.RELATIVE:
            # The latest of several answers: a run on request between two others counts for itself,
            # and months of different length may make a later run point to an earlier time.
            times = [self.schedule.next(run) for run in runs[:_COMPARED]]
            latest = max((time for time in times if time is not None), default=None)
            return None if latest is None else Window(latest, latest)
        return self.schedule.previous_window(now - self.grace + _TICK)

    def is_missing(self, window: Window, now: datetime, runs: Sequence[datetime]) -> bool:
        """Return True if no run belongs to a window whose grace is over."""
        if window.latest > now - self.grace:
            return False
        return not any(run >= window.earliest - self.early for run in runs)

    @property
    def early(self) -> timedelta:
        """How early a run may be logged: a minute, or half of the shortest gap between two runs.

        Otherwise the run before could stand for the one that is missing.
        """
        gaps = self.schedule.gaps
        if self.schedule.kind is Kind.RELATIVE or gaps is None:
            return timedelta(0)
        return min(EARLY, gaps.shortest / 2)

    def coming(self, now: datetime) -> datetime | None:
        """Return the end of the next window, `None` if there is none."""
        window = next(islice(self.schedule.windows(now), 1), None)
        return None if window is None else window.latest

    def shown(self, time: datetime) -> str:
        """Return a time in the zone of the job, for people."""
        return shown(time, self.schedule.zone)

    def fits(self, runs: Sequence[datetime]) -> bool:
        """Return False if no run of a log is one of this schedule.

        Random times and time expressions fit any log.
        """
        if self.schedule.random or self.schedule.kind is not Kind.CRONTAB:
            return True
        return any(map(self._is_scheduled, runs[:_COMPARED]))

    def _is_scheduled(self, run: datetime) -> bool:
        window = self.schedule.previous_window(run + EARLY + _TICK)
        return window is not None and run <= window.latest + self.grace

    def is_near_change(self, window: Window) -> bool:
        """Return True if the zone's clock was changed around a window of a job that runs seldom.

        The services do not document the runs of such a day.
        """
        gaps = self.schedule.gaps
        if self.schedule.kind is not Kind.CRONTAB or gaps is None or gaps.longest <= _FREQUENT:
            return False
        ends = (window.earliest - _AROUND_CHANGE, window.latest + _AROUND_CHANGE)
        before, after = (end.astimezone(self.schedule.zone).utcoffset() for end in ends)
        return before != after


def schedule_of(job: CronJob) -> Schedule:
    """Return the schedule of a job. ConfigurationError if the answer does not tell it."""
    lists = {name: values for name in _LISTS if (values := getattr(job, name)) is not None}
    if not (lists or job.expression):
        raise input_error("The service shows no schedule.")
    source = lists or job.expression or ""
    if not job.timezone and source != "manual":
        raise input_error("The service shows no timezone.")
    return Schedule.parse(source, timezone=job.timezone or "UTC")


def plan_of(job: CronJob, grace: float) -> Plan:
    """Return the plan of a job with a grace of at least `grace` seconds.

    It is never shorter than a minute or than the job's timeout, and its delay is added.
    ConfigurationError if the answer does not tell the schedule.
    """
    longest = max(_span(grace), _span(job.timeout), LEAST_GRACE)
    return Plan(schedule_of(job), longest + _span((job.delay or 0) * 60))


def _span(seconds: float | None) -> timedelta:
    """Return a span of at least 0 and at most centuries: a service may send any number."""
    return timedelta(seconds=min(max(seconds or 0, 0), _LONGEST_GRACE))
