"""Edits that keep the rest of a job, and files of rows that are broken off and go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import traceback

import click
import pytest

from cronapi.cli.work.setting_headers import shown_headers
from cronapi.emulator import Fault
from cronapi.models import CronJob
from tests.support.emulated import TOKEN
from tests.support.seen import sent
from tests.support.shell import ABSENT, shell_at

SECRETS = ("canary-old-31f0", "canary-new-31f0", "canary-password-31f0")
OLD = f"Authorization: Basic {SECRETS[0]}\r\nx-key: old\r\nX-Trace: 1\r\nX-Trace: 2"


@pytest.fixture
def shell(tmp_path):
    with shell_at(tmp_path) as shell:
        yield shell


def add(shell, *names):
    """Create jobs with four headers, and return their ids."""
    rows = [
        {"name": name, "url": "https://example.com/", "http_headers": OLD, "timeout": 20}
        for name in names
    ]
    done = shell("cron", "add", "--from", "-", "-o", "ids", stdin=json.dumps(rows))
    assert done.exit_code == 0, done.output
    return [int(line) for line in done.stdout.split()]


def headers(shell):
    return [job["httpHeaders"].split("\r\n") for job in shell.emulator.jobs("fastcron")]


NEW = ["--set-header", "X-Key: ${KEY}"]


@pytest.mark.parametrize("way", ["ids", "one id", "--match", "--name", "--ids-from"])
def test_one_header_is_changed_and_the_others_are_kept(shell, way):
    """However the jobs are named. Names ignore case, and a repeated header stays so."""
    ids = add(shell, "a", "b")
    ways = {"ids": ids, "one id": ids[:1], "--match": ["--match", "[ab]"]}
    ways |= {"--name": ["--name", "a"], "--ids-from": ["--ids-from", "-"]}
    done = shell(
        *("cron", "edit", *ways[way], *NEW, "--timeout", "25"),
        stdin=f"{ids[0]}\n{ids[1]}\n",
        KEY=SECRETS[1],
    )
    assert done.exit_code == 0, done.output
    assert not [one for one in SECRETS if one in done.output]
    new = [*OLD.split("\r\n")]
    new[1] = f"X-Key: {SECRETS[1]}"
    assert headers(shell)[0] == new
    assert (headers(shell)[1] == new) == (way not in {"one id", "--name"})
    assert shell.emulator.jobs("fastcron")[0]["timeout"] == 25


def test_a_header_that_is_not_there_is_added(shell):
    """Also to a job without headers; `--header` still replaces them all."""
    (first,) = add(shell, "a")
    assert shell("cron", "edit", first, "--header", "X-One: 1").exit_code == 0
    assert headers(shell) == [["X-One: 1"]]
    assert shell("cron", "edit", first, "--set-header", "X-Two: 2").exit_code == 0
    assert headers(shell) == [["X-One: 1", "X-Two: 2"]]
    assert shell("cron", "edit", first, "--clear", "http-headers").exit_code == 0
    assert shell("cron", "edit", first, "--set-header", "X-Two: 2").exit_code == 0
    assert headers(shell) == [["X-Two: 2"]]


@pytest.mark.parametrize("way", ["ids", "--match", "--name"])
def test_one_header_is_removed_and_the_others_are_kept(shell, way):
    """Case makes no difference, and a repeated header goes whole. One may be set meanwhile."""
    ids = add(shell, "a", "b")
    ways = {"ids": ids, "--match": ["--match", "[ab]"], "--name": ["--name", "a"]}
    more = ["--remove-header", "x-KEY", "--remove-header", "X-Trace", "--set-header", "X-New: 1"]
    done = shell("cron", "edit", *ways[way], *more)
    assert done.exit_code == 0, done.output
    assert not [one for one in SECRETS if one in done.output]
    old = OLD.split("\r\n")
    new = [old[0], "X-New: 1"]
    assert headers(shell) == [new, old if way == "--name" else new]


def test_the_last_header_is_removed(shell):
    """A job without headers is left, and is not edited again."""
    (first,) = add(shell, "a")
    assert shell("cron", "edit", first, "--header", "X-One: 1").exit_code == 0
    line = ["cron", "edit", first, "--remove-header", "x-one"]
    assert shell(*line).exit_code == 0
    assert headers(shell) == [[""]]
    before = sent(shell.app, "cron.edit")
    done = shell(*line)
    assert (done.exit_code, done.stderr) == (
        0,
        "No job has a header 'x-one'.\nNothing to edit.\n",
    )
    assert json.loads(shell(*line, "--json").stdout)["outcomes"] == []
    assert sent(shell.app, "cron.edit") == before
    assert shell(*line, "--timeout", "25").exit_code == 0
    assert shell.emulator.jobs("fastcron")[0]["timeout"] == 25


def test_jobs_without_the_header_are_not_edited(shell):
    """Among many jobs those that have it are edited, at a request each."""
    ids = add(shell, "a", "b", "c")
    assert shell("cron", "edit", ids[0], "--clear", "http-headers").exit_code == 0
    before = sent(shell.app, "cron.edit")
    done = shell("cron", "edit", *ids, "--remove-header", "X-Trace", "-o", "ids")
    assert done.stdout.split() == [str(id) for id in ids[1:]]
    assert sent(shell.app, "cron.edit") == before + 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--header", "A: 1"], "--header and --remove-header"),
        (["--clear", "http-headers"], "--clear http-headers and --remove-header"),
        (["--set-header", "X-KEY: 1"], "--set-header and --remove-header"),
        (["--remove-header", "X-Key: old"], "a name alone"),
        (["--remove-header", "X Key"], "a name alone"),
        (["--remove-header", ""], "a name alone"),
    ],
)
def test_a_removal_that_says_two_things_is_refused(shell, more, says):
    """With 64, and before a job is read."""
    before = shell.sent
    done = shell("cron", "edit", 5, "--remove-header", "X-Key", *more)
    assert (done.exit_code, done.stdout, shell.sent) == (64, "", before)
    assert says in done.stderr


def test_a_dry_run_of_a_removal_names_the_header(shell):
    """As text and as JSON, and it reads nothing."""
    ids = add(shell, "a", "b")
    line = ["cron", "edit", *ids, "--remove-header", "X-Key", "-n"]
    before = shell.sent
    assert "remove_header=['X-Key']\n3 requests" in shell(*line).stdout
    assert shell.json(*line)["dry_run"]["parameters"]["remove_header"] == ["X-Key"]
    assert shell.sent == before


def test_a_dry_run_of_a_header_reads_nothing_and_tells_the_reads(shell):
    """Its cost has the reads; the value is shown by its variable."""
    ids = add(shell, "a", "b")
    before = shell.sent
    line = ["cron", "edit", *ids, *NEW, "-n"]
    told = shell(*line, KEY=SECRETS[1], FASTCRON_TOKEN=None, CRONAPI_PROVIDER="fastcron")
    assert told.exit_code == 0, told.output
    assert shell.sent == before
    assert "set_header={'X-Key': '(secret KEY)'}\n3 requests" in told.stdout
    facts = shell.json(*line, KEY=SECRETS[1])["dry_run"]
    assert facts["requests"] == 3
    assert facts["parameters"]["set_header"] == {"X-Key": "(secret KEY)"}


def test_a_job_that_cannot_be_read_stops_it_before_anything_is_changed(shell):
    """One that is missing is exit code 5. Where headers are not shown, they would be lost."""
    ids = add(shell, "a", "b")
    done = shell("cron", "edit", *ids, ABSENT, "--set-header", "X-Key: 1", "--json")
    assert (done.exit_code, done.stdout) == (5, "")
    assert headers(shell) == [OLD.split("\r\n")] * 2
    assert shell("cron", "edit", "--match", "nobody*", "--set-header", "X-Key: 1").exit_code == 0


def test_headers_that_are_not_shown_are_not_lost():
    """Where an answer leaves the headers out, nothing is changed, and the other way is told."""
    with pytest.raises(click.ClickException, match=r"headers of a \(5\).*--header replaces"):
        shown_headers(CronJob.from_dict({"id": 5, "name": "a", "url": "https://example.com/"}))


def test_rows_that_were_broken_off_go_on_and_the_journal_has_no_secret(tmp_path):
    """Ctrl-C among several batches: the same command creates each of 60 jobs once."""
    with shell_at(tmp_path, max_batch=10) as shell:
        rows = [
            {"name": f"row {n}", "url": "https://example.com/", "http_headers": OLD}
            | {"username": "joe", "password": SECRETS[2]}
            for n in range(60)
        ]
        file = tmp_path / "rows.json"
        file.write_text(json.dumps(rows))
        shell.interrupting.signal, shell.interrupting.after = signal.SIGINT, 8
        line = ["cron", "add", "--from", file]
        done = shell(*line)
        assert done.exit_code == 130, done.output
        assert 0 < len(shell.emulator.jobs("fastcron")) < 60
        (journal,) = tmp_path.rglob("journals/*")
        assert f"The same command goes on: the journal is {journal}." in done.stderr
        kept = journal.read_text()
        assert not [one for one in (*SECRETS, TOKEN) if one in kept + journal.name + done.output]
        again = shell(*line)
        assert again.exit_code == 0, again.output
        names = [job["name"] for job in shell.emulator.jobs("fastcron")]
        assert sorted(names) == sorted(row["name"] for row in rows)
        assert not journal.exists()


def test_a_process_without_a_terminal_asks_nothing(shell):
    """`python -m cronapi` is the command line. With stdin=/dev/null a question is exit code 64."""
    (first,) = add(shell, "a")
    environment = {name: value for name, value in shell.environment.items() if value is not None}
    ended = subprocess.run(
        [sys.executable, "-m", "cronapi", "cron", "delete", str(first)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        timeout=50,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (64, "")
    assert ended.stderr.count("\n") == 1
    assert len(shell.emulator.jobs("fastcron")) == 1


def test_no_secret_is_in_the_report_of_a_program_that_breaks(shell, monkeypatch):
    """A mistake of cronapi itself ends in a traceback, which shows no token and no password."""
    shell.emulator.faults.add(Fault("lose", times=None))
    monkeypatch.setattr("cronapi.cli.work.writing.encode_params", lambda *_, **__: 1 / 0)
    line = ["cron", "add", "--url", "https://example.com/", "--password", "${PASSWORD}"]
    done = shell(*line, *["--header", "X-Key: ${KEY}"], PASSWORD=SECRETS[2], KEY=SECRETS[1])
    assert isinstance(done.exception, ZeroDivisionError)
    shown = "".join(traceback.format_exception(*done.exc_info))
    assert not [one for one in (*SECRETS, TOKEN) if one in shown]
