"""A choice of jobs that fits nothing is told, with the option that it was."""

from __future__ import annotations

import json

import pytest

from tests.support.shell import shell_at


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        shell.prepare()
        rows = [
            {"name": "grouped", "url": "https://example.com/", "group": shell.group},
            {"name": "free", "url": "https://example.com/"},
        ]
        line = ["cron", "add", "--from", "-", "-o", "ids"]
        assert shell(*line, stdin=json.dumps(rows)).exit_code == 0
        yield shell


def told(shell, *line):
    """Return the line about the choice on stderr, which comes first, or nothing."""
    done = shell(*line)
    assert done.exit_code == 0, done.output
    lines = [one for one in done.stderr.splitlines() if " fit" in one]
    assert done.stderr.splitlines()[: len(lines)] == lines or line[1] == "list"
    return "\n".join(lines)


CHANGES = [
    "cron list",
    "cron get",
    "cron logs",
    "cron enable",
    "cron disable -n",
    "cron pause --for 2h -n",
    "cron delete -y -n",
    "cron delete -y",
    "cron run -n",
    "cron edit --timeout 20",
    "cron edit --set-header X-A:1",
    "cron batch-edit --timeout 20",
    "cron batch-delete -y",
]


def test_reading_nothing_is_no_mistake(shell):
    """An empty list is exit code 0, by whatever way the jobs were named."""
    for way in (["--match", "nobody*"], ["--group", "0", "--match", "x"], ["--ids-from", "-"]):
        done = shell("cron", "get", *way, "--json", stdin="")
        assert (done.exit_code, json.loads(done.stdout)) == (0, []), way
        assert shell("cron", "get", *way, "-o", "ids", stdin="").stdout == ""


@pytest.mark.parametrize("line", CHANGES)
def test_a_pattern_that_fits_no_job_is_named(shell, line):
    """By each command that takes one, with exit code 0, in text and with --json."""
    words = line.split()
    says = "--match 'nobody*' fits no job."
    assert told(shell, *words, "--match", "nobody*") == says
    assert told(shell, *words, "--match", "nobody*", "--json") == says
    assert told(shell, *words, "--match", "nobody*", "-q") == ""


def test_only_the_option_that_fits_nothing_is_named(shell):
    """The second of two, and each of several."""
    line = ["cron", "get"]
    assert told(shell, *line, "--match", "free", "--match", "fre") == "--match 'fre' fits no job."
    assert told(shell, *line, "--match", "free", "--match", "grouped") == ""
    assert told(shell, *line, "--match", "a\x1b", "--match", "free", "--match", "b") == (
        "--match 'a\\x1b' fits no job.\n--match 'b' fits no job."
    )
    assert told(shell, *line, "--match", "Free") == "--match 'Free' fits no job."


def test_groups_are_told_likewise(shell):
    """A group without a job, by its id or name. --group and --match may fit nothing together."""
    empty = shell.json("group", "add", "empty one")["id"]
    line = ["cron", "list"]
    assert told(shell, *line, "--group", shell.group) == ""
    assert told(shell, *line, "--group", empty) == f"--group {empty} fits no job."
    assert told(shell, *line, "--group", "empty one", "--group", shell.name) == (
        "--group 'empty one' fits no job."
    )
    assert told(shell, *line, "--group", shell.group, "--match", "free") == (
        "--group and --match fit no job together."
    )
    assert told(shell, *line, "--group", shell.group, "--match", "g*", "--status", "failed") == ""


def test_a_part_of_the_list_is_called_one(shell):
    """After --page and --search there may be such a job elsewhere."""
    line = ["cron", "list", "--match", "free"]
    says = "--match 'free' fits no job that was read."
    assert told(shell, *line, "--search", "grouped") == says
    assert told(shell, *line, "--page", "9") == says


def test_health_and_export_tell_it_too(shell):
    """A check of no job is no good news, and a manifest of no job is no backup."""
    for format in ("table", "json", "nagios"):
        done = shell("health", "--match", "nobody*", "--format", format)
        assert done.stderr.splitlines()[-1] == "--match 'nobody*' fits no job."
    done = shell("health", "--group", shell.group, "--match", "free")
    assert done.stderr.splitlines()[-1] == "--group and --match fit no job together."
    assert " fit" not in shell("health", "--match", "free").stderr
    done = shell("export", "--prefix", "nobody")
    assert (done.exit_code, done.stderr) == (0, "--prefix 'nobody' fits no job.\n")
    assert " fit" not in shell("export", "--prefix", "free").stderr
