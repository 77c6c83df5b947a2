"""Does a job run as its table says? If not, switch it, or tell why it stays as it is."""

from __future__ import annotations

from cronapi._protocol.values import to_bool
from cronapi.manifest.changes import Change, Stopped
from cronapi.manifest.compare import Row, id_of
from cronapi.manifest.wanted import WantedJob
from cronapi.models import JobStatus


def runs(row: Row) -> bool:
    """Return True for a listed job that runs: an active one, or one that is tried after failures.

    `retryFailed` is true by default, and some services do not show it.
    """
    status = str(row.get("status") or JobStatus.ACTIVE.value)
    if status == str(JobStatus.FAILED.value):
        tried = row.get("retryFailed")
        return tried in (None, "") or to_bool(tried)
    return status == str(JobStatus.ACTIVE.value)


def switch_of(job: WantedJob, row: Row, *, enable: bool, revive: bool) -> Change | Stopped | None:
    """Return what makes a job run or not run as its table says, or that it has to stay stopped.

    `enable` may start those that somebody has disabled or paused, `revive` those that the service
    has stopped. None if it is as it should be, if the table says nothing, or if nobody can tell.
    """
    status = row.get("status")
    if job.enabled is None or status is None:
        return None
    state = int(status)
    if not job.enabled:
        return Change("disable", job.name, id_of(row)) if runs(row) else None
    if state == JobStatus.ACTIVE:
        return None
    by_hand = state == JobStatus.DISABLED
    if enable if by_hand else revive:
        return Change("enable", job.name, id_of(row))
    return Stopped(id_of(row), job.name, by_hand, runs_on=runs(row))
