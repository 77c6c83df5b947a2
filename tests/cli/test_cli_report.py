"""The demo's report and how it is shown."""

from __future__ import annotations

import io

import pytest
from attrs import evolve
from rich.console import Console

from cronapi.cli.demo.report import ServiceReport, Traffic, rows, traffic
from cronapi.cli.demo.run import Snapshot
from cronapi.cli.demo.screen import Bars, Lines, screen_for
from cronapi.cli.demo.show import print_result
from cronapi.emulator.limiter import Arrival

REPORT = ServiceReport(
    name="fastcron",
    coroutines=20,
    calls=40,
    jobs=20,
    traffic=Traffic(requests=41, refused=1, seconds=41.2, rate=0.95),
    allowed=1.0,
    lost=0,
    duplicated=0,
    waits=(0.25, 0.5, 0.75),
    turned_away=2,
    errors=(),
)
SNAPSHOT = Snapshot(
    name="fastcron", done=9, total=36, rate=0.951, allowed=1.0, waiting=17, refused=1, left=28.4
)


def console(**options):
    return Console(file=io.StringIO(), width=100, **options)


def arrivals(*ticks, refused=()):
    return [Arrival(tick, "key", tick not in refused) for tick in ticks]


# --- counting -------------------------------------------------------------------------------------


def test_the_rate_is_that_of_accepted_requests_while_there_was_work():
    """Arrivals before and after the work, and refused ones, do not add to the rate."""
    seen = traffic(
        arrivals(0.0, 10.0, 11.0, 11.5, 12.0, 14.0, 99.0, refused={11.5}), began=9.0, ended=20.0
    )
    assert seen == Traffic(requests=5, refused=1, seconds=4.0, rate=0.75)
    assert seen.refused_share == 20.0


@pytest.mark.parametrize("seen", [arrivals(), arrivals(5.0)])
def test_too_few_requests_have_no_rate(seen):
    """Nothing and a single request have a rate of 0, not an error."""
    assert traffic(seen, 0.0, 9.0) == Traffic(requests=len(seen), refused=0, seconds=0.0, rate=0.0)
    assert traffic([], 0.0, 9.0).refused_share == 0.0


@pytest.mark.parametrize("wrong", [{"lost": 1}, {"duplicated": 1}, {"errors": ("x",)}])
def test_a_report_is_sound_only_if_nothing_is_lost_or_twice(wrong):
    """A lost job, a duplicated job or an error alone makes a report unsound."""
    assert REPORT.sound
    assert not evolve(REPORT, **wrong).sound


def test_the_table_says_all_that_was_promised():
    """Each measure has its row."""
    assert dict(rows(REPORT)) == {
        "coroutines": "20 + 1 for the web",
        "calls answered": "40",
        "jobs at the end": "20",
        "seconds": "41.2",
        "rate reached": "0.95/s",
        "rate allowed": "1/s",
        "share": "95.0 %",
        "503s of requests": "1 of 41 (2.4 %)",
        "lost": "0",
        "duplicated": "0",
        "web: answered": "3 (median 0.50 s)",
        "web: told to come back": "2",
    }
    assert dict(rows(evolve(REPORT, waits=())))["web: answered"] == "0"


# --- showing --------------------------------------------------------------------------------------


def test_a_terminal_gets_bars_and_anything_else_gets_lines():
    """The screen depends on the kind of output."""
    assert isinstance(screen_for(console(force_terminal=True)), Bars)
    assert isinstance(screen_for(console()), Lines)


def test_a_line_has_all_numbers_and_no_colour():
    """Lines are plain, whatever the width."""
    narrow = Console(file=io.StringIO(), width=20)
    with Lines(narrow) as screen:
        screen.show([SNAPSHOT])
    assert (
        narrow.file.getvalue()
        == "fastcron      9/36  0.95 of 1/s,  17 waiting, 1 x 503, 28 s left\n"
    )


def test_a_bar_moves():
    """A bar shows the same numbers, and moves with them."""
    terminal = console(force_terminal=True)
    with Bars(terminal) as screen:
        screen.show([SNAPSHOT])
        screen.show([evolve(SNAPSHOT, done=36, waiting=0)])
    drawn = terminal.file.getvalue()
    assert "━" in drawn
    assert all(text in drawn for text in (" 9/36", "36/36", "17 waiting", "0.95 of 1/s"))


def test_bars_have_no_colour_where_none_is_wanted(monkeypatch):
    """NO_COLOR is respected."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = console(force_terminal=True)
    with Bars(terminal) as screen:
        screen.show([SNAPSHOT])
    assert "\x1b[3" not in terminal.file.getvalue()


def test_the_end_is_a_table_with_a_column_for_each_service():
    """The table has both services side by side, and a sentence that sums it up."""
    plain = Console(file=io.StringIO(), width=80)
    assert print_result(plain, [evolve(REPORT, name="setcronjob"), REPORT])
    drawn = plain.file.getvalue()
    heading = next(line for line in drawn.splitlines() if "setcronjob" in line)
    assert "fastcron" in heading
    assert drawn.count("1 of 41 (2.4 %)") == 2
    assert drawn.endswith("Every call was answered, every job is there once.\n")
    assert "\x1b" not in drawn


def test_an_unsound_end_names_its_errors():
    """Errors are listed below the table, and are not taken for markup."""
    plain = console()
    assert not print_result(plain, [evolve(REPORT, lost=1, errors=("crew 1: [bold]gone",))])
    assert (
        "fastcron: crew 1: [bold]gone\nSomething was lost or duplicated: see the table.\n"
        in plain.file.getvalue()
    )
