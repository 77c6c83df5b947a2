"""What follows failures in a row of jobs that make no calls: the same as where they call."""

from __future__ import annotations

import httpx
import pytest

from cronapi.emulator import ManualClock, create_app
from tests.emulator.conftest import Desk
from tests.support.called import Network, ask, calling_app
from tests.support.emulated import FAST, START

URL = "http://127.0.0.1/500"


def failing(minutes, *, looks=1, run=None, **options):
    """Return a failing job after some minutes, and its log."""
    more = {name: options.pop(name) for name in list(options) if name in _OF_JOBS}
    desk = Desk(**options)
    job = desk.add(url=URL, expression="* * * * *", **more)["id"]
    if run is not None:
        desk("cron.run", id=job, time=START + 60 * run - 1, payload="a=1")
    for look in range(looks):
        desk.now = START + 60 * minutes * (look + 1) // looks
        desk("cron.get", id=job)
    return desk, desk("cron.get", id=job), desk("cron.logs", id=job)


_OF_JOBS = {"retryFailed", "failureThreshold"}


def test_a_job_that_fails_in_a_row_is_failed_until_2024():
    """From the threshold on its status is 4. It is tried on unless it says otherwise."""
    for looks in (1, 7):
        assert failing(9, looks=looks)[1]["status"] == 0
        desk, job, rows = failing(200, looks=looks)
        assert (job["fail"], job["status"], len(rows)) == (200, 4, 50)
        assert len(desk("cron.next", id=job["id"])) == 100
        _, job, rows = failing(200, looks=looks, retryFailed=0)
        assert (job["fail"], job["status"], len(rows)) == (10, 4, 10)
        _, job, rows = failing(200, looks=looks, failureThreshold=3, retryFailed=0)
        assert (job["fail"], job["status"], len(rows)) == (3, 4, 3)


def test_a_success_ends_it():
    """The next run of a job that works again makes it active, with no failure."""
    desk, job, _ = failing(20)
    desk("cron.edit", id=job["id"], url="http://127.0.0.1/")
    desk.now += 60
    job = desk("cron.get", id=job["id"])
    assert (job["fail"], job["status"]) == (0, 0)


@pytest.mark.parametrize("plan", ["free", "pro"])
@pytest.mark.parametrize("looks", [1, 40])
def test_a_job_rests_after_many_failures_today(plan, looks):
    """From the 100th on runs are left out, ever more, and a free plan's job is disabled at 150."""
    desk, job, rows = failing(100 + 2 + 1 + 3 + 1 + 4, looks=looks, era="latest", plan=plan)
    assert (job["fail"], job["status"]) == (103, 0)
    times = [(row["result"]["time"] - START) // 60 for row in rows]
    assert times[:5] == [109, 105, 102, 100, 99]
    desk.now = START + 60 * 3000
    job = desk("cron.get", id=job["id"])
    assert (job["status"], job["fail"] >= 150) == (int(plan == "free"), True)
    assert plan == "pro" or job["fail"] == 150
    assert len(desk("cron.logs", id=job["id"])) == 50


def test_runs_with_a_payload_are_not_left_out():
    """One that was asked for with a payload is carried out in a rest, and is one more failure."""
    counts = {run: failing(112, run=run, era="latest")[1]["fail"] for run in (None, 107)}
    assert counts[107] == counts[None] + 1


@pytest.mark.few(1)
@pytest.mark.parametrize("era", ["seed", "latest"])
@pytest.mark.parametrize("plan", ["free", "pro"])
async def test_pretended_failures_are_those_of_calls(era, plan):
    """A job that really fails has the same count, status and times of runs after each while."""
    network = Network(lambda _request: httpx.Response(500))
    options = {"era": era, "plan": plan}
    more = {"ignoreHttpStatus": 0} if era == "seed" else {}
    real = calling_app(network, **options)
    fake = create_app(clock=ManualClock(START), rates=FAST, **options)
    jobs = [ask(app, "cron.add", url=URL, expression="* * * * *", **more) for app in (real, fake)]
    for minutes in (9, 1, 90, 3, 20, 40):
        await real.run_for(60 * minutes)
        fake.advance(60 * minutes)
        seen = [
            (
                [found[name] for name in ("fail", "status")],
                [row["result"]["time"] for row in ask(app, "cron.logs", id=job["id"])],
            )
            for app, job in zip((real, fake), jobs, strict=True)
            for found in [ask(app, "cron.get", id=job["id"])]
        ]
        assert seen[0] == seen[1], minutes
