"""Laws of lateness, for every schedule and zone, over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cronapi import Attempt, CronJob, Execution, JobStatus
from cronapi.health import Sighting, judge
from cronapi.health.sightings import plan_text
from cronapi.schedule import Kind, Schedule
from cronapi.schedule.reading import read_schedule
from cronapi.schedule.windows import EARLIEST
from tests.support.expressions import crontabs, near_changes, relatives

LATE = ("late", "never_ran")
MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)
lags = st.integers(0, 59)
seeds = st.sampled_from(["", "one", "another"])


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def job(text, zone):
    return CronJob(
        id=7, status=JobStatus.ACTIVE, fail=0, expression=text, timezone=zone, timeout=30
    )


def rows(times):
    return [Execution(attempts=(Attempt(time=time, status=0),)) for time in times]


def verdicts(one, times, now):
    """Return the verdicts of a first check, and of one that has known the job for long."""
    long_known = Sighting(plan_text(one), datetime(1970, 1, 1, tzinfo=UTC))
    return [judge(one, rows(times), now, sighting=sighting) for sighting in (None, long_known)]


def runs_of_service(text, zone, until, seed, count=6):
    """Return the last runs, as a service has drawn them: nobody else knows its seed."""
    found = read_schedule(text, seed=seed).until(
        EARLIEST, int(until.timestamp()), Schedule.parse("* * * * *", timezone=zone).zone
    )
    return [at(run) for run in islice(found, count)]


@settings(max_examples=20)
@given(crontabs, near_changes(), lags, seeds, st.integers(0, 120))
def test_a_job_that_ran_in_its_window_is_never_late(text, place, lag, seed, off):
    """However late a run is logged within the grace, and whatever the service has drawn."""
    zone, now = place[0], at(place[1]) + timedelta(seconds=off)
    times = runs_of_service(text, zone, now - timedelta(seconds=lag), seed)
    assume(times)
    for health in verdicts(job(text, zone), times, now):
        assert health.state not in LATE, (health, times)


@settings(max_examples=20)
@given(crontabs, near_changes(), seeds)
def test_a_job_that_missed_two_windows_is_always_late(text, place, seed):
    """Two windows are over, with their grace, and the log ends before the first."""
    zone, now = place[0], at(place[1])
    schedule = Schedule.parse(text, timezone=zone)
    last = schedule.previous_window(now - MINUTE + TICK)
    missed = last and schedule.previous_window(last.earliest)
    assume(missed and missed.earliest.year > 1971)
    times = runs_of_service(text, zone, missed.earliest - timedelta(seconds=1), seed)
    assume(times)
    first, known = verdicts(job(text, zone), times, now)
    assert first.state in LATE
    assert known.state in LATE
    assert known.certain or "clock was changed" in known.evidence[-1]
    assert verdicts(job(text, zone), [], now)[1].state == "never_ran"


@settings(max_examples=20)
@given(relatives, near_changes(), lags)
def test_a_job_that_counts_from_its_last_run_is_late_after_it(text, place, lag):
    """It is not late up to its next time and the grace, and late from then on."""
    zone, last = place[0], at(place[1])
    schedule = Schedule.parse(text, timezone=zone)
    coming = schedule.next(last)
    assume(schedule.kind is Kind.RELATIVE and coming and coming.year < 9000)
    one = job(text, zone)
    for health in verdicts(one, [last], coming + timedelta(seconds=lag)):
        assert health.state not in LATE
    by_hand = last + (coming - last) / 2
    assert judge(one, rows([last, by_hand]), coming + timedelta(seconds=lag)).state not in LATE
    for health in verdicts(one, [last], coming + 2 * MINUTE):
        assert health.state == "late"
        assert health.expected == coming
