"""Is a run missing from a log, and how certain is that?"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from cronapi.health.expected import Plan
from cronapi.health.log import Log
from cronapi.health.sightings import Sighting
from cronapi.health.verdict import State
from cronapi.models import CronJob
from cronapi.schedule import Kind, Window


@frozen
class Absence:
    """A run that is not in a log: late, never ran, to come, or not to be told."""

    state: State
    expected: datetime | None
    evidence: tuple[str, ...]
    certain: bool = True


def absence_of(
    job: CronJob, plan: Plan, log: Log, now: datetime, sighting: Sighting | None
) -> Absence | None:
    """Return the absence of a run that the plan has, `None` if every run is there."""
    begins = sighting.since if sighting is not None and sighting.is_new else None
    counted = log.times if begins is None else (begins, *log.times)
    if not counted and plan.schedule.kind is Kind.RELATIVE:
        return _unseen(plan, log, sighting, now)
    window = plan.expected(now, sorted(counted, reverse=True))
    if window is None or not plan.is_missing(window, now, log.times):
        return _first(plan, log, window, now)
    if begins is not None and window.earliest < begins:
        return _new(plan, log, begins, now)
    return _doubt(job, log) or _missing(plan, log, window, sighting)


def held_back(plan: Plan, log: Log, now: datetime) -> tuple[str, ...]:
    """Return the evidence that a failing job has missed a run. Services drop runs after failures.

    Such a job is not late.
    """
    window = plan.expected(now, log.times) if log.times else None
    if window is None or not plan.is_missing(window, now, log.times):
        return ()
    time = plan.shown(window.latest)
    return (f"the run expected {time} may have been held back by the service",)


def _first(plan: Plan, log: Log, window: Window | None, now: datetime) -> Absence | None:
    """Return the first run of a job without any, if it is still to come."""
    if not log.is_empty:
        return None
    is_relative = plan.schedule.kind is Kind.RELATIVE
    coming = window.latest if window and is_relative else plan.coming(now)
    return (
        None
        if coming is None
        else Absence(State.DUE, coming, (f"first run by {plan.shown(coming)}",))
    )


def _unseen(plan: Plan, log: Log, sighting: Sighting | None, now: datetime) -> Absence:
    """Return the absence of a job that counts from its last run and has none in its log."""
    if log.undated:
        return _doubt_of_undated()
    if sighting is not None:
        # It has been there since then at the latest, so its first run is not later than this.
        latest = plan.expected(now, [sighting.since])
        if latest is not None and plan.is_missing(latest, now, ()):
            return _missing(plan, log, latest, sighting)
    text = "no run in its log, and it may be new: it counts from its last run"
    return Absence(State.CANNOT_TELL, None, (text,))


def _new(plan: Plan, log: Log, begins: datetime, now: datetime) -> Absence | None:
    """Return the first run of a job, or of its new schedule, that began after the last check."""
    coming = plan.coming(now)
    if coming is None:
        return None
    text = f"it is new, or was changed, since the check before {plan.shown(begins)}"
    if log.is_empty:
        return Absence(State.DUE, coming, (text, f"first run by {plan.shown(coming)}"))
    return None


def _doubt(job: CronJob, log: Log) -> Absence | None:
    """Return the reason why nobody can tell if a run is missing."""
    if log.undated:
        return _doubt_of_undated()
    if job.filter:
        text = "its filter may leave out the run that is missing"
        return Absence(State.CANNOT_TELL, None, (text,))
    return None


def _doubt_of_undated() -> Absence:
    return Absence(State.CANNOT_TELL, None, ("rows of its log have no time",))


def _missing(plan: Plan, log: Log, window: Window, sighting: Sighting | None) -> Absence:
    known = sighting is not None and sighting.since <= window.earliest
    if log.is_empty and not known:
        text = f"{_text(plan, log, window)}, and it may be new"
        return Absence(State.CANNOT_TELL, window.latest, (text,))
    if not (known or plan.fits(log.times)):
        text = "its runs do not fit its schedule, which may have been changed since"
        return Absence(State.CANNOT_TELL, None, (text,))
    evidence = [_text(plan, log, window)]
    if not known:
        evidence.append("it may have been added, enabled or changed since then")
    near_change = plan.is_near_change(window)
    if near_change:
        evidence.append("the clock was changed around then, and the service tells no rule for that")
    return Absence(
        State.NEVER_RAN if log.is_empty else State.LATE,
        window.latest,
        tuple(evidence),
        certain=known and not near_change,
    )


def _text(plan: Plan, log: Log, window: Window) -> str:
    last = f"last run {plan.shown(log.last_run)}" if log.last_run else "no run in its log"
    between = "" if window.earliest == window.latest else f"{plan.shown(window.earliest)} to "
    return f"expected {between}{plan.shown(window.latest)} {plan.schedule.timezone}, {last}"
