"""`cronapi next`: the times of an expression, without a request."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from cronapi.cli.root import cronapi

AFTER = ("--after", "2027-01-15T08:00:00Z")


def run(*arguments):
    return CliRunner().invoke(cronapi, ["next", *arguments])


def test_each_line_is_one_time_in_the_zone_and_in_utc():
    """There are as many lines as asked for, and nothing else on standard output."""
    result = run("0 9 * * 1-5", "--timezone", "Europe/Berlin", "-c", "2", *AFTER)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Mon 2027-01-18 09:00:00 CET\t2027-01-18T08:00:00Z\n"
        "Tue 2027-01-19 09:00:00 CET\t2027-01-19T08:00:00Z\n"
    )


def test_the_same_time_twice_is_told_apart():
    """In the hour that a clock shows twice, the name of its time differs."""
    zone = ("--timezone", "Europe/Berlin", "--after", "2027-10-31T00:00Z", "-c", "2")
    lines = run("0 * * * *", *zone).stdout.splitlines()
    assert lines[0].startswith("Sun 2027-10-31 02:00:00 CET\t2027-10-31T01:00:00Z")
    assert run("0 2 * * *", *zone).stdout.startswith("Mon 2027-11-01 02:00:00 CET")


def test_a_random_time_is_told_as_a_window():
    """Times that the service draws are not invented: the earliest and the latest are told."""
    result = run("R 9 * * *", "-c", "1", *AFTER)
    assert result.stdout == (
        "Fri 2027-01-15 09:00:00 UTC to Fri 2027-01-15 09:59:00 UTC"
        "\t2027-01-15T09:00:00Z/2027-01-15T09:59:00Z\n"
    )
    assert "random minute" in result.stderr


def test_json_is_one_array():
    """Each time is an object with UTC and local time, a window one with both ends."""
    fixed = run("0 9 * * *", "--json", "-c", "1", "--timezone", "Asia/Kathmandu", *AFTER)
    assert json.loads(fixed.stdout) == [
        {"time": "2027-01-16T03:15:00Z", "local_time": "2027-01-16T09:00:00+05:45"}
    ]
    (window,) = json.loads(run("R 9 * * *", "--json", "-c", "1", *AFTER).stdout)
    assert set(window) == {"earliest", "latest", "local_earliest", "local_latest"}
    assert json.loads(run("manual", "--json").stdout) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [("0 0 31 2 *", "it never runs"), ("manual", "Only on request"), ("2001-01-01 09:00", "Once")],
)
def test_no_time_is_no_failure(text, reason):
    """A schedule without a coming run prints no line, says why, and is exit code 0."""
    result = run(text)
    assert (result.exit_code, result.stdout) == (0, "")
    assert reason in result.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["60 * * * *"], "Did you mean '0 * * * *'?"),
        (["@daily"], "Did you mean '0 0 * * *'?"),
        ([""], "it is empty"),
        (["1 day", "--timezone", "Berlin"], "Did you mean 'Europe/Berlin'?"),
        (["1 day", "--after", "2027-01-15T08:00"], "no time with a zone"),
        (["1 day", "--after", "soon"], "no time with a zone"),
        (["1 day", "--after", "+999999999d"], "the year 9999"),
        (["1 day", "--after", "999999999999"], "the year 9999"),
    ],
)
def test_wrong_input_is_exit_code_64_and_one_line(arguments, reason):
    """Nothing is on standard output, and the line names the nearest meaning."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (64, "")
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2027-01-15T09:00+01:00", "2027-01-15T08:01:00Z"),
        ("1800000000", "2027-01-15T08:01:00Z"),
        ("0", "1970-01-01T00:01:00Z"),
        ("-60", "1970-01-01T00:00:00Z"),
    ],
)
def test_a_start_has_several_spellings(after, expected):
    """The time to begin at is ISO 8601 with a zone or Unix seconds."""
    assert run("* * * * *", "-c", "1", f"--after={after}").stdout.endswith(f"\t{expected}\n")


def test_a_start_may_be_counted_from_now():
    """`+2h` is two hours from now, and nothing is now."""
    for after, seconds in (("+2h", 7200), ("+90", 90), (None, 0)):
        before = datetime.now(UTC)
        options = ["--after", after] if after else []
        (found,) = json.loads(run("1 second", "-c", "1", "--json", *options).stdout)
        later = datetime.fromisoformat(found["time"]) - before
        assert seconds < later.total_seconds() + 1 < seconds + 60


def test_it_loads_no_client():
    """Neither the network nor an event loop is loaded to answer."""
    script = (
        "import sys\nfrom cronapi.cli.root import cronapi\n"
        "cronapi(['next', '1 day'], standalone_mode=False)\nprint(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "cronapi.schedule" in loaded
    assert not loaded & {"httpx", "asyncio", "anyio", "cattrs", "rich", "difflib", "cronapi.client"}
