"""The memory between two checks: since when each job has had its schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, field, frozen

from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import input_error
from cronapi.models import CronJob

_FORMAT = 1


@frozen
class Sighting:
    """A job as it was seen: its `plan`, and `since` when it has had it at the latest.

    `is_new` is True if an earlier check did not see it with this plan. No run before `since` can be
    missing then. `looked` is when its log was read last.
    """

    plan: str
    since: datetime
    is_new: bool = False
    looked: datetime | None = None


@frozen
class Sightings:
    """The jobs that earlier checks have seen. Give those of one report to the next check.

    They let a check tell a job that never ran from a new one, and look at other jobs each time.
    `to_dict` and `from_dict` keep them in a file of JSON.
    """

    jobs: Mapping[int, Sighting] = field(factory=dict)

    def of(self, job: CronJob, now: datetime) -> Sighting:
        """Return the sighting of a job that is listed at `now`."""
        known = self.jobs.get(job.id)
        if known is not None and known.plan == plan_text(job):
            return known
        looked = None if known is None else known.looked
        return Sighting(plan_text(job), now, is_new=True, looked=looked)

    def to_dict(self) -> dict[str, Any]:
        """Return the sightings in the form that JSON takes."""
        rows = {str(number): _written(seen) for number, seen in self.jobs.items()}
        return {"format": _FORMAT, "jobs": rows}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sightings:
        """Return the sightings that `to_dict` has written. ConfigurationError for anything else."""
        try:
            if data["format"] != _FORMAT:
                raise input_error("These sightings are those of another release.")
            return cls({int(number): _read(row) for number, row in data["jobs"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise input_error(
                "These are no sightings: give what Sightings.to_dict has written."
            ) from None


def plan_text(job: CronJob) -> str:
    """Return a text that is another one if a job gets another schedule, or is stopped."""
    lists = (job.second, job.minute, job.hour, job.day, job.month, job.weekday)
    parts = (job.expression, job.timezone, job.filter, job.delay, job.status, *lists)
    return " | ".join("" if part is None else str(part) for part in parts)


def renewed(
    before: Sightings | None,
    jobs: Iterable[CronJob],
    looked: Iterable[int],
    now: datetime,
    *,
    is_whole: bool,
) -> Sightings:
    """Return the sightings after a check: the jobs that are listed, and those that it looked at.

    Jobs that are gone are forgotten, but not if the list was not read to its end.
    """
    at = set(looked)
    kept = {} if is_whole or before is None else dict(before.jobs)
    for job in jobs:
        seen = Sighting(plan_text(job), now) if before is None else before.of(job, now)
        kept[job.id] = evolve(seen, looked=now) if job.id in at else seen
    return Sightings(kept)


def _written(seen: Sighting) -> dict[str, Any]:
    looked = seen.looked and seen.looked.isoformat()
    return {
        "plan": seen.plan,
        "since": seen.since.isoformat(),
        "is_new": seen.is_new,
        "looked": looked,
    }


def _read(row: Mapping[str, Any]) -> Sighting:
    looked = None if row["looked"] is None else _time(row["looked"])
    if not (isinstance(row["plan"], str) and isinstance(row["is_new"], bool)):
        raise TypeError("not a sighting")
    return Sighting(row["plan"], _time(row["since"]), row["is_new"], looked)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("no zone")
    return time
