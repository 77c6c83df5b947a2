"""Judge one job by its row in the list, its log and the time: a pure function.

A false alarm is the worse fault. A verdict is therefore `cannot_tell` rather than late where the
answers leave a doubt, and every verdict carries its evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from cronapi._protocol.arguments import refusal, seconds
from cronapi.errors import ConfigurationError
from cronapi.health.expected import LEAST_GRACE, Plan, plan_of
from cronapi.health.lateness import Absence, absence_of, held_back
from cronapi.health.log import Log, error_of, log_of
from cronapi.health.sightings import Sighting
from cronapi.health.verdict import DisabledBy, JobHealth, State, is_usual, shown
from cronapi.models import CronJob, Execution, JobStatus
from cronapi.schedule import Kind

FLAKY_OF = 20
"""Failures are counted among so many of the newest runs."""
FLAKY_FROM = 2
"""So many failures among them make a job flaky."""
SLOW_OF = 5
SLOW_SHARE = 0.8
"""The share of its timeout from which a run is slow."""

_TIME = "a datetime with a timezone, from the years 1900 to 8999"

Told = Callable[..., JobHealth]

_DISABLED = {
    JobStatus.DISABLED: (DisabledBy.USER, "by a user, or paused: the service does not tell"),
    JobStatus.FAILED: (DisabledBy.SERVICE, "by the service, after too many failures"),
    JobStatus.EXPIRED: (DisabledBy.ACCOUNT, "by the service: the account has expired"),
    JobStatus.INACTIVE: (DisabledBy.LIMITS, "by the service: the account is over its limits"),
}


def judge(
    job: CronJob,
    rows: Sequence[Execution] | None,
    now: datetime,
    *,
    grace: float = LEAST_GRACE.total_seconds(),
    sighting: Sighting | None = None,
) -> JobHealth:
    """Return the verdict on a job.

    `rows` are its log in any order, None if that was not read. `now` has a timezone, and is not
    later than the time at which the log was asked for. `grace` is how many seconds a run may be
    late, and is never shorter than the job's timeout. `sighting` is what earlier checks saw of the
    job. ConfigurationError for a time without a zone, or a grace that is no number of seconds.
    """
    check_time_and_grace(now, grace)
    log = None if rows is None else log_of(job.id, rows)
    last_run = None if log is None else log.last_run
    told = partial(JobHealth, id=job.id, name=job.name, last_run=last_run)
    if job.status not in (None, JobStatus.ACTIVE):
        return _disabled(job, told)
    try:
        plan, reason = plan_of(job, grace), ""
    except ConfigurationError as error:
        plan, reason = None, error.message
    if (failures := _failures(job, log)) > 0:
        return _failing(failures, log, plan, now, told)
    if job.status is None:
        return told(state=State.CANNOT_TELL, evidence=("The service shows no status.",))
    if plan is None:
        return told(state=State.CANNOT_TELL, evidence=(reason,))
    without_log = _without_log(plan, log, now, told)
    if without_log is not None or log is None:
        return without_log or told(state=State.NOT_LOOKED_AT, evidence=_unread(job))
    absence = absence_of(job, plan, log, now, sighting)
    return _running(job, log, told) if absence is None else _absent(absence, told)


def check_time_and_grace(now: datetime, grace: float) -> None:
    """Refuse a time or a grace with which no job can be judged."""
    if not (isinstance(now, datetime) and is_usual(now)):
        raise refusal("now", _TIME, now)
    seconds("grace", grace, endless=False)


def needs_log(job: CronJob) -> bool:
    """Return True if the log of a job can change the verdict on it."""
    if job.status not in (None, JobStatus.ACTIVE):
        return False
    if job.fail is None or job.fail > 0:
        return True
    try:
        schedule = plan_of(job, 0).schedule
    except ConfigurationError:
        return False
    return schedule.kind in (Kind.CRONTAB, Kind.RELATIVE) and not schedule.never


def _disabled(job: CronJob, told: Told) -> JobHealth:
    number = int(job.status or 0)
    unknown = (DisabledBy.UNKNOWN, f"status {number} is not documented, and only 0 is active")
    by, text = _DISABLED.get(JobStatus(number), unknown)
    return told(
        state=State.PAUSED if by is DisabledBy.USER else State.DISABLED,
        certain=by not in (DisabledBy.USER, DisabledBy.UNKNOWN),
        disabled_by=by,
        failures=max(job.fail or 0, 0),
        evidence=(text,),
    )


def _failures(job: CronJob, log: Log | None) -> int:
    """Return the failures in a row, by the service's count, or else by the log."""
    return max(job.fail or 0, 0) or (len(log.failed) if log else 0)


def _failing(
    failures: int, log: Log | None, plan: Plan | None, now: datetime, told: Told
) -> JobHealth:
    evidence, since, certain = f"{failures} in a row", None, True
    if log is not None and log.failed:
        since = log.failed[: max(failures, 1)][-1].time
        at_least = "since at least" if len(log.failed) < failures else "since"
        time = shown(since, plan.schedule.zone if plan else UTC) if since else "then"
        evidence += f" {at_least} {time}: {error_of(log.failed[0])}"
    elif log is not None and log.runs and log.runs[0].succeeded:
        certain = False
        evidence += ", but the newest run in its log is a success"
    missed = held_back(plan, log, now) if plan and log else ()
    return told(
        state=State.FAILING,
        failures=failures,
        since=since,
        certain=certain,
        evidence=(evidence, *missed),
    )


def _without_log(plan: Plan, log: Log | None, now: datetime, told: Told) -> JobHealth | None:
    """Return the verdict on a job that cannot be late, in spite of its log."""
    schedule = plan.schedule
    if schedule.kind is Kind.MANUAL:
        return told(state=State.MANUAL, evidence=("It runs on request only.",))
    if schedule.never:
        return told(state=State.OVER, evidence=(schedule.explain(),))
    if schedule.kind is not Kind.ONCE:
        return None
    coming = plan.coming(now)
    if coming is not None:
        text = f"due at {plan.shown(coming)}"
        return told(state=State.DUE, expected=coming, evidence=(text,))
    ran = "" if log is None or not log.is_empty else ", and its log is empty"
    return told(state=State.OVER, evidence=(f"its only date is past{ran}",))


def _unread(job: CronJob) -> tuple[str, ...]:
    return ("the service shows no count of failures",) if job.fail is None else ()


def _absent(absence: Absence, told: Told) -> JobHealth:
    return told(
        state=absence.state,
        certain=absence.certain,
        since=absence.expected if absence.state is State.LATE else None,
        expected=absence.expected,
        evidence=absence.evidence,
    )


def _running(job: CronJob, log: Log, told: Told) -> JobHealth:
    """Return the verdict on a job that runs in time."""
    newest = log.runs[:FLAKY_OF]
    failed = sum(run.succeeded is False for run in newest)
    if failed >= FLAKY_FROM:
        text = f"{failed} of its last {len(newest)} runs failed"
        return told(state=State.FLAKY, evidence=(text,))
    longest = max((run.execution_time or 0.0 for run in log.runs[:SLOW_OF]), default=0.0)
    if job.timeout and longest >= SLOW_SHARE * job.timeout:
        text = f"a run took {longest:.1f} s of {job.timeout} s"
        return told(state=State.SLOW, evidence=(text,))
    return told(state=State.HEALTHY)
