"""A dry run tells every job that it is about, if that is asked for."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.support.emulated import fill
from tests.support.shell import shell_at


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        shell.prepare()
        shell.tmp = fill(shell.app, "fastcron", 7, "tmp")
        yield shell


LINES = [
    "cron delete",
    "cron enable",
    "cron disable",
    "cron pause --for 2h",
    "cron run",
    "cron edit --timeout 20",
    "cron edit --set-header X-A:1",
    "cron batch-delete",
    "cron batch-edit --timeout 20",
]


@pytest.mark.parametrize("line", LINES)
def test_each_job_of_a_dry_run_is_told_on_request(shell, line):
    """By -v in lines, by -o ids, csv and tsv as rows, by --json as targets; else three."""
    words, before = [*line.split(), "--match", "tmp*", "-n"], shell.emulator.jobs("fastcron")
    told = [f"tmp{n} ({id})" for n, id in enumerate(shell.tmp)]
    short = shell(*words).stdout
    assert f": {', '.join(told[:3])}, ... and 4 more\n" in short
    verbose = shell(*words, "-v").stdout.splitlines()
    assert verbose[0] == f"{short.partition(':')[0]}:"
    assert verbose[1:8] == [f"  {one}" for one in told]
    assert verbose[8:] == short.splitlines()[1:]
    done = shell(*words, "-o", "ids")
    assert (done.stdout.split(), done.stderr) == ([*map(str, shell.tmp)], short)
    rows = list(csv.DictReader(io.StringIO(shell(*words, "-o", "csv").stdout)))
    assert [(row["id"], row["name"]) for row in rows] == [
        (str(id), f"tmp{n}") for n, id in enumerate(shell.tmp)
    ]
    assert shell(*words, "-o", "csv", "--fields", "id").stdout.split() == [
        *("id", *map(str, shell.tmp))
    ]
    assert shell(*words, "-o", "tsv").stdout.splitlines()[1] == f"{shell.tmp[0]}\ttmp0"
    targets = json.loads(shell(*words, "--json").stdout)["dry_run"]["targets"]
    assert targets == [{"id": id, "name": f"tmp{n}"} for n, id in enumerate(shell.tmp)]
    assert shell.emulator.jobs("fastcron") == before


def test_the_rows_of_a_file_are_told_too(shell, tmp_path):
    """With their secrets masked, and without a row that a service has sent."""
    rows = [{"name": f"r{n}", "url": f"https://example.com/{n}?key=k{n}"} for n in range(5)]
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows))
    line = ["cron", "add", "--from", file, "-n"]
    lines = shell(*line, "-v").stdout.splitlines()
    assert lines[:2] == [f"would add 5 jobs from {file}:", "  r0"]
    told = json.loads(shell(*line, "--json").stdout)["dry_run"]["targets"]
    assert told == [{**row, "url": row["url"][: row["url"].index("=") + 1] + "***"} for row in rows]
    done = shell(*line, "-o", "csv", "--show-secrets").stdout
    assert [*csv.DictReader(io.StringIO(done))] == rows
    assert shell(*line, "-o", "ids").stdout == ""


def test_a_change_of_one_thing_is_a_row_of_its_parameters(shell):
    """As csv and tsv; ids are those of things that there are."""
    line = ["cron", "add", "--url", "https://example.com/", "--name", "x", "-n", "-o"]
    assert shell(*line, "csv").stdout == "url,name\nhttps://example.com/,x\n"
    assert shell(*line, "ids").stdout == ""
    assert "nothing was sent" in shell(*line, "csv").stderr
    assert shell("group", "delete", shell.group, "-n", "-o", "ids").stdout == f"{shell.group}\n"


def test_a_question_names_each_job_on_request(shell):
    """Where nobody can answer, the question is in the error."""
    line = ["cron", "delete", "--match", "tmp*", "--no-input"]
    assert "... and 4 more?" in shell(*line).stderr
    assert f"tmp6 ({shell.tmp[6]})?" in shell(*line, "-v").stderr
