"""What a manifest asks of schedules: are two the same, is one over, when does it run next?

An expression that this machine cannot read is the service's to judge.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from cronapi.errors import ConfigurationError
from cronapi.schedule import Kind, Schedule

_MOST_OFFSET = timedelta(hours=14)
"""No zone is further from UTC."""


@lru_cache(maxsize=4096)
def read_schedule(expression: str, timezone: str | None = None) -> Schedule | None:
    """Return a schedule, or None if it cannot be read here."""
    try:
        return Schedule.parse(expression, timezone=timezone or "UTC")
    except ConfigurationError:
        return None


def are_same(one: str, other: str) -> bool:
    """Return True if two expressions are certainly one schedule, in whatever zone."""
    mine, theirs = read_schedule(one), read_schedule(other)
    if mine is None or theirs is None:
        return False
    return mine.normal == theirs.normal or bool(mine.same_as(theirs))


def is_over(expression: object, timezone: str | None, now: datetime) -> bool:
    """Return True if an expression is a date that is certainly in the past."""
    schedule = read_schedule(expression, timezone) if isinstance(expression, str) else None
    if schedule is None or schedule.kind is not Kind.ONCE:
        return False
    return schedule.next(now if timezone else now - _MOST_OFFSET) is None


def next_run(expression: object, timezone: str | None, now: datetime) -> str | None:
    """Return the zone and the next run, for people: `Europe/Berlin, next Mon 2 Dec 07:00`.

    None without a zone, or if it cannot be told.
    """
    schedule = read_schedule(expression, timezone) if isinstance(expression, str) else None
    if schedule is None or timezone is None:
        return None
    run = None if schedule.random else schedule.next(now)
    if run is None or schedule.kind is Kind.RELATIVE:
        return timezone
    local = run.astimezone(schedule.zone)
    return f"{timezone}, next {local:%a} {local.day} {local:%b %H:%M}"
