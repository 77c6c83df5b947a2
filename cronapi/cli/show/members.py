"""The members of a result as JSON has them, by their Python names."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from attrs import fields, frozen, has

from cronapi.models import Execution, JobStatus


@frozen
class RunOf:
    """A run, with the id and the name of its job as far as they are known."""

    run: Execution
    job_id: int | None
    name: str | None


def members_of(value: object) -> dict[str, Any]:
    """Return the members that a result has. A value that is no object has one, `value`."""
    if isinstance(value, RunOf):
        job = {"job_id": value.job_id, "name": value.name or None}
        return {name: member for name, member in job.items() if member is not None} | _of_run(
            value.run
        )
    if isinstance(value, Execution):
        return _of_run(value)
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    cls: Any = type(value)
    if not has(cls):
        return {"time" if isinstance(value, datetime) else "value": plain(value)}
    named = ((field.name, getattr(value, field.name)) for field in fields(cls))
    known = {
        name: plain(member) for name, member in named if member is not None and name != "extra"
    }
    extra: dict[str, Any] = plain(getattr(value, "extra", {}))
    return known | extra


def _of_run(run: Execution) -> dict[str, Any]:
    """Return a run with the members of its last attempt, and all attempts if there are several."""
    members = {"job_id": run.job_id, "no": run.no, **members_of(run.last)}
    members |= {"time": plain(run.time), "succeeded": run.succeeded}
    if len(run.attempts) > 1:
        members["attempts"] = [members_of(attempt) for attempt in run.attempts]
    return {name: member for name, member in members.items() if member is not None}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: times are ISO 8601 in UTC, a job's status is a word."""
    if isinstance(value, JobStatus):
        return str(value)
    if isinstance(value, enum.IntEnum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return members_of(value) if has(type(value)) else value
