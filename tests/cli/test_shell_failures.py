"""Commands under every kind of failure: the exit code, stdout and the last line of stderr."""

from __future__ import annotations

import signal

import pytest

from cronapi._functions import TABLE, Repeat
from tests.support.shell import ABSENT, EVERY, check_told, plan, shell_at

READING = {
    *(
        name.replace(".", " ").replace("_", "-")
        for name, row in TABLE.items()
        if row.repeat is Repeat.READ
    ),
    *("call", "cron find", "health", "whoami"),
}
CODES = {
    "ok": (0, 0),
    "service error": (1, 1),
    "code 11": (4, 4),
    "outage": (7, 7),
    "lost answer": (7, 6),
    "garbage": (1, 6),
    "not found": (5, 5),
    "Ctrl-C": (130, 130),
}
"""The exit code of a command that reads, and of one that changes something."""
SEARCHES_FIRST = ("cron ensure", "group empty", "group vanish")
"""Changes whose first request is a read."""
FAULTS = {"service error": "busy", "outage": "outage", "lost answer": "lose", "garbage": "garbage"}
CASES = [(path, kind) for path in EVERY for kind in CODES]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


def expected(path, kind):
    """Return the exit code, or None where a command cannot fail in this way."""
    if kind == "not found":
        if not any("{job}" in word or "{group}" in word for word in EVERY[path]):
            return None
        return 1 if path == "cron batch-edit" else 5  # nothing tells which of its jobs is missing
    return CODES[kind][path not in READING and path not in SEARCHES_FIRST]


def failed(shell, path, kind):
    """Run a command in JSON while something fails."""
    shell.prepare()
    line, environment = shell.line_of(path)
    if kind == "not found":
        job, shell.group = shell.jobs[1], ABSENT
        line = [word.replace(str(job), str(ABSENT)) for word in shell.line_of(path)[0]]
    elif kind == "code 11":
        environment |= {"FASTCRON_TOKEN": "wrong-token", "SETCRONJOB_TOKEN": "wrong-token"}
    elif kind == "Ctrl-C":
        shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, 0
    elif kind in FAULTS:
        plan(shell.emulator, FAULTS[kind])
    # Only the usual repeats let a command look if there is such a thing.
    repeats = [] if kind == "not found" else ["--retries", "0"]
    return shell(*line, "--json", *repeats, **environment)


def check(shell, path, kind):
    """Check the promises of section 4 and 5 for one command and one failure."""
    code = expected(path, kind)
    if code is None:
        return
    done = failed(shell, path, kind)
    where = f"{path}, {kind}: {done.output}"
    check_told(done, code, where)
    if not code:
        assert done.stderr == "", where


@pytest.mark.few(4)
@pytest.mark.parametrize("offset", range(len(CODES)), ids=list(CODES))
def test_a_failing_command_keeps_its_promises(shell, offset):
    """Exit code, stdout and stderr are as promised: each command under one failure, in turn."""
    kinds = list(CODES)
    for number, path in enumerate(EVERY):
        if number % len(kinds) == offset:
            for kind in {kinds[offset], kinds[(offset + 3) % len(kinds)]}:
                check(shell, path, kind)


@pytest.mark.proof
@pytest.mark.parametrize("path", EVERY)
def test_every_command_keeps_its_promises_under_every_failure(shell, path):
    """The same for each command and each failure."""
    for kind in CODES:
        check(shell, path, kind)
