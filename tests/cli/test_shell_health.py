"""`cronapi health`: the cost before, the verdicts, the exit code, and the memory."""

from __future__ import annotations

import json
import stat

import pytest

from cronapi.cli.api.health import FAULTS, FORMATS
from cronapi.emulator import Fault, ManualClock
from cronapi.health import formats, report
from tests.support.emulated import START
from tests.support.shell import shell_at


@pytest.fixture
def shell(tmp_path):
    """Give a shell at an account with a failing job, a disabled one, and a good one."""
    clock = ManualClock(START)
    with shell_at(tmp_path, clock=clock) as shell:
        shell.clock = clock
        shell.made = [
            shell.json("cron", "add", "--url", url, "--name", name, "--expression", "*/5 * * * *")
            for name, url in {
                "good": "https://example.com/",
                "bad\n::error::": "https://example.com/500",
                "off": "https://example.com/",
            }.items()
        ]
        shell.json("cron", "disable", shell.made[2]["id"])
        yield shell


def states(done):
    return {one["job"]["name"]: one["state"] for one in json.loads(done.stdout)}


def test_the_names_of_the_options_are_those_of_the_library():
    """The help has no list of its own."""
    assert formats.FORMATS == FORMATS
    assert tuple(FAULTS.split(",")) == report.FAULTS


def test_the_cost_comes_before_and_a_fault_is_2(shell):
    """One line on stderr tells the requests, and a failing job ends in 2."""
    done = shell("health")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith("1 paused, 2 not looked at")
    shell.clock.advance(1200)
    before = shell.sent
    done = shell("health")
    assert done.exit_code == 2
    assert done.stdout.startswith("FAILING  bad\\n::error::  ")
    assert done.stderr.startswith(f"{shell.sent - before} requests (cron.list, cron.logs), about")
    assert shell("health", "--fail-on", "late").exit_code == 0
    assert shell("health", "--fail-on", "paused").exit_code == 2
    assert shell("health", "--match", "g*").exit_code == 0


def test_each_format_goes_to_stdout_alone(shell):
    """Only a table and errors are for people, and --json is one of the formats."""
    shell.clock.advance(1200)
    for name in FORMATS:
        done = shell("health", "--format", name)
        assert done.exit_code == 2
        assert done.stdout.endswith("\n")
    assert shell("health", "--format", "nagios").stdout.count("\n") == 1
    as_json = shell("health", "--json")
    assert (as_json.exit_code, as_json.stderr) == (2, "")
    assert states(as_json)["off"] == "paused"
    assert shell("health", "-o", "csv").exit_code == 64
    assert shell("health", "--fail-on", "lates").exit_code == 64
    assert shell("health", "--budget", "0").exit_code == 64


def test_the_budget_holds_and_a_group_by_name_counts(shell):
    """Finding the group is one of the requests."""
    group = shell.json("group", "add", "team")["id"]
    shell.json("cron", "edit", shell.made[0]["id"], "--group", group)
    for given, budget in (("team", 5), ("team", 3), (str(group), 1), (str(group), 2)):
        before = shell.sent
        done = shell("health", "--late", "--group", given, "--budget", budget, "--json")
        assert list(states(done)) == ["good"]
        assert shell.sent - before <= budget
    assert shell("health", "--group", "team", "--budget", "1").exit_code == 64
    assert shell("health", "--group", "nobody").exit_code == 5
    shell.emulator.faults.add(Fault("outage", function="cron.logs", times=None))
    before = shell.sent
    done = shell("health", "--late", "--budget", "6", "--format", "nagios")
    assert (done.exit_code, shell.sent - before) == (3, 6)


def test_a_check_remembers_what_it_saw(shell, tmp_path):
    """The next command looks at other jobs, and tells a job that never ran from a new one."""
    shell("health")
    (kept,) = (tmp_path / ".local/state/cronapi/health").iterdir()
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    seen = json.loads(kept.read_text())["jobs"]
    assert set(seen) == {str(job["id"]) for job in shell.made}
    kept.write_text("{")
    done = shell("health")
    assert (done.exit_code, "written anew" in done.stderr) == (0, True)
    assert json.loads(kept.read_text())["jobs"].keys() == seen.keys()
    folder = kept.parent
    kept.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    assert "next check begins anew" in shell("health").stderr
