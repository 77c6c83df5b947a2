"""`cronapi health`: the cost before, the verdicts, the exit code, and the memory."""

from __future__ import annotations

import json
import stat
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

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
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    seen = json.loads(kept.read_text())["jobs"]
    assert set(seen) == {str(job["id"]) for job in shell.made}
    kept.write_text("{")
    kept.chmod(0o666)
    done = shell("health")
    assert (done.exit_code, "written anew" in done.stderr) == (0, True)
    assert json.loads(kept.read_text())["jobs"].keys() == seen.keys()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(kept.parent.iterdir()) == [kept]
    folder = kept.parent
    kept.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    assert "next check begins anew" in shell("health").stderr


@pytest.fixture
def switch():
    """A dead man's switch that answers by its path, and remembers what it heard."""
    heard, statuses = [], {"/gone": 404, "/gone/fail": 404, "/moved": 302, "/moved/fail": 302}

    class Switch(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.append((self.path, body))
            self.send_response(statuses.get(self.path.partition("?")[0], 200))
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Switch) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        server.heard, server.url = heard, f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()
        thread.join()


def test_a_dead_mans_switch_is_called_at_the_end(shell, switch):
    """Without a fault its address is called, with one its address for failures."""
    for given, told in [
        ("/uuid", "/uuid"),
        ("/uuid/", "/uuid/"),
        ("/p?rid=1", "/p?rid=1"),
        ("", "/"),
    ]:
        assert shell("health", "--ping", switch.url + given).exit_code == 0
        assert switch.heard[-1][0] == told
    shell.clock.advance(1200)
    for given, told in [
        ("/uuid", "/uuid/fail"),
        ("/uuid/", "/uuid/fail"),
        ("/p?rid=1", "/p/fail?rid=1"),
        ("", "/fail"),
    ]:
        done = shell("health", "--ping", switch.url + given)
        assert (done.exit_code, switch.heard[-1][0]) == (2, told)
    assert switch.heard[-1][1] == done.stdout.splitlines()[-1]
    assert not any("bad" in body for _, body in switch.heard)
    assert shell("health", "--fail-on", "late", "--ping", f"{switch.url}/uuid").exit_code == 0
    assert switch.heard[-1][0] == "/uuid"


def test_a_ping_that_fails_changes_no_exit_code(shell, switch):
    """It is told on stderr, also with --json, without the address, and stdout is as ever."""
    addresses = [f"{switch.url}/gone", f"{switch.url}/moved", "http://127.0.0.1:1/secret"]
    for code in (0, 2):
        for url in addresses:
            done = shell("health", "--json", "--ping", url)
            assert done.exit_code == code
            assert done.stderr.startswith("The ping ")
            assert "secret" not in done.stderr
            assert json.loads(done.stdout)
        shell.clock.advance(1200)
    assert {path for path, _ in switch.heard} == {"/gone", "/moved", "/gone/fail", "/moved/fail"}


def test_a_check_that_is_not_made_calls_nothing(shell, switch):
    """The switch alarms by itself when nobody calls. A dry run does not call either."""
    url = f"{switch.url}/uuid"
    assert shell("health", "--dry-run", "--ping", url).exit_code == 0
    shell.emulator.faults.add(Fault("outage", times=None))
    assert shell("health", "--ping", url).exit_code not in (0, 2)
    shell.emulator.faults.clear()
    bad = [
        "file:///etc/passwd",
        "ftp://x/",
        "http://",
        "https:///x",
        "http://[",
        "",
        "x",
        "http://a b",
    ]
    for given in [*bad, "http://x/\n", "http://\xe9/"]:
        assert shell("health", "--ping", given).exit_code == 64, given
    assert switch.heard == []
