"""The order in which logs are read, if not all can be: pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from cronapi.errors import ConfigurationError
from cronapi.health.expected import schedule_of
from cronapi.health.judging import needs_log
from cronapi.health.sightings import Sightings
from cronapi.models import CronJob
from cronapi.schedule import Kind

_NEVER = datetime.min.replace(tzinfo=UTC)


def chosen(
    jobs: Iterable[CronJob], most: int | None, now: datetime, sightings: Sightings | None
) -> list[CronJob]:
    """Return the jobs whose logs are to be read, at most `most` of them.

    Failing jobs come first, but take half of the places if there are others. Then come those that
    no check has looked at for the longest time, and among them those whose last expected run lies
    longest back. So all jobs are looked at within some checks.
    """
    wanting = [job for job in jobs if needs_log(job)]
    if most is None or len(wanting) <= most:
        return wanting
    seen = {} if sightings is None else sightings.jobs
    ages = {job.id: _expected_last(job, now) for job in wanting}

    def turn(job: CronJob) -> tuple[datetime, datetime, int]:
        sighting = seen.get(job.id)
        looked = sighting.looked if sighting and sighting.looked else _NEVER
        return looked, ages[job.id], job.id

    in_turn = sorted(wanting, key=turn)
    failing = [job for job in in_turn if (job.fail or 0) > 0]
    others = [job for job in in_turn if (job.fail or 0) <= 0]
    half = max(most // 2, most - len(others))
    return [*failing[:half], *others][:most]


def _expected_last(job: CronJob, now: datetime) -> datetime:
    """Return the last time at which a job was to run, the earliest one that is possible."""
    try:
        schedule = schedule_of(job)
    except ConfigurationError:
        return _NEVER
    if schedule.kind is Kind.RELATIVE:
        gaps = schedule.gaps
        return now - gaps.longest if gaps and now - _NEVER > gaps.longest else _NEVER
    window = schedule.previous_window(now)
    return window.earliest if window else _NEVER
