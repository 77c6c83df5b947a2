"""The options of all commands, at each command for manifests: -n, --json, --no-input, new files."""

from __future__ import annotations

import json
import signal

import pytest

from cronapi.emulator import Fault
from tests.support.manifests import HEAD, jobs_text, sent_since
from tests.support.shell import shell_at

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

VALUES = {"OLD": "canary-key-1", "NEW": "canary-key-2"}
MOVE = ["migrate", "--from", "fastcron", "--to", "setcronjob", "--into", "g", "--out", "moved.toml"]
LINES = {
    "plan": ["plan", "--out", "plan.json"],
    "drift": ["drift"],
    "apply": ["apply", "--prune", "--undo", "undo.toml"],
    "check": ["check"],
    "export": ["export", "--prefix", "n", "--env-file", "secrets.env"],
    "adopt": ["adopt", "{job}", "--env-file", "secrets.env"],
    "migrate": [*MOVE, "--env-file", "secrets.env"],
    "rotate": ["rotate", "--old-env", "OLD", "--new-env", "NEW", "--everywhere"],
}
"""A command line of each command for manifests, with all new files that it can make."""
ASKS = {"apply", "rotate"}
NEW_FILES = ["plan.json", "undo.toml", "secrets.env", "moved.toml"]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with shell_at(tmp_path) as shell:
        shell.path = tmp_path / "cronjobs.toml"
        shell.prepare()
        shell("cron", "edit", *map(str, shell.jobs), "--header", "X-Key: canary-key-1")
        shell.path.write_text(HEAD + jobs_text(1))
        yield shell


def line_of(shell, command):
    return [word.format(job=shell.jobs[0]) for word in LINES[command]]


def files(shell):
    folder = shell.path.parent
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_changes_neither_a_file_nor_the_account_and_asks_nothing(shell):
    """It tells what would be done, as text and as JSON."""
    before, jobs = files(shell), shell.emulator.jobs("fastcron")
    count = shell.sent
    for command in LINES:
        for more in (["-n"], ["-n", "--json"], ["-n", "--no-input"]):
            told = shell(*line_of(shell, command), *more, **VALUES)
            assert told.exit_code in {0, 2}, (command, told.output)
            assert told.output or command == "check", command
            assert "canary" not in told.output
    assert files(shell) == before
    assert shell.emulator.jobs("fastcron") == jobs
    assert sent_since(shell, count) == []


def test_a_command_that_asks_ends_with_64_where_nobody_answers(shell):
    """The others do not ask, so they do their work."""
    for command in LINES:
        told = shell(*line_of(shell, command), "--no-input", **VALUES)
        assert (told.exit_code == 64) == (command in ASKS), (command, told.output)
        if command in ASKS:
            assert "give --yes" in told.stderr
        for name in NEW_FILES:
            (shell.path.parent / name).unlink(missing_ok=True)


def test_json_is_one_document_and_ndjson_one_line(shell):
    """Nothing for people is among it, on either stream."""
    for command in LINES:
        for output in ("json", "ndjson"):
            told = shell(*line_of(shell, command), "-y", "-o", output, **VALUES)
            assert told.stderr == "", command
            assert isinstance(json.loads(told.stdout), dict | list), command
            if output == "ndjson":
                assert told.stdout.count("\n") == 1, command
            for name in NEW_FILES:
                (shell.path.parent / name).unlink(missing_ok=True)
            shell.path.write_text(HEAD + jobs_text(1))


def test_nothing_is_sent_if_a_new_file_is_there_already(shell):
    """The file keeps what it has, and so it is where its directory is missing."""
    for command, line in LINES.items():
        for name in set(line) & set(NEW_FILES):
            path = shell.path.parent / name
            for place in (name, f"none/{name}"):
                path.write_text("kept")
                count = shell.sent
                words = [place if word == name else word for word in line_of(shell, command)]
                told = shell(*words, "-y", **VALUES)
                assert told.exit_code == 64, (command, told.output)
                assert name in told.stderr
                assert shell.sent == count, command
                assert path.read_text() == "kept"
            path.unlink()


def test_one_new_file_for_two_things_is_refused(shell):
    """A manifest and its secrets in one file would be half of both."""
    told = shell(*MOVE, "--env-file", "./moved.toml")
    assert told.exit_code == 64
    assert "cannot be two files" in told.stderr


def test_a_saved_plan_of_odd_values_is_stale_and_no_crash(shell):
    """Whatever somebody has written into it."""
    shell("plan", "--out", "plan.json")
    path = shell.path.parent / "plan.json"
    document = json.loads(path.read_text())
    for name, value in [
        ("max_deletes", "many"),
        ("max_deletes", [1]),
        ("prune", "yes"),
        ("resend_hidden", [{}]),
        ("dedupe", {"a": 1}),
    ]:
        path.write_text(json.dumps(document | {"options": document["options"] | {name: value}}))
        told = shell("apply", "plan.json")
        assert told.exit_code == 3, told.output
        assert "stale" in told.stderr


def test_a_whole_account_is_exported_and_a_hidden_password_is_set(shell):
    """`--all` and `--include-hidden`, each with its wrong use."""
    told = shell("export", "--all")
    assert told.exit_code == 0
    assert "all = true" in told.stdout
    assert shell("export", "--all", "--prefix", "n").exit_code == 64
    line = [*LINES["rotate"], "-y", "--include-hidden"]
    told = shell(*line, "n1", "--include-hidden", "n0", **VALUES)
    assert told.exit_code == 0, told.output
    assert {job["password"] for job in shell.emulator.jobs("fastcron")} == {"canary-key-2"}
    told = shell(*line, "none", OLD="canary-key-2", NEW="canary-key-3")
    assert told.exit_code == 64
    assert "canary" not in told.output


def test_what_the_account_allows_is_asked_for_with_one_request(shell):
    """A check and a plan tell it, and a service without such an answer is exit code 64."""
    shell.path.write_text(HEAD + jobs_text(1, lines='expression = "10 seconds"\n'))
    count = shell.sent
    told = shell("check", "--online")
    assert (told.exit_code, shell.sent) == (2, count + 1)
    assert "too-often" in told.stdout
    assert shell("check").exit_code == 0
    told = shell("plan", "--check-limit")
    assert told.exit_code == 2
    assert "The account does not tell how many jobs it may have." in told.stdout
    tokens = {"SETCRONJOB_TOKEN": shell.environment["FASTCRON_TOKEN"]}
    for command in (["check", "--online"], ["plan", "--check-limit"]):
        assert shell(*command, "-P", "setcronjob", **tokens).exit_code == 64


def test_a_failure_at_the_service_leaves_the_values_of_an_adoption(shell):
    """They are written before a job is moved, and the manifest after them."""
    shell.emulator.faults.add(Fault("busy", function="group.add", times=None, code=30))
    told = shell(*line_of(shell, "adopt"))
    assert told.exit_code not in {0, 64}, told.output
    folder = shell.path.parent
    assert "canary-key-1" in (folder / "secrets.env").read_text()
    assert "[job.n0]" in shell.path.read_text()
    shell.emulator.faults.clear()
    (name,) = [one.partition("=")[0] for one in (folder / "secrets.env").read_text().splitlines()]
    told = shell("adopt", str(shell.jobs[0]), **{name: "canary-key-1"})
    assert (told.exit_code, told.stdout) == (0, "n0\n")


def test_ctrl_c_in_an_adoption_loses_no_value(shell):
    """At any of its requests: a changed manifest or job has its values in the file beside it."""
    folder, text = shell.path.parent, shell.path.read_text()
    secrets, ends = folder / "secrets.env", set()
    for after in (*range(6), 99):
        for path in (secrets, shell.path):
            path.unlink(missing_ok=True)
        shell.path.write_text(text)
        shell.prepare()
        shell("cron", "edit", str(shell.jobs[0]), "--header", "X-Key: canary-key-1")
        before = shell.emulator.jobs("fastcron")
        shell.interrupting.after, shell.interrupting.signal = after, signal.SIGINT
        told = shell(*line_of(shell, "adopt"))
        shell.interrupting.signal = None
        ends.add(told.exit_code)
        is_changed = shell.path.read_text() != text or shell.emulator.jobs("fastcron") != before
        assert secrets.exists() or not is_changed, after
        assert "canary-key-1" in (secrets.read_text() if is_changed else "canary-key-1")
    assert ends == {0, 130}


def test_each_exit_code_of_a_dry_run_is_in_the_help_of_its_command(shell):
    """A script can be written from the help alone."""
    for command in LINES:
        for more in (["-n"], ["-n", "--no-input"], ["--no-input"]):
            code = shell(*line_of(shell, command), *more, **VALUES).exit_code
            told = " ".join(shell(command, "--help").stdout.split())
            codes = told.rpartition("Exit codes: ")[2].partition(";")[0].split(", ")
            assert str(code) in codes, (command, more, code)
            for name in NEW_FILES:
                (shell.path.parent / name).unlink(missing_ok=True)
