"""Secrets of the command line and of the account, while anything fails: no output has any."""

from __future__ import annotations

import json
import signal

import pytest

from cronapi._protocol.encoded import find
from tests.support.emulated import TOKEN
from tests.support.shell import EVERY, plan, shell_at

GIVEN = {"PASSWORD": "canary-password-77aa", "HEADER": "canary-header-77aa"}
KEPT = {
    "header": "canary-kept-header",
    "query": "canary-kept-query",
    "user": "canary-kept-user",
    "body": "canary-kept-body",
}
JOB = {
    "url": f"https://joe:{KEPT['user']}@example.com/?api_key={KEPT['query']}",
    "http_headers": {"Authorization": f"Bearer {KEPT['header']}"},
    "post_data": KEPT["body"],
}
SECRETS = {TOKEN, *GIVEN.values(), *KEPT.values()}
KINDS = ("busy", "outage", "lose", "garbage", "truncated", "redirect", "error", "front", "echo", "")
"""Kinds of faults. `echo` refuses a token with a text that repeats it, and the last is none."""
TAKES_A_JOB = ("cron add", "cron edit", "cron ensure", "cron batch-edit", "cron group-edit")


@pytest.fixture
def shell(tmp_path):
    with shell_at(tmp_path) as shell:
        yield shell


def fill(shell):
    """Give the account two jobs that have secrets in every place."""
    shell.prepare()
    rows = shell.file.with_name("secrets.json")
    rows.write_text(json.dumps([{**JOB, "name": f"s{index}"} for index in range(2)]))
    made = shell("cron", "add", "--from", rows, "-o", "ids").stdout.split()
    rows.unlink()
    return made


def shown(shell, path, kind, output):
    """Return all that a command writes, on either stream and in its log."""
    made = fill(shell)
    line, environment = shell.line_of(path, job=int(made[0]))
    if path in TAKES_A_JOB:
        line += ["--header", "X-Key: ${HEADER}", "--password", "${PASSWORD}"]
    if kind == "echo":
        environment |= {"FASTCRON_TOKEN": GIVEN["HEADER"], "SETCRONJOB_TOKEN": GIVEN["HEADER"]}
    elif kind:
        plan(shell.emulator, kind)
    done = shell(*line, "-vv", "-o", output, "--retries", "0", **environment, **GIVEN)
    assert not isinstance(done.exception, Exception), (line, done.exception)
    return done.output


def check(shell, path, kind, output):
    text = shown(shell, path, kind, output)
    spans = find(text, SECRETS)
    assert not spans, (path, kind, output, [text[start:end] for start, end in spans])


def test_no_command_shows_a_secret_while_something_fails(shell):
    """Some commands, each under another kind of fault."""
    for number, path in enumerate(EVERY):
        if number % 4 == 1:
            kind = KINDS[number // 4 % len(KINDS)]
            check(shell, path, kind, ("json", "table", "csv")[number % 3])


@pytest.mark.proof
@pytest.mark.parametrize("kind", KINDS)
def test_no_command_shows_a_secret_under_any_fault(shell, kind):
    """Every command under each kind of fault, in a format for programs and in one for people."""
    for path in EVERY:
        for output in ("json", "table"):
            check(shell, path, kind, output)


@pytest.mark.proof
@pytest.mark.parametrize("output", ["ndjson", "csv", "tsv", "ids"])
def test_no_format_shows_a_secret(shell, output):
    """Every command in each other format."""
    for path in EVERY:
        check(shell, path, "", output)


def test_a_journal_has_no_secret(shell, tmp_path):
    """Neither has any other file that an interrupted command leaves."""
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps([{**JOB, "name": f"s{index}"} for index in range(60)]))
    shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, 0
    before = {*tmp_path.rglob("*")}
    done = shell("cron", "add", "--from", rows, "-vv", "--journal", tmp_path / "journal")
    assert done.exit_code == 130, done.output
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path not in before]
    assert left
    for text in (done.output, *(path.read_text() for path in left)):
        assert not find(text, SECRETS)
