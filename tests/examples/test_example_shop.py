"""examples/shop: a whole application, called and told by a running emulator."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.shop import EXAMPLES, World, ran, stand_still, steer, stop, told


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.proof
def test_the_tests_of_the_shop_pass(tmp_path):
    """They run as their folder says, with the plugin and nothing else."""
    command = (sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir", ".")
    ignored = ("-p", "no:cacheprovider", "-W", "ignore", f"--basetemp={tmp_path / 'tests'}")
    run = subprocess.run(
        [*command, *ignored], cwd=EXAMPLES / "shop", capture_output=True, text=True, check=False
    )
    assert "11 passed" in run.stdout, run.stdout + run.stderr


def test_jobs_call_the_shop_and_failures_are_told(world):
    """Two shops open. One sells, so that its job succeeds, and the other's failure and recovery are
    alerts. Ended by SIGTERM the shop has lost none.
    """
    with world.emulator("--rate-fastcron", "0") as control, world.shop() as (process, browser):
        jobs = [browser.put(f"/shops/{name}").json()["job"] for name in ("tea", "silk")]
        browser.post("/shops/tea/sales", json={"cents": 250})
        steer(control, "clock", {"advance": "2 minutes"})
        browser.post("/shops/silk/sales", json={"cents": 5})
        runs = steer(control, "clock", {"advance": "1 minute"})["runs"]
        assert sorted(run["id"] for run in runs) == jobs
        assert browser.get("/health").json() == []
        alerts = browser.get("/shops/silk").json()["alerts"]
        assert [one["failed"] for one in alerts] == [1, 1, 0]
        assert stop(process) in (0, -signal.SIGTERM)
        runs = steer(control, "executions")["runs"]
        assert world.reports() == ran(runs, "ok")
        assert world.alerts() == told(steer(control, "webhooks")["sent"])


def open_shops(browser, names):
    """Open shops as users do: at the same time, and again after an error."""

    def open_one(name):
        while browser.put(f"/shops/{name}").status_code != httpx.codes.OK:
            time.sleep(0.5)

    with ThreadPoolExecutor(50) as users:
        list(users.map(open_one, names))


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_fifty_shops_under_chaos_lose_and_double_nothing(world):
    """Fifty tenants come while answers are lost: each has one job. For a minute their jobs call and
    a third of them fail: each call is counted once, and each failure told once. SIGTERM in the
    middle loses nothing that was answered. After kill -9 no more than the notifications that waited
    is lost, and no report.
    """
    names = [f"shop {number}" for number in range(50)]
    with world.emulator() as control:
        control.put("chaos", json={"seed": 7, "lose": 0.1, "outage": 0.05}).raise_for_status()
        with world.shop() as (process, browser):
            open_shops(browser, names)
            jobs = [browser.get(f"/shops/{name}").json()["job"] for name in names]
            listed = steer(control, "state")
            assert len(set(jobs)) == 50 == len(jobs_in(listed))
            for name in names[::3] + names[1::3]:
                browser.post(f"/shops/{name}/sales", json={"cents": 5})
            runs, sent = run_for(control, 60, ("ok", "failed"))
            assert len(runs) > 500
            assert world.reports() == ran(runs, "ok")
            assert world.alerts() == told(sent)
            assert told(sent, delivered=False) == {}
            before, kept = world.reports(), world.alerts()
            runs, sent = run_for(control, 5, (), lambda: stop(process))
        answered = ran([run for run in runs if run["result"] == "ok"], "ok")
        assert world.reports() - before == answered
        assert world.alerts() - kept == told(sent)
        before, kept = world.reports(), world.alerts()
        with world.shop() as (process, _):
            runs, sent = run_for(control, 5, (), process.kill)
        made, alerts = world.reports() - before, world.alerts() - kept
        assert set(made.values()) == set(alerts.values()) == {1}
        assert not ran(runs, "ok") - made  # what was answered is kept
        assert (told(sent) - alerts).total() <= 10
        assert not alerts - told(sent) - told(sent, delivered=False)


def jobs_in(state):
    return [row for row in state["documents"] if row[0] == "job"]


def run_for(control, seconds, results, then=lambda: None):
    """Let the jobs run at fifteenfold pace, do something in the middle, and stop the clock. Return
    the runs and the notifications of that time.
    """
    control.post("reset", params={"keep": "jobs"}).raise_for_status()
    steer(control, "clock", {"scale": 15})
    time.sleep(seconds)
    then()
    stand_still(control)
    runs = steer(control, "executions?limit=1000")["runs"]
    assert not results or {run["result"] for run in runs} == set(results)
    return runs, steer(control, "webhooks")["sent"]
