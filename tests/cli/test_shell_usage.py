"""Wrong usage: exit code 64, one line that names the mistake, and nothing sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support.emulated import TOKEN
from tests.support.shell import EVERY, shell_at

URL = ["--url", "https://example.com/"]
WRONG = [
    (["cron", "lst"], "Did you mean 'list'?"),
    (["cron", "list", "--serch", "x"], "--search"),
    (["cron", "list", "-o", "xml"], "'table', 'json', 'ndjson', 'csv', 'tsv', 'ids'"),
    (["cron", "list", "--fields", "id,nmae"], "did you mean 'name'?"),
    (["cron", "list", "--fields", ","], "at least one name"),
    (["cron", "list", "--status", "on"], "'active'"),
    (["cron", "list", "--page", "0"], "--page"),
    (["cron", "list", "--max-wait", "soon"], "--max-wait"),
    (["cron", "list", "--max-wait", "-1"], "max_wait"),
    (["cron", "list", "--timeout", "0"], "timeout"),
    (["cron", "list", "--rate", "0"], "limit of a rate"),
    (["cron", "list", "--retries", "-1"], "--retries"),
    (["cron", "list", "--base-url", "http://example.com/"], "https"),
    (["cron", "list", "--profile", "work"], "config.toml"),
    (["cron", "list", "--token-file", "/nowhere"], "/nowhere"),
    (["cron", "list", "--token", "x"], "--token"),
    (["cron", "get"], "Name the jobs"),
    (["cron", "get", "one"], "--name"),
    (["cron", "get", "5", "--name", "x"], "not both"),
    (["cron", "next"], "--name"),
    (["cron", "add"], "--url"),
    (["cron", "add", *URL, "--timeout", "soon"], "timeout"),
    (["cron", "add", *URL, "--notify", "7"], "notify"),
    (["cron", "add", *URL, "--password", "hunter22"], "${NAME}"),
    (["cron", "add", *URL, "--name", "${NOWHERE}"], "NOWHERE"),
    (["cron", "add", *URL, "--post-data", "@/nowhere"], "/nowhere"),
    (["cron", "add", *URL, "--header", "no colon"], "NAME: VALUE"),
    (["cron", "add", "--from", "/nowhere"], "/nowhere"),
    (["cron", "add", "--from", "-", "--journal", "j", "--no-journal"], "not both"),
    (["cron", "edit", "5"], "Nothing to change"),
    (["cron", "edit", "5", "--clear", "url"], "--clear"),
    (["cron", "edit", "5", "--clear", "filter", "--filter", "x"], "--clear filter"),
    (["cron", "edit", "5", "--set-header", "no colon"], "NAME: VALUE"),
    (["cron", "edit", "5", "--set-header", "A: 1", "--header", "B: 2"], "--header"),
    (["cron", "edit", "5", "--set-header", "A: 1", "--clear", "http-headers"], "--clear http"),
    (["cron", "edit", "5", "--set-header", "A: ${NOWHERE}"], "NOWHERE"),
    (["cron", "edit", "5", "--set-header", "A: 1", "--set-header", "a: 2"], "http_headers"),
    (["cron", "pause", "5"], "--for"),
    (["cron", "pause", "5", "--for", "soon"], "2h"),
    (["cron", "run", "5", "--time", "2030-05-24T06:00:00"], "time zone"),
    (["cron", "run", "5", "--time", "soon"], "+15m"),
    (["cron", "run", "5", "6", "--wait"], "one job"),
    (["cron", "delete", "5"], "--yes"),
    (["cron", "delete", "5", "--ids-from", "-"], "not both"),
    (["cron", "delete", "--ids-from", "-"], "line 1"),
    (["cron", "logs", "5", "-o", "ids"], "no ids"),
    (["group", "edit", "5"], "Nothing to change"),
    (["account", "edit"], "--timezone"),
    (["account", "secret", "open"], "${NAME}"),
    (["server", "time"], "fastcron"),
    (["call", "cron.get", "5"], "KEY=VALUE"),
    (["call", "cron.get", "id:=x"], "no JSON"),
    (["call", "cron.edit", "password=open"], "password='${NAME}'"),
    (["call", "cron.get", "token=x"], "--token-file"),
    (["completion", "tcsh"], "bash"),
]
ROWS = [
    ("name,url\na,https://a.example/,more\n", "line 2: too many cells"),
    ("name,url\na,https://a.example/\nb,\n", "line 3: A job needs a url"),
    ("name,url,timout\na,https://a.example/,5\n", "did you mean 'timeout'?"),
    ("name,url,timeout\na,https://a.example/,soon\n", "line 2: timeout"),
    ("name,url,post_data\na,https://a.example/,***\n", "post_data is hidden"),
    ('{"url": "https://a.example/"}\n{"url": \n', "line 2"),
    ('[{"url": "https://a.example/"}, 5]\n', "job 2: a job is an object"),
    ("[[job]]\nurl = 5\n", "job 1: "),
    ("[[job]\n", "standard input"),
    ('{"url": "https://a.example/", "timeout": %s}\n' % ("9" * 6000), "line 1: a number"),
    ("[[job]]\ntimeout = " + "9" * 6000, "a number is too long"),
    ('{"url": ' + "[" * 100_000, "nested too deep"),
    ("", "no jobs"),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


def refused(shell, says, *line, **more):
    """Check that a command line is refused in one line, as text and as JSON, and nothing sent."""
    before = shell.sent
    done = shell(*line, **more)
    assert (done.exit_code, done.stdout) == (64, ""), (line, done.output)
    assert done.stderr.count("\n") == 1, done.stderr
    assert says in done.stderr, (line, done.stderr)
    as_json = shell("--json", *line, **more)
    error = json.loads(as_json.stderr.splitlines()[-1])["error"]
    assert (as_json.exit_code, as_json.stdout, error["exit_code"]) == (64, "", 64)
    assert shell.sent == before


def test_wrong_usage_is_64_in_one_line_and_sends_nothing(shell):
    """Each mistake is named, with the nearest name or the way out."""
    for line, says in WRONG:
        refused(shell, says, *line, stdin="no id\n")


def test_a_wrong_row_is_named_by_file_line_and_field(shell):
    """A file of jobs is read whole before anything is sent."""
    for text, says in ROWS:
        refused(shell, says, "cron", "add", "--from", "-", stdin=text)


def test_both_tokens_need_a_provider(shell):
    """No service is chosen by chance."""
    refused(shell, "--provider", "cron", "list", SETCRONJOB_TOKEN=TOKEN)
    assert shell("cron", "list", "-P", "fastcron", SETCRONJOB_TOKEN=TOKEN).exit_code == 0


def test_no_token_is_4(shell):
    """Without a token nothing is sent, and the error names the variables."""
    before = shell.sent
    done = shell("cron", "list", FASTCRON_TOKEN=None)
    assert (done.exit_code, done.stdout) == (4, "")
    assert "FASTCRON_TOKEN or SETCRONJOB_TOKEN" in done.stderr
    assert shell("cron", "list", "--token-file", "-", "-P", "fastcron", stdin="").exit_code == 4
    assert shell.sent == before


def asking(shell):
    """Return each command line that asks."""
    return [
        ["cron", "delete", shell.jobs[0]],
        ["cron", "delete", *shell.jobs],
        ["cron", "delete", "--match", "n*"],
        ["cron", "batch-delete", shell.jobs[0]],
        ["cron", "group-edit", shell.group, "--timeout", "20"],
        ["group", "delete", shell.group],
        ["group", "empty", shell.group],
        ["group", "vanish", shell.group],
        ["group", "empty", shell.group, "--yes"],
        ["group", "empty", shell.group, "--yes", "--name", "another"],
    ]


@pytest.mark.proof
def test_no_process_hangs_without_a_terminal(shell):
    """Each command line that asks is 64 as a process of its own, with nothing to read from."""
    shell.prepare()
    environment = {name: value for name, value in shell.environment.items() if value is not None}
    for line in [*asking(shell), ["cron", "add", "--from", "-"]]:
        ended = subprocess.run(
            [sys.executable, "-m", "cronapi", *map(str, line)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**environment, "PATH": os.environ["PATH"]},
            timeout=50,
            check=False,
        )
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (64, "", 1), line
    assert len(shell.emulator.jobs("fastcron")) == 2


def test_every_question_is_64_where_nobody_can_answer(shell):
    """A command that would ask ends at once without a terminal, and with --no-input."""
    shell.prepare()
    jobs = len(shell.emulator.jobs("fastcron"))
    for line in asking(shell):
        for more in ([], ["--no-input"]):
            done = shell(*line, *more, stdin="y\n")
            assert (done.exit_code, done.stdout) == (64, ""), line
    assert len(shell.emulator.jobs("fastcron")) == jobs


def test_the_options_may_stand_anywhere(shell):
    """Before the command and after it, common options are the same. Environment comes last."""
    for line in ("--json cron list", "cron list --json"):
        done = shell(*line.split(), CRONAPI_OUTPUT="csv")
        assert json.loads(done.stdout) is not None


def test_the_help_says_if_a_command_about_several_jobs_asks(shell):
    """And that is so: those that ask are 64 without a terminal, the others carry it out."""
    shell.prepare()
    asks = {line[0] + " " + line[1] for line in asking(shell)}
    for path in EVERY:
        told = " ".join(shell(*path.split(), "--help").stdout.split())
        if "--ids-from" in told and " 6, " in told.rpartition("Exit codes")[2]:
            line = [word for word in shell.line_of(path)[0] if word != "-y"]
            assert (shell(*line).exit_code == 64) == (path in asks), path
            assert ("asks first" in told, "asks nothing" in told) == (
                path in asks,
                path not in asks,
            ), path
