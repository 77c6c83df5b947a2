"""Commands for manifests under every kind of failure, at the first request and at a change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.support.emulated import TOKEN
from tests.support.manifests import HEAD, jobs_text
from tests.support.shell import check_told, plan

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

SECRETS = {"OLD": "canary-key-1", "NEW": "canary-key-2"}
MOVE = ["migrate", "--from", "fastcron", "--to", "setcronjob", "--into", "g", "--out", "moved.toml"]
LINES = {
    "plan": ["plan"],
    "drift": ["drift"],
    "check": ["check", "--online"],
    "export": ["export", "--prefix", "n"],
    "migrate": [*MOVE, "--env-file", "secrets.env"],
    "adopt": ["adopt", "{job}", "--env-file", "secrets.env"],
    "apply": ["apply", "-y"],
    "rotate": ["rotate", "--old-env", "OLD", "--new-env", "NEW", "--everywhere", "-y"],
    "cutover": [
        *(*MOVE, "-y", "--env-file", "secrets.env", "--cutover", "--accept-losses"),
        *("--journal", "moves.jsonl"),
    ],
}
FAULTS = {"service error": "busy", "outage": "outage", "lost answer": "lose", "garbage": "garbage"}
FIRST = {"service error": 1, "outage": 7, "lost answer": 7, "garbage": 1}
FIRST |= {"code 11": 4, "Ctrl-C": 130}
"""The exit code of each failure at the first request, which is a read."""
LATER = {
    ("adopt", "cron.edit"): (1, 7, 6, 6),
    ("apply", "cron.batch_add"): (6, 7, 6, 6),
    ("rotate", "cron.edit"): (1, 7, 0, 0),  # a last look shows that all is done
    ("cutover", "cron.add"): (1, 7, 6, 6),
    ("cutover", "cron.disable"): (1, 7, 6, 6),
    ("cutover", "group.add"): (1, 7, 6, 6),
}
"""The exit code of each of the four faults where only a change fails.

One answer tells of all new jobs of a batch, so the service's error says nothing of each.
"""
CASES = [
    *((command, kind, None, code) for command in LINES for kind, code in FIRST.items()),
    *(
        (command, kind, function, code)
        for (command, function), codes in LATER.items()
        for kind, code in zip(FAULTS, codes, strict=True)
    ),
]


def prepare(shell):
    """Give the account two jobs with a secret, and the folder a manifest and no other file."""
    for path in shell.file.parent.iterdir():
        if path.is_file() and path != shell.file:
            path.unlink()
    shell.prepare()
    shell("cron", "edit", *shell.jobs, "--header", "X-Key: canary-key-1")
    (shell.file.parent / "cronjobs.toml").write_text(HEAD + jobs_text(2))


def failed(shell, command, kind, function):
    """Run a command in JSON while something fails: each request, or those of one function."""
    prepare(shell)
    one = None if MOVE[0] in LINES[command] else "fastcron"
    environment = {"SETCRONJOB_TOKEN": TOKEN, "CRONAPI_PROVIDER": one, **SECRETS}
    if kind == "code 11":
        wrong = "wrong-canary-key-token"
        environment |= {"FASTCRON_TOKEN": wrong, "SETCRONJOB_TOKEN": wrong}
    elif kind == "Ctrl-C":
        shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, 0
    else:
        plan(shell.emulator, FAULTS[kind], **({"function": function} if function else {}))
    line = [word.format(job=shell.jobs[0]) for word in LINES[command]]
    return shell(*line, "--json", "--retries", "0", "-vv", **environment)


def check(shell, command, kind, function, code):
    done = failed(shell, command, kind, function)
    where = f"{command}, {kind}, {function}: {done.output}"
    check_told(done, code, where)
    assert "canary-key" not in done.output, where
    assert TOKEN not in done.output, where


def test_a_failing_change_keeps_the_promises_of_the_shell(shell_in_folder):
    """One failure of each command: exit code, JSON on stdout, one JSON line at stderr's end."""
    for number, case in enumerate(case for case in CASES if case[2] is not None):
        if number % 5 == 1:
            check(shell_in_folder, *case)


def test_a_rotation_of_hidden_passwords_that_failed_is_no_success(shell_in_folder):
    """Nobody can see afterwards if the password was set."""
    prepare(shell_in_folder)
    plan(shell_in_folder.emulator, "busy", function="cron.edit")
    line = [*LINES["rotate"], "--include-hidden", "n0", "--retries", "0"]
    prepared = {"OLD": "canary-key-9", "NEW": "canary-key-2"}
    assert shell_in_folder(*line, **prepared).exit_code == 1
    shell_in_folder.emulator.faults.clear()
    plan(shell_in_folder.emulator, "lose", function="cron.edit")
    assert shell_in_folder(*line, **prepared).exit_code == 6


@pytest.mark.proof
@pytest.mark.parametrize("command", LINES)
def test_every_command_for_manifests_keeps_them_under_every_failure(shell_in_folder, command):
    """Each command and failure, at its first request and at each of its changes."""
    for case in CASES:
        if case[0] == command:
            check(shell_in_folder, *case)


ASKING = {
    "apply": ["apply"],
    "apply from stdin": ["apply", "-f", "-"],
    "rotate": [word for word in LINES["rotate"] if word != "-y"],
    "cutover": [word for word in LINES["cutover"] if word != "-y"],
}


@pytest.mark.proof
@pytest.mark.parametrize("command", ASKING)
def test_no_process_hangs_without_a_terminal(shell_in_folder, command):
    """A command that asks is 64 as a process of its own, with nothing to read from."""
    prepare(shell_in_folder)
    before = shell_in_folder.emulator.jobs("fastcron")
    one = {} if command == "cutover" else {"CRONAPI_PROVIDER": "fastcron"}
    given = {
        **os.environ,
        **shell_in_folder.environment,
        **SECRETS,
        "SETCRONJOB_TOKEN": TOKEN,
        **one,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "cronapi", *ASKING[command]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={name: value for name, value in given.items() if value is not None},
        timeout=50,
        check=False,
    )
    assert ended.returncode == 64, ended.stderr
    assert "Traceback" not in ended.stderr
    assert shell_in_folder.emulator.jobs("fastcron") == before
