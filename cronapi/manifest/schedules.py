"""What a manifest asks of schedules: are two the same, is one over, when does it run next?

An expression that this machine cannot read is the service's to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronapi.errors import ConfigurationError
from cronapi.schedule import Kind, Schedule
from cronapi.schedule.wall_clock import DAY, stretches

_MOST_OFFSET = timedelta(hours=14)
"""No zone is further from UTC."""
_PROBE = datetime(2024, 1, 31, 23, 30, tzinfo=UTC)


@lru_cache(maxsize=4096)
def read_schedule(expression: str, timezone: str | None = None) -> Schedule | None:
    """Return a schedule, in UTC without a zone. None if it or its zone cannot be read here."""
    try:
        return Schedule.parse(expression, timezone="UTC" if timezone is None else timezone)
    except ConfigurationError:
        return None


def are_same(one: str, other: str) -> bool:
    """Return True if two expressions are certainly one schedule, in whatever zone."""
    mine, theirs = read_schedule(one), read_schedule(other)
    if mine is None or theirs is None:
        return False
    return mine.normal == theirs.normal or bool(mine.same_as(theirs))


@lru_cache(maxsize=4096)
def comparison_key(expression: str) -> str:
    """Return a text that is one for all expressions that `are_same`, and seldom for others."""
    schedule = read_schedule(expression)
    if schedule is None:
        return expression
    normal = schedule.normal
    if "R" in normal or schedule.kind not in (Kind.CRONTAB, Kind.ONCE):
        return normal
    return repr(schedule.upcoming(_PROBE, 3))


def is_over(expression: object, timezone: str | None, now: datetime) -> bool:
    """Return True if an expression is a date that is certainly in the past.

    In a zone that nobody here knows, it is so once it is past in every zone.
    """
    zone = known_zone(timezone)
    schedule = read_schedule(expression, zone) if isinstance(expression, str) else None
    if schedule is None or schedule.kind is not Kind.ONCE:
        return False
    return schedule.next(now - _MOST_OFFSET if zone is None else now) is None


def next_run(expression: object, timezone: str | None, now: datetime) -> str | None:
    """Return the zone and the next run, for people: `Europe/Berlin, next Mon 2 Dec 07:00`.

    None without a zone, or if it cannot be told.
    """
    if timezone is None or not isinstance(expression, str):
        return None
    schedule = read_schedule(expression, timezone)
    if schedule is None:
        return None
    run = None if schedule.random else schedule.next(now)
    if run is None or schedule.kind is Kind.RELATIVE:
        return timezone
    local = run.astimezone(schedule.zone)
    return f"{timezone}, next {local:%a} {local.day} {local:%b %H:%M}"


def is_zone(name: str) -> bool:
    """Return True for the name of a zone that this machine knows."""
    return read_schedule("manual", name) is not None


def known_zone(name: str | None) -> str | None:
    """Return a zone that this machine knows, else None. An empty one is that of the account."""
    return None if name is None or not is_zone(name) else name


_AHEAD = 366
"""Days in which a change of the clock is looked for."""


def skipped_run(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the first run, as the wall clock shows it, that a change of the clock skips.

    None if there is none within a year. One that runs each hour, or at times that the service
    draws, just follows the clock.
    """
    gaps = schedule.gaps
    is_often = gaps is not None and gaps.longest <= timedelta(hours=1)
    if schedule.kind not in (Kind.CRONTAB, Kind.ONCE) or schedule.random or is_often:
        return None
    on_the_wall = Schedule.parse(schedule.expression, timezone="UTC")
    if on_the_wall.next(now - _MOST_OFFSET) is None:
        return None
    for begins, ends in _skipped(schedule.zone, int(now.timestamp()) // DAY):
        run = on_the_wall.next(begins - timedelta(seconds=1))
        if run is not None and run < ends:
            return run
    return None


@lru_cache(maxsize=64)
def _skipped(zone: ZoneInfo, today: int) -> tuple[tuple[datetime, datetime], ...]:
    """Return the spans that a zone's clock skips within a year, as if the wall clock were UTC."""

    def spans() -> Iterator[tuple[datetime, datetime]]:
        for day in range(today, today + _AHEAD):
            for one in stretches(day, zone):
                begins, ends = one.skipped, one.start + one.offset
                if begins < ends:
                    yield datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC)

    return tuple(spans())
