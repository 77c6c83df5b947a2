"""Rows of several jobs say of which job they are."""

from __future__ import annotations

import csv
import io
import json

import pytest

from cronapi.emulator import ManualClock
from tests.support.emulated import START, TOKEN
from tests.support.seen import sent
from tests.support.shell import shell_at

SERVICES = {
    "fastcron": {},
    "setcronjob": {"CRONAPI_PROVIDER": "setcronjob", "SETCRONJOB_TOKEN": TOKEN},
}
SHARED = "https://example.com/500/shared"
ROWS = [
    {"name": "one", "url": "https://example.com/500/one"},
    {"name": "", "url": "https://example.com/500/nameless"},
    {"name": "twin a", "url": SHARED},
    {"name": "twin b", "url": SHARED},
    {"name": "good", "url": "https://example.com/200"},
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A shell at services whose jobs have failed for an hour."""
    clock = ManualClock(START)
    with shell_at(tmp_path_factory.mktemp("shell"), clock=clock) as shell:
        for environment in SERVICES.values():
            rows = [{**row, "expression": "1 hour", "failure_threshold": 9} for row in ROWS]
            line = ["cron", "add", "--from", "-", "-o", "ids"]
            done = shell(*line, stdin=json.dumps(rows), **environment)
            assert done.exit_code == 0, done.output
        clock.advance(3700)
        yield shell


def rows_of(shell, line, **environment):
    done = shell(*line, "-o", "csv", **environment)
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(done.stdout))), done.stderr


def ids_by_name(shell, **environment):
    return {job.get("name") or "": job["id"] for job in shell.json("cron", "list", **environment)}


def test_the_failures_of_all_jobs_name_each_job(shell):
    """With its id and its name, as far as the address of a run tells one job from the others."""
    ids = ids_by_name(shell)
    told = {
        (row["job_id"], row["name"], row["url"])
        for row in rows_of(shell, ["cron", "failures", "--fields", "job_id,name,url"])[0]
    }
    urls = {row["name"]: row["url"] for row in ROWS}
    known = {(str(ids[name]), name, urls[name]) for name in ("one", "")}
    assert told == known | {("", "", SHARED)}
    table = shell("cron", "failures", "-o", "table", COLUMNS="200").stdout.splitlines()
    assert table[0].split()[:2] == ["JOB", "NAME"]
    assert all("https://example.com/500/" in line for line in table[1:])


def test_failures_that_no_job_can_be_told_of_are_counted(shell):
    """Two jobs of one address are told apart by `cron logs`, which the error stream names."""
    said = shell("cron", "failures").stderr
    assert said == (
        "2 runs name no job: several jobs have the address, or none has it any more. "
        "`cronapi cron failures ID` has those of one job.\n"
    )
    assert shell("cron", "failures", "--search", "nothing at all").stderr == ""
    assert shell("cron", "failures", "-q").stderr == ""


def test_names_cost_one_listing_and_only_if_there_are_rows(shell):
    """No list is read for no run, and none for the failures of one job."""
    before = sent(shell.app, "cron.list")
    one = ids_by_name(shell)["one"]
    listing = sent(shell.app, "cron.list") - before
    for line, reads in ((["--search", "no such text"], 0), ([one], 0), ([], listing)):
        before = sent(shell.app, "cron.list")
        assert shell("cron", "failures", *line).exit_code == 0
        assert sent(shell.app, "cron.list") == before + reads, line


@pytest.mark.parametrize("service", SERVICES)
def test_rows_of_jobs_that_were_found_by_name_have_it(shell, service):
    """Logs, queued runs and failures have the name beside the id, where it is known."""
    there = SERVICES[service]
    ids = ids_by_name(shell, **there)
    for line, name in (
        (["cron", "logs", "--match", "one"], "one"),
        (["cron", "logs", "--match", "twin b"], "twin b"),
        (["cron", "failures", "--name", "twin a"], "twin a"),
    ):
        rows, _ = rows_of(shell, line, **there)
        assert {(row["job_id"], row["name"]) for row in rows} == {(str(ids[name]), name)}, line
    queued, _ = rows_of(shell, ["cron", "run", "--match", "twin *"], **there)
    assert {(row["id"], row["name"]) for row in queued} == {
        (str(ids[name]), name) for name in ("twin a", "twin b")
    }
    table = shell("cron", "run", ids["one"], ids["good"], "-o", "table", **there).stdout
    assert table.split()[:2] == ["ID", "TIME"]


def test_a_service_that_tells_the_id_is_believed(tmp_path):
    """SetCronJob's rows had the id, so jobs of one address are told apart."""
    clock = ManualClock(START)
    with shell_at(tmp_path, clock=clock, log_shape="list") as shell:
        there = SERVICES["setcronjob"]
        rows = [{**row, "expression": "1 hour"} for row in ROWS]
        made = shell("cron", "add", "--from", "-", "-o", "ids", stdin=json.dumps(rows), **there)
        clock.advance(3700)
        rows, said = rows_of(shell, ["cron", "failures"], **there)
    ids = zip(made.stdout.split(), [row["name"] for row in ROWS], strict=True)
    assert {(row["job_id"], row["name"]) for row in rows} == {
        (id, name) for id, name in ids if name != "good"
    }
    assert said == ""
