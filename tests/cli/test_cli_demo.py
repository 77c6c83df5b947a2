"""`cronapi demo`, in a hurry: both services at once, to the verdict."""

from __future__ import annotations

import itertools
import signal
import subprocess
from contextlib import closing
from subprocess import PIPE

import pytest
from attrs import evolve
from click.testing import CliRunner

from cronapi.cli.demo import show
from cronapi.cli.demo.roles import ROLES, Role
from cronapi.cli.demo.run import PLANS, emulate, run
from cronapi.cli.root import cronapi
from cronapi.emulator import Fault
from tests.support.console import CRONAPI, without_log

SPEED = 20
FEW = [evolve(plan, crews=crews) for plan, crews in zip(PLANS, (4, 1), strict=True)]
SMALL = [evolve(plan.faster(SPEED), every=0.1, patience=5.0) for plan in FEW]
"""A little of the same work, with web callers that are patient enough to be answered."""
LEAST = [evolve(plan, crews=1) for plan in SMALL]
"""The work of one crew at each service."""


@pytest.fixture
def app():
    app = emulate(LEAST)
    with closing(app.emulator):
        yield app


def perform(app, show=lambda _: None, plans=LEAST):
    return {report.name: report for report in run(app, plans, show, pause=0.05)}


def test_the_plans_are_what_was_promised():
    """100 coroutines at SetCronJob and 20 at FastCron work less than a minute at the real rates."""
    assert [plan.coroutines for plan in PLANS] == [100, 20]
    assert [plan.provider.rate.limit for plan in PLANS] == [10, 1]
    assert all(30 < plan.calls * plan.provider.rate.interval < 40 for plan in PLANS)


def test_progress_comes_from_the_services_counters(app):
    """The last snapshot shows all calls done, none waiting, and the refusals that were counted."""
    looks = []
    perform(app, looks.append)
    assert len(looks) > 2
    for last in looks[-1]:
        assert (last.done, last.waiting, last.left) == (last.total, 0, 0)
        assert last.refused == app.emulator.limiters[last.name].refused
        assert 0 < last.rate <= last.allowed * 1.2
    first = looks[0][0]
    assert first.left > 0
    assert first.done < first.total


def test_a_patient_web_caller_is_answered_and_an_impatient_one_is_told_to_come_back(app):
    """Both are sound: a web caller that is turned away loses nothing."""
    patience = {"setcronjob": 5.0, "fastcron": 0.0}
    reports = perform(
        app, plans=[evolve(plan, patience=patience[plan.provider.name]) for plan in LEAST]
    )
    assert all(report.sound for report in reports.values())
    assert len(reports["setcronjob"].waits) > 0
    assert reports["setcronjob"].turned_away == 0
    assert reports["fastcron"].turned_away > 0


# --- when something goes wrong --------------------------------------------------------------------


def test_a_lost_answer_costs_nothing(app):
    """An add is found again if its answer was lost: nothing is lost or duplicated."""
    app.emulator.faults.add(
        Fault("lose", "setcronjob", "cron.add"), Fault("lose", "fastcron", "cron.batch_add")
    )
    assert all(report.sound for report in perform(app).values())
    assert len(app.emulator.faults.fired) == 2


def test_a_call_that_fails_for_good_is_lost(app):
    """A coroutine stops at a call that fails, and the report names both and the reason."""
    app.emulator.faults.add(Fault("redirect", "setcronjob", "cron.add"))
    report = perform(app)["setcronjob"]
    assert (report.lost, report.duplicated, report.sound) == (1, 0, False)
    assert report.errors[0].startswith("crew ")
    assert "cron.add" in report.errors[0]


def test_a_web_call_that_fails_for_good_is_lost(app):
    """The web caller's failures are reported too."""
    app.emulator.faults.add(Fault("redirect", "fastcron", "cron.list"))
    assert perform(app)["fastcron"].errors[0].startswith("web: ")


@pytest.mark.few(1)
@pytest.mark.parametrize("name", ["setcronjob", "fastcron"])
def test_a_group_that_cannot_be_made_holds_nobody_up(app, name):
    """Coroutines that wait for the group go on without it, or end in an error of their own."""
    app.emulator.faults.add(Fault("redirect", name, "group.add"))
    report = perform(app)[name]
    assert 1 <= report.lost <= 2
    assert report.duplicated == 0


def test_a_job_that_nobody_was_told_of_is_a_duplicate(app):
    """A job that no coroutine added is found."""
    looks = []

    def interfere(_):
        if not looks and (jobs := app.emulator.jobs("setcronjob")):
            twin = {name: value for name, value in jobs[0].items() if name != "id"}
            looks.append(app.emulator.store.add("job", "setcronjob", "another", twin))

    report = perform(app, interfere)["setcronjob"]
    assert (report.lost, report.duplicated, report.sound) == (0, 1, False)


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plans", [pytest.param(FEW, id="few"), pytest.param(PLANS, id="all", marks=pytest.mark.proof)]
)
def test_the_command_ends_with_the_table(monkeypatch, plans):
    """At twenty times the rates the demo takes seconds and ends well, with few coroutines and with
    all of them.
    """
    monkeypatch.setattr(show, "PLANS", plans)
    many, few = (plan.coroutines for plan in plans)
    result = CliRunner().invoke(cronapi, ["demo", "--speed", str(SPEED)])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == (
        f"{many} coroutines at setcronjob (200/s) and {few} coroutines at fastcron (20/s),"
        " at a local emulator."
    )
    assert result.output.endswith("Every call was answered, every job is there once.\n")


def test_the_command_ends_with_exit_code_1_when_something_is_lost(monkeypatch):
    """A role that fails makes the command fail."""

    async def stray(client, crew):
        await client.counted(client.api.group.items(1))

    monkeypatch.setitem(ROLES, "setcronjob", (Role(stray, 1),))
    monkeypatch.setattr(show, "PLANS", FEW)
    result = CliRunner().invoke(cronapi, ["demo", "--speed", str(SPEED)])
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        1,
        "Something was lost or duplicated: see the table.",
    )


def interrupted(signals):
    """Return the exit code and stderr of a demo that got so many signals back to back."""
    command = [CRONAPI[0], "-u", *CRONAPI[1:], "demo", "--speed", "5"]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert "waiting" in "".join(itertools.islice(process.stdout, 2))
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    return process.returncode, without_log(errors)


def test_ctrl_c_ends_the_demo_with_a_line():
    """The exit code is the shell's own for it, and there is no traceback."""
    assert interrupted(1) == (130, "\nError: Interrupted.\n")


@pytest.mark.proof
@pytest.mark.parametrize("_", range(5))
def test_a_second_ctrl_c_changes_nothing(_):
    """However close it comes, the demo ends with the same line and exit code."""
    assert interrupted(2) == (130, "\nError: Interrupted.\n")
