"""`cronapi migrate --cutover` and `--back`: exit codes, output, and a process that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from cronapi import SETCRONJOB
from cronapi.emulator import Fault, create_app, run_in_thread
from tests.support.emulated import FAST, TOKEN
from tests.support.manifests import send, sent_since
from tests.support.shell import Shell, shell_at

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

MOVE = ["migrate", "--from", "setcronjob", "--to", "fastcron", "--into", "moved"]
CUT, BACK = [*MOVE, "--cutover"], [*MOVE, "--back"]


def filled(app):
    for number in range(3):
        url = f"https://example.com/{number}"
        send(app, "cron.add", "setcronjob", name=f"job {number}", url=url)
    return app


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with shell_at(tmp_path) as shell:
        shell.environment["SETCRONJOB_TOKEN"] = TOKEN
        filled(shell.app)
        yield shell


def running(app):
    return {
        provider: [one["name"] for one in app.emulator.jobs(provider) if one["status"] == 0]
        for provider in ("setcronjob", "fastcron")
    }


HERE = {"setcronjob": ["job 0", "job 1", "job 2"], "fastcron": []}
THERE = {"setcronjob": [], "fastcron": ["job 0", "job 1", "job 2"]}


def test_a_cutover_is_asked_for_carried_out_and_undone(shell):
    """A dry run and a command without anybody to ask change nothing."""
    count = shell.sent
    told = shell(*CUT, "-n", "--out", "moved.toml")
    *unseen, would, cost, nothing = told.stdout.splitlines()
    assert (told.exit_code, nothing) == (2, "nothing was sent")
    assert would == (
        "would make 3 jobs at fastcron in the group 'moved', and disable 3 at setcronjob: "
        + ", ".join(f"{one['name']} ({one['id']})" for one in shell.emulator.jobs("setcronjob"))
    )
    assert cost == "9 requests at setcronjob and 8 at fastcron, about 0.0017 s"
    assert unseen[-1] == "all 3 jobs: username (cannot be read; if it was set, it is lost)"
    assert len(unseen) == len(SETCRONJOB.hides) - 1  # the instances that are shown tell of single
    assert shell(*CUT, "--no-input").exit_code == 64
    assert not list(shell.file.parent.glob("*.toml"))
    assert not list(shell.file.parent.rglob("*.jsonl"))
    assert sent_since(shell.app, count) == []
    told = shell(*CUT, "-y", "--out", "moved.toml")
    *again, counts = told.stdout.splitlines()
    assert (told.exit_code, again, counts) == (0, unseen, "3 made, 3 disabled, 0 left")
    assert "--back undoes it: the journal is" in told.stderr
    assert running(shell.app) == THERE
    assert shell("plan", "-f", "moved.toml").exit_code == 0
    told = shell(*CUT, "--out", "moved.toml")  # nothing to ask
    assert (told.exit_code, told.stdout) == (0, "0 made, 0 disabled, 0 left\n")
    told = shell(*BACK, "-n", "--json")
    assert (told.exit_code, len(json.loads(told.stdout)["left"])) == (2, 3)
    assert json.loads(told.stdout)["dry_run"]["delete"] == 3
    told = shell(*BACK, "-n")
    assert told.stdout.startswith("would enable 3 jobs at setcronjob, and delete 3 at fastcron: ")
    assert told.stdout.endswith("nothing was sent\n")
    assert shell(*BACK, "--no-input").exit_code == 64
    told = shell(*BACK, "-y")
    assert (told.exit_code, told.stdout) == (0, "3 enabled, 3 deleted, 0 left\n")
    assert "What was deleted is kept in" in told.stderr
    assert running(shell.app) == HERE
    assert shell(*BACK, "-y").exit_code == 64  # there is no journal any more


def test_losses_and_wrong_words_stop_a_cutover(shell):
    """2 for a loss, 3 for other jobs of the same names, 64 for what cannot be meant."""
    send(shell.app, "cron.add", "setcronjob", name="lossy", url="https://h.example/?__secret__")
    count = shell.sent
    told = shell(*CUT, "-y")
    assert told.exit_code == 2
    assert "lossy" in told.stdout
    assert "--accept-losses goes on" in told.stderr
    for more, code in [
        (["--back"], 64),
        (["--token-file", "x"], 64),
        (["--base-url", "http://127.0.0.1:1/"], 64),
        (["--overlap", "long"], 64),
        (["--journal", "cronjobs.csv"], 64),
    ]:
        (shell.file.parent / "cronjobs.csv").write_text("a,b\n")
        assert shell(*CUT, "-y", *more).exit_code == code, more
    assert shell(*MOVE).exit_code == 64
    assert shell(*CUT, "-y", SETCRONJOB_TOKEN="").exit_code == 4
    assert sent_since(shell.app, count) == []
    told = shell(*CUT, "-y", "--accept-losses", "--overlap", "none", "--json")
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert (document["made"], document["disabled"], document["left"]) == (4, 4, [])
    assert [one["name"] for one in document["losses"]] == ["lossy"]


class Killing:
    """An app that kills a process when one of its changes has come in, or was carried out."""

    def __init__(self, app, number, *, before):
        self.app, self.left, self.before = app, number, before
        self.pid = None

    async def __call__(self, scope, receive, send):
        function = scope["path"].rpartition("/")[2]
        is_change = function not in {"cron.list", "cron_list", "group.lookup", "group_lookup"}
        is_hit = is_change and self.left == 0
        self.left -= is_change
        if is_hit and self.before:
            os.kill(self.pid, signal.SIGKILL)
            return
        await self.app(scope, receive, send)
        if is_hit:
            os.kill(self.pid, signal.SIGKILL)


def killed(folder, number, *, before, words):
    """Run a command that is killed at a request, then again, and return the emulator."""
    app = filled(create_app(rates=FAST))
    killing = Killing(app, number, before=before)
    with run_in_thread(killing) as origin:
        shell = Shell(app, origin, folder)
        shell.environment["SETCRONJOB_TOKEN"] = TOKEN
        line = [*MOVE, "-y", "--journal", str(folder / "moves"), *words]
        process = subprocess.Popen(
            [sys.executable, "-m", "cronapi", *line, "--cutover"],
            env={k: v for k, v in (os.environ | shell.environment).items() if v is not None},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        killing.pid = process.pid
        assert process.wait(30) == -signal.SIGKILL
        for word, state in (("--cutover", THERE), ("--back", HERE)):
            told = shell(*line, word)
            assert told.exit_code == 0, told.output
            assert running(app) == state


def test_a_cutover_that_is_killed_goes_on(tmp_path):
    """After the jobs were made, and before any of the old ones was disabled."""
    killed(tmp_path, 1, before=False, words=[])


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("overlap", ["short", "none"])
def test_a_cutover_that_is_killed_anywhere_goes_on(tmp_path, overlap, before):
    """At each of its five requests that change something."""
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed(folder, number, before=before, words=["--overlap", overlap])


@pytest.mark.few(1)
@pytest.mark.parametrize("data", ["", '{"cronapi":"cut'])
def test_an_empty_or_torn_journal_lets_no_loss_pass(shell, data):
    """As without one: 2, and nothing is sent or written. With them accepted, all files are made."""
    send(shell.app, "cron.add", "setcronjob", name="lossy", url="https://h.example/?__secret__")
    journal, folder = shell.file.parent / "moves", shell.file.parent
    journal.write_text(data)
    count = shell.sent
    line = [*CUT, "-y", "--journal", "moves", "--out", "moved.toml", "--env-file", "moved.env"]
    told = shell(*line)
    assert told.exit_code == 2, told.output
    assert "the journal is" not in told.stderr
    assert sent_since(shell.app, count) == []
    assert not list(folder.glob("moved*"))
    assert shell(*line, "--accept-losses").exit_code == 0
    assert len(list(folder.glob("moved.*"))) == 2
    assert shell(*line).exit_code == 0  # they were accepted


def test_a_cutover_with_a_twin_is_not_done(shell):
    """The same command tells it, and deletes it. The way back names its undo file if it fails."""
    line = [*CUT, "--journal", "moves", "--out", "moved.toml"]
    assert shell(*line, "-y").exit_code == 0
    first = shell.emulator.jobs("fastcron")[0]
    members = ("name", "url", "expression", "timezone", "group", "notify")
    twin = send(shell.app, "cron.add", **{name: first[name] for name in members})["id"]
    for more in (["-n"], ["-n", "--json"]):
        told = shell(*line, *more)
        assert (told.exit_code, "job 0" in told.stdout) == (2, True)
    assert "twice at the new service" in told.stdout
    assert shell(*line, "--no-input").exit_code == 64
    told = shell(*line, "-y")
    assert (told.exit_code, told.stdout) == (0, "0 made, 0 disabled, 0 left\n")
    assert running(shell.app) == THERE
    assert twin not in [one["id"] for one in shell.emulator.jobs("fastcron")]
    shell.emulator.faults.add(Fault("busy", function="cron.batch_delete", times=None, code=30))
    shell.emulator.faults.add(Fault("busy", function="cron.delete", times=None, code=30))
    told = shell(*BACK, "-y", "--journal", "moves")
    assert told.exit_code == 1
    assert "is kept in" in told.stderr


def test_a_dry_run_of_a_move_is_told_as_one_whatever_was_done_before(shell):
    """No line reads as a failure, and a job that would stay as it is has its reason."""
    send(shell.app, "cron.add", "setcronjob", name="lossy", url="https://h.example/?__secret__")
    for more in ([], ["-n"], ["--accept-losses", "-n"], ["-y", "-q"]):
        told = shell(*CUT, *more)
        assert told.exit_code == 2
        assert "would make 4 jobs at fastcron in the group 'moved', and disable 4" in told.stdout
        assert "it is not at the new service" not in told.output
    told = json.loads(shell(*CUT, "-n", "--json").stdout)
    assert {name: told["dry_run"][name] for name in ("make", "disable")} == {
        "make": 4,
        "disable": 4,
    }
    assert told["dry_run"]["requests"].keys() == {"setcronjob", "fastcron"}
    assert len(told["losses"]) == 1
    assert shell(*CUT, "-y", "--accept-losses").exit_code == 0
    told = shell(*CUT, "-n")
    assert told.exit_code == 0
    assert "would make 0 jobs at fastcron in the group 'moved', and disable 0" in told.stdout
    (first, *_) = shell.emulator.jobs("fastcron")
    send(shell.app, "cron.disable", id=first["id"])
    old = shell.emulator.jobs("setcronjob")[0]["id"]
    send(shell.app, "cron.enable", "setcronjob", id=old)
    told = shell(*CUT, "-n")
    assert f"would leave job 0 ({old}): it does not run at the new service" in told.stdout


def test_a_manifest_for_another_service_is_looked_at_without_a_place_for_it(shell):
    """With -n: the losses and the number of jobs are told, as text and as JSON."""
    told = shell(*MOVE, "-n")
    assert told.exit_code == 0
    assert "would write 3 jobs to a new manifest; nothing was written" in told.stderr
    told = shell(*MOVE, "-n", "--json")
    assert (told.exit_code, json.loads(told.stdout)["jobs"]) == (0, 3)
    told = shell(*MOVE)
    assert told.exit_code == 64
    assert "Say --out" in told.stderr
    told = shell(*MOVE, "--out", "new.toml", "-n")
    assert "would write 3 jobs to new.toml; nothing was written" in told.stderr
    told = shell(*MOVE, "--out", "new.toml")
    assert "3 jobs written to new.toml" in told.stderr
