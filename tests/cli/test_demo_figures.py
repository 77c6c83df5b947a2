"""`cronapi demo`, in a hurry: its figures beside those of the services."""

from __future__ import annotations

from contextlib import closing

import pytest

from cronapi.cli.demo.run import emulate

from .test_cli_demo import SMALL, perform


@pytest.fixture(scope="module")
def finished():
    """A run in which nothing went wrong: the emulator and the reports."""
    app = emulate(SMALL)
    with closing(app.emulator):
        yield app.emulator, perform(app, plans=SMALL)


@pytest.mark.judged
@pytest.mark.parametrize("plan", SMALL, ids=lambda plan: plan.provider.name)
def test_all_is_done_and_all_is_there(finished, plan):
    """Every call is answered, and the figures agree with the service's own counters."""
    emulator, report = finished[0], finished[1][plan.provider.name]
    assert report.calls - len(report.waits) == plan.calls
    assert (report.sound, report.lost, report.duplicated, report.errors) == (True, 0, 0, ())
    assert (report.coroutines, report.allowed) == (plan.coroutines, plan.provider.rate.limit)
    limiter = emulator.limiters[report.name]
    assert limiter.accepted == report.calls
    # The web caller's last call may arrive when the work is over.
    assert report.calls - 1 <= report.traffic.requests - report.traffic.refused <= report.calls
    assert report.traffic.refused <= limiter.refused
    assert 0 < report.traffic.rate <= report.allowed * 1.01


@pytest.mark.parametrize(
    ("name", "crews", "jobs", "made"), [("setcronjob", 4, 16, 20), ("fastcron", 1, 5, 6)]
)
def test_each_crew_leaves_its_jobs_and_its_group(finished, name, crews, jobs, made):
    """A crew makes one job more than it leaves, and shares one group."""
    emulator, reports = finished
    groups = {group["id"] for group in emulator.groups(name)}
    assert (reports[name].jobs, emulator.created(name), len(groups)) == (jobs, made, crews)
    assert {job["group"] for job in emulator.jobs(name)} >= groups


def test_adding_reading_editing_grouping_running_and_deleting_are_all_done(finished):
    """Both services get a mixture of calls."""
    done = {(seen.provider, seen.function) for seen in finished[0].requests}
    common = {
        "cron.add",
        "cron.edit",
        "cron.run",
        "cron.delete",
        "group.add",
        "group.items",
        "cron.list",
    }
    assert {function for provider, function in done if provider == "fastcron"} == common | {
        "cron.batch_add"
    }
    assert {function for provider, function in done if provider == "setcronjob"} == common | {
        *("cron.get", "cron.logs", "cron.disable", "cron.enable", "cron.pause")
    }
