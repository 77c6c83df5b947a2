"""docs/schedules.md: each row of its tables, and its command, are carried out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from cronapi import ConfigurationError
from cronapi.cli.root import cronapi
from cronapi.schedule import Schedule

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")
ASKED, ZONE = datetime(2027, 1, 15, 7, 0, tzinfo=UTC), "Europe/Berlin"


def rows(*header):
    """Return the rows below each table head with these columns."""
    head = re.escape(f"| {' | '.join(header)} |\n|{'---|' * len(header)}\n")
    tables = re.findall(f"{head}((?:\\|.*\n)+)", PAGE)
    assert tables, header
    lines = "".join(tables).splitlines()
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in lines]


def shown(window, zone):
    """Return the time of a window, or its first and its last, on the clock of the zone."""
    first, last = (
        f"{time.astimezone(zone):%a %Y-%m-%d %H:%M:%S}".removesuffix(":00")
        for time in (window.earliest, window.latest)
    )
    return first if first == last else f"{first} to {last.split()[-1]}"


@pytest.mark.parametrize(
    ("text", "runs", "words"), rows("expression", "the next two times", "in words")
)
def test_an_expression_runs_as_the_page_says(text, runs, words):
    """The next two times, or windows of random times, and the words are those of the page."""
    schedule = Schedule.parse(text, timezone=ZONE)
    windows = islice(schedule.windows(ASKED), 2)
    found = ", ".join(shown(window, schedule.zone) for window in windows)
    assert (found or "none") == runs
    assert schedule.explain() == words


def test_clocks_are_changed_as_the_page_says():
    """Each row has the next two runs after a local midnight."""
    for text, zone, day, runs in rows("expression", "zone", "asked at midnight of", "runs"):
        schedule = Schedule.parse(text, timezone=zone)
        start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
        found = [
            f"{run.astimezone(schedule.zone):%d %H:%M %z}" for run in schedule.upcoming(start, 2)
        ]
        assert ", ".join(found) == runs, text


def test_schedules_are_compared_as_the_page_says():
    """Each row has the answer of `same_as`."""
    for one, other, answer, _ in rows("one", "other", "same", "since"):
        first, second = (Schedule.parse(text, timezone=ZONE) for text in (one, other))
        assert str(first.same_as(second)) == answer, one


def test_gaps_are_those_of_the_page():
    """Each row has the shortest and the longest gap."""
    for text, shortest, longest in rows("expression", "shortest gap", "longest gap"):
        gaps = Schedule.parse(text, timezone=ZONE).gaps
        assert (str(gaps.shortest), str(gaps.longest)) == (shortest, longest), text


def test_what_is_wrong_is_answered_as_the_page_says():
    """Each row has the suggestion of the error."""
    for text, meant in rows("given", "suggested"):
        with pytest.raises(ConfigurationError, match=re.escape(f"Did you mean '{meant}'?")):
            Schedule.parse(text)


def test_the_command_prints_what_the_page_shows():
    """The commands of the page are run, and their output compared."""
    (block,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for command, output in re.findall(r"^\$ cronapi (.+)\n((?:[^$\n].*\n)+)", block, re.MULTILINE):
        arguments = [quoted or word for quoted, word in re.findall(r"'([^']*)'|(\S+)", command)]
        ran = CliRunner().invoke(cronapi, arguments)
        assert (ran.exit_code, ran.output) == (0, output.replace("    ", "\t"))


def test_the_first_program_prints_its_comments(capsys):
    """What a line prints stands beside it."""
    program = re.search(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[1]
    exec(compile(program, "schedules.md", "exec"), {})
    expected = re.findall(r"^print\(.*  # (.+)$", program, re.MULTILINE)
    assert len(expected) == 5
    assert capsys.readouterr().out.splitlines()[: len(expected)] == expected
