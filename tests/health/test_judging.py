"""The verdict on one job: what a user is told about each kind of account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cronapi import Attempt, ConfigurationError, CronJob, Execution, JobStatus
from cronapi.health import DisabledBy, Sighting, Sightings, State, judge
from cronapi.health.sightings import plan_text

NOW = datetime(2027, 1, 15, 10, 0, 30, tzinfo=UTC)
"""A Friday, 11:00:30 in Berlin."""
DAILY = {"expression": "30 3 * * *", "timezone": "Europe/Berlin"}
LONG_AGO, LATELY = NOW - timedelta(days=400), NOW - timedelta(minutes=20)


def at(text):
    return datetime.fromisoformat(f"2027-{text}+00:00")


def job(**fields):
    known = {"status": JobStatus.ACTIVE, "fail": 0, "timeout": 30, **DAILY}
    return CronJob(id=7, name="nightly", **known | fields)


def run(time, status=0, http_status=200, **fields):
    """Return a log row. A time is text, or a datetime."""
    time = at(time) if isinstance(time, str) else time
    attempt = Attempt(time=time, status=status, http_status=http_status, **fields)
    return Execution(attempts=(attempt,))


def bad(time, http_status=502, **fields):
    return run(time, 1, http_status, **fields)


def seen(one, since=LONG_AGO, **fields):
    return Sighting(plan_text(one), since, **fields)


GOOD = [run("01-15 02:30"), run("01-14 02:30"), run("01-13 02:30")]
OLD = GOOD[1:]
STORIES = [
    ("its timezone is empty", job(timezone=""), OLD, "cannot_tell",
     "The service shows no timezone"),
    ("it is manual without a timezone", job(expression="manual", timezone=""), None, "manual",
     "It runs on request only."),
    ("it ran at half past three, as it should", job(), GOOD, "healthy", ""),
    ("it did not run last night", job(), OLD, "late", "expected Fri 2027-01-15 03:30 Europe/Ber"),
    ("its log comes oldest first", job(), GOOD[::-1], "healthy", ""),
    ("the rows of another job stand in its log", job(), [
        *OLD, Execution(job_id=8, attempts=GOOD[0].attempts)], "late", "last run Thu 2027-01-14"),
    ("it ran 50 seconds early", job(), [run("01-15 02:29:10"), *OLD], "healthy", ""),
    ("it was run by hand afterwards", job(), [run("01-15 08:12"), *OLD], "healthy", ""),
    ("it failed last night", job(fail=1), [bad("01-15 02:30"), *OLD], "failing",
     "1 in a row since Fri 2027-01-15 03:30: 502 Bad Gateway"),
    ("it has failed since long before its log begins", job(fail=60), [bad("01-15 02:30")],
     "failing", "60 in a row since at least Fri 2027-01-15 03:30"),
    ("the address is gone", job(fail=1), [bad("01-15 02:30", 0, error="Could not resolve host")],
     "failing", "Could not resolve host"),
    ("the error repeats a password", job(fail=1),
     [bad("01-15 02:30", 0, error="no route to https://me:s3cret@example.com/")], "failing",
     "https://me:***@example.com/"),
    ("the service drops runs of a failing job", job(fail=9), [bad("01-13 02:30")], "failing",
     "may have been held back"),
    ("it counts failures, and nothing is logged", job(fail=3), [], "failing", "3 in a row"),
    ("it has recovered since the list was read", job(fail=3), GOOD, "failing", "is a success"),
    ("it failed after the list was read", job(), [bad("01-15 02:30"), *OLD], "failing", "1 in a"),
    ("the service shows no count", job(fail=None), [bad("01-15 02:30"), *OLD], "failing", "502"),
    ("an unknown status code of HTTP", job(fail=1), [bad("01-15 02:30", 799)], "failing", "799"),
    ("its log is empty, and nobody knows since when it is there", job(), [], "cannot_tell",
     "no run in its log, and it may be new"),
    ("it counts from its last run and has none", job(expression="15 minutes"), [], "cannot_tell",
     "may be new"),
    ("every quarter of an hour after the last", job(expression="15 minutes"), [
        run(NOW - timedelta(minutes=14))], "healthy", ""),
    ("the quarter of an hour is over", job(expression="15 minutes"), [
        run(NOW - timedelta(minutes=17))], "late", "expected Fri"),
    ("every ten seconds, and all is well", job(expression="10 seconds"), [
        run(NOW - timedelta(seconds=12))], "healthy", ""),
    ("every ten seconds, and nothing for minutes", job(expression="10 seconds"), [
        run(NOW - timedelta(minutes=5))], "late", "expected"),
    ("a run by hand does not put off the monthly one", job(expression="1 month"), [
        run("01-03 05:00"), run("01-01 00:00")], "healthy", ""),
    ("every minute, one missing", job(expression="* * * * *"), [
        run("01-15 09:58:00")], "late", "expected"),
    ("every minute, the last one not logged yet", job(expression="* * * * *"), [
        run("01-15 09:59:00")], "healthy", ""),
    ("a slow job has its timeout as grace", job(expression="0 * * * *", timeout=1800), [
        run("01-15 09:00")], "healthy", ""),
    ("a delayed job has more", job(expression="30 10 * * *", delay=45), [
        run("01-14 09:30")], "healthy", ""),
    ("a random hour that is not over", job(expression="R R,8-20 * * *"), [
        run("01-14 12:13")], "healthy", ""),
    ("a random minute of an hour that is over", job(expression="R 9 * * *"), [
        run("01-14 08:13")], "late", "expected Fri 2027-01-15 09:00 to Fri 2027-01-15 09:59"),
    ("a random minute, and it ran", job(expression="R 9 * * *"), [
        run("01-15 08:01")], "healthy", ""),
    ("not on weekends", job(expression="0 18 * * 1-5"), [run("01-14 17:00")], "healthy", ""),
    ("old value lists, and it ran", job(expression=None, minute=("30",), hour=("3",)), GOOD,
     "healthy", ""),
    ("old value lists, and it did not", job(expression=None, minute=("30",), hour=("3",)), OLD,
     "late", "expected Fri 2027-01-15 03:30"),
    ("its runs are those of another schedule", job(expression="0 9 * * *"), OLD, "cannot_tell",
     "do not fit its schedule"),
    ("a time filter may leave runs out", job(filter="on weekdays"), OLD, "cannot_tell", "filter"),
    ("a time filter, and it ran all the same", job(filter="on weekdays"), GOOD, "healthy", ""),
    ("its log has no times", job(), [Execution(attempts=(Attempt(status=0),))], "cannot_tell",
     "no time"),
    ("its rows have no times, and it counts from them", job(expression="1 day"),
     [Execution(attempts=(Attempt(status=0),))], "cannot_tell", "no time"),
    ("English beyond the documents", job(expression="every full moon"), GOOD, "cannot_tell",
     "is no schedule"),
    ("no schedule is shown", job(expression=None), GOOD, "cannot_tell", "shows no schedule"),
    ("no zone is shown", job(timezone=None), GOOD, "cannot_tell", "shows no timezone"),
    ("an unknown zone", job(timezone="Mars/Base"), GOOD, "cannot_tell", "Mars/Base"),
    ("no status is shown", job(status=None), GOOD, "cannot_tell", "shows no status"),
    ("no status is shown, and it fails", job(status=None, fail=2), None, "failing", "2 in a row"),
    ("it runs on request", job(expression="manual"), [], "manual", "on request"),
    ("its date is past, and it ran", job(expression="2027-01-14 03:30"), OLD, "over", "past"),
    ("its date is past, and it did not", job(expression="2027-01-14 03:30"), [], "over", "empty"),
    ("its date is to come", job(expression="2027-02-14 03:30"), [], "due", "due at Sun 2027-02-14"),
    ("no year has its day", job(expression="0 0 31 2 *"), [], "over", "never runs"),
    ("a user disabled it, or paused it", job(status=JobStatus.DISABLED), None, "paused", "user"),
    ("the service gave up", job(status=JobStatus.FAILED, fail=10), None, "disabled", "failures"),
    ("nobody has paid", job(status=JobStatus.EXPIRED), None, "disabled", "expired"),
    ("too many runs", job(status=JobStatus.INACTIVE), None, "disabled", "limits"),
    ("a status of tomorrow", job(status=JobStatus(9)), None, "disabled", "status 9"),
    ("nobody has looked", job(), None, "not_looked_at", ""),
    ("nobody has looked, and it fails", job(fail=1), None, "failing", "1 in a row"),
    ("two of the last runs failed", job(), [GOOD[0], bad("01-14 02:30"), bad("01-13 02:30")],
     "flaky", "2 of its last 3"),
    ("one failure is forgiven", job(), [GOOD[0], bad("01-14 02:30"), *GOOD[2:]], "healthy", ""),
    ("it takes most of the time it has", job(), [run("01-15 02:30", execution_time=25.04)], "slow",
     "25.0 s of 30 s"),
]  # fmt: skip


@pytest.mark.parametrize("level", ["unseen", "seen"])
def test_each_story_has_its_verdict_and_its_evidence(level):
    """A job is told as a user would tell it, and its state is certain once it was seen before."""
    for story, one, rows, state, evidence in STORIES:
        sighting = seen(one) if level == "seen" else None
        health = judge(one, rows, NOW, sighting=sighting)
        if level == "seen" and ("do not fit" in evidence or "may be new" in evidence):
            # It has had this schedule for a year, so the run is missing.
            assert health.state == ("late" if rows else "never_ran"), story
            continue
        assert health.state == state, (story, health)
        if level == "unseen":
            assert evidence in "; ".join(health.evidence), (story, health)
            assert bool(health.evidence) is bool(evidence), story
        elif state in ("late", "healthy", "never_ran"):
            assert health.certain, story


def test_a_disabled_job_says_by_whom():
    """The four documented codes have four reasons, and any other number is told as unknown."""
    by = {number: judge(job(status=JobStatus(number)), None, NOW) for number in (1, 2, 3, 4, 9, -3)}
    assert {number: health.disabled_by for number, health in by.items()} == {
        1: DisabledBy.USER,
        2: DisabledBy.ACCOUNT,
        3: DisabledBy.LIMITS,
        4: DisabledBy.SERVICE,
        9: DisabledBy.UNKNOWN,
        -3: DisabledBy.UNKNOWN,
    }
    assert [number for number, health in by.items() if not health.certain] == [1, 9, -3]


def test_a_run_before_a_job_was_there_is_not_missing():
    """A job that is new, or has another schedule, since the last check is not late."""
    for one in (job(), job(expression="R 9 * * *"), job(expression="1 hour")):
        new = judge(one, [], NOW, sighting=seen(one, LATELY, is_new=True))
        assert new.state == "due"
        assert new.expected > NOW
        changed = judge(one, OLD, NOW, sighting=seen(one, LATELY, is_new=True))
        assert changed.state == "healthy"
    hourly = job(expression="1 hour")
    begun = NOW - timedelta(minutes=90)
    never = judge(hourly, [], NOW, sighting=seen(hourly, begun, is_new=True))
    assert (never.state, never.certain) == ("never_ran", True)


def test_a_job_that_never_ran_is_told_from_a_new_one():
    """An empty log is a certain fault only if an expected run lies behind the first sighting."""
    for expression in ("30 3 * * *", "15 minutes", "R R * * *"):
        one = job(expression=expression)
        never = judge(one, [], NOW, sighting=seen(one))
        assert (never.state, never.certain) == ("never_ran", True)
        since = NOW if expression == "15 minutes" else LATELY
        assert judge(one, [], NOW, sighting=seen(one, since)).state == "cannot_tell"


def test_a_missing_run_near_a_change_of_the_clock_is_told_but_not_certain():
    """The services do not document such days, so the verdict keeps its doubt."""
    one = job(expression="30 2 * * *")
    now = at("03-28 09:00")
    told = judge(one, [run("03-27 01:30")], now, sighting=seen(one))
    assert (told.state, told.certain) == ("late", False)
    assert "clock was changed" in told.evidence[-1]
    frequent = job(expression="*/5 * * * *")
    assert judge(frequent, [run("03-28 01:00")], at("03-28 01:30"), sighting=seen(frequent)).certain


def test_a_failing_job_says_since_when():
    """The state begins with the first of the failures in a row, at the latest with the last."""
    rows = [bad("01-15 02:30"), bad("01-14 02:30"), run("01-13 02:30"), bad("01-12 02:30")]
    told = judge(job(fail=2), rows, NOW)
    assert (told.since, told.last_run, told.failures) == (at("01-14 02:30"), at("01-15 02:30"), 2)
    assert judge(job(), OLD, NOW).since == at("01-15 02:30")


def test_a_verdict_is_json():
    """Times are in UTC and ISO 8601, and a state is its name."""
    told = judge(job(), OLD, NOW, sighting=seen(job())).to_dict()
    assert told == {
        "job": {"id": 7, "name": "nightly"},
        "state": "late",
        "certain": True,
        "since": "2027-01-15T02:30:00Z",
        "expected": "2027-01-15T02:30:00Z",
        "last_run": "2027-01-14T02:30:00Z",
        "failures": 0,
        "disabled_by": None,
        "evidence": ["expected Fri 2027-01-15 03:30 Europe/Berlin, last run Thu 2027-01-14 03:30"],
    }


def test_a_time_without_a_zone_is_refused():
    """A naive now would be off by hours."""
    with pytest.raises(ConfigurationError, match="timezone"):
        judge(job(), GOOD, NOW.replace(tzinfo=None))


def test_sightings_go_through_json_and_refuse_anything_else():
    """What a check learns survives in a file, and a damaged file is an error, not a guess."""
    sightings = Sightings({7: seen(job()), 8: seen(job(), LATELY, is_new=True, looked=NOW)})
    assert Sightings.from_dict(sightings.to_dict()) == sightings
    rows = sightings.to_dict()["jobs"]
    damaged = [
        {}, [], None, "x", {"format": 2, "jobs": {}}, {"format": 1}, {"format": 1, "jobs": []},
        {"format": 1, "jobs": {"x": rows["7"]}}, {"format": 1, "jobs": {"7": {}}},
        {"format": 1, "jobs": {"7": {**rows["7"], "since": "today"}}},
        {"format": 1, "jobs": {"7": {**rows["7"], "since": "2027-01-01T00:00:00"}}},
        {"format": 1, "jobs": {"7": {**rows["7"], "is_new": 1}}},
    ]  # fmt: skip
    for data in damaged:
        with pytest.raises(ConfigurationError):
            Sightings.from_dict(data)


def test_the_states_begin_with_the_most_urgent():
    """Reports are in the order of the states."""
    assert list(State)[:4] == [State.FAILING, State.LATE, State.NEVER_RAN, State.DISABLED]
    assert list(State)[-1] is State.HEALTHY


STRANGE = {
    "a timeout of more seconds than there are": job(timeout=10**30),
    "a timeout of centuries": job(timeout=10**11),
    "a delay of more minutes than there are": job(delay=10**400),
    "a delay of centuries": job(delay=10**9),
    "a delay before the schedule": job(delay=-(10**30)),
    "a count of failures without end": job(fail=10**30),
    "a date at the end of the calendar": job(
        expression="@253402300000", timezone="Pacific/Kiritimati"
    ),
    "a span to the end of the calendar": job(expression="7972 years", timezone="Asia/Tokyo"),
}
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def test_a_strange_number_of_a_service_breaks_no_check():
    """One job with a number that nobody would send must not hide the verdicts on all the others."""
    strange_rows = [
        *(run(time, status) for time in (FIRST, LAST) for status in (0, 1, None)),
        run(NOW, execution_time=-1e308),
    ]
    logs = (None, [], GOOD, *([row] for row in strange_rows), [*strange_rows, *GOOD])
    sightings = [None, *(Sighting("", time, is_new=True) for time in (FIRST, LAST))]
    for story, one in (STRANGE | {"strange rows": job(timezone="Asia/Tokyo")}).items():
        for rows in logs:
            for sighting in sightings:
                assert judge(one, rows, NOW, sighting=sighting).to_dict(), story


def test_a_row_of_an_impossible_time_is_a_row_without_a_time():
    """A log that says the year 1 or 9999 does not tell when the job ran."""
    for time in (FIRST, LAST):
        told = judge(job(), [run(time)], NOW)
        assert (told.state, told.last_run) == ("cannot_tell", None)
        assert told.evidence == ("rows of its log have no time",)


@pytest.mark.parametrize(
    "fields",
    [
        *({"grace": grace} for grace in (float("inf"), float("nan"), -1, "60", True, None)),
        *({"now": now} for now in (FIRST, LAST, "2027-01-15", None, 1.8e9)),
    ],
)
def test_a_time_or_a_grace_that_makes_no_sense_is_refused(fields):
    """`judge` names the argument, and does not raise what the arithmetic raises."""
    with pytest.raises(ConfigurationError, match=next(iter(fields))):
        judge(job(), GOOD, **({"now": NOW} | fields))


def test_a_grace_of_any_length_is_taken():
    """A run is never late within a grace that is longer than the calendar."""
    for grace in (0, 1e12, 1e300, 10**18):
        assert judge(job(), GOOD, NOW, grace=grace).state == "healthy"
    assert judge(job(), OLD, NOW, grace=1e300).state == "healthy"
