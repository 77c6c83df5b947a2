"""`cronapi pace`: what it draws, and what it does at a service on a socket."""

from __future__ import annotations

import io
import os
import re
import signal
from collections import Counter
from contextlib import closing, contextmanager

import pytest
from attrs import evolve
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from cronapi import Rate
from cronapi.cli.pace.frame import Cell, Frame, cell_of, reached, settled_after, strip_of, summary
from cronapi.cli.pace.picture import ASCII, GLYPHS, draw, flow, glyphs_for
from cronapi.cli.pace.recording import Fate, Hold, Mark, RecordingBucket
from cronapi.cli.pace.screen import Lines, Pictures, screen_for
from cronapi.cli.root import cronapi
from cronapi.emulator import Fault, create_app, run_in_thread
from emulated import FAST, TOKEN

FRAME = Frame(
    service="setcronjob",
    address="http://127.0.0.1:8765/api/",
    elapsed=2.0,
    seconds=15.0,
    calls=None,
    answered=17,
    kept=10.0,
    allowed=10.0,
    reached=9.5,
    started=9.75,
    slot=0.1,
    margin=0.02,
    requests=20,
    refused=2,
    lost=1,
    holds=1,
    holding=False,
    interactive=3,
    bulk=7,
    in_flight=1,
    eta=0.75,
)
EMPTY = {Cell.HELD, Cell.UNUSED}
QUICK = ("--rate", "1000", "--limit", "1000")


def starts(*times, fate=Fate.ACCEPTED):
    return tuple(Mark(at, fate) for at in times)


def cells_of(frame, width=1000, most=10**9):
    return [cell for _, cells in strip_of(frame, width, most) for cell in cells]


def drawn(frame, glyphs=GLYPHS):
    return "".join(glyphs[cell] for cell in cells_of(frame))


def lines_of(frame, width, height=24):
    return [text.plain for text in draw(frame, width, height, GLYPHS)]


marks = st.lists(
    st.builds(Mark, at=st.floats(0, 60), fate=st.sampled_from(Fate), probe=st.booleans()),
    max_size=40,
    unique_by=lambda mark: mark.at,
).map(tuple)
frames = st.builds(
    lambda marks, **fields: evolve(FRAME, marks=marks, held=(Hold(3.0, 4.0), Hold(50.0)), **fields),
    marks,
    elapsed=st.floats(0, 90),
    slot=st.sampled_from([0.1, 0.35, 1.0]),
    margin=st.floats(0, 1),
    holding=st.booleans(),
    allowed=st.sampled_from([None, 10.0]),
    bulk=st.integers(0, 5000),
)

# --- the strip -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "picture"),
    [
        (evolve(FRAME, elapsed=0.5, marks=starts(0.0, 0.1, 0.2, 0.3, 0.4)), "●●●●●"),
        (evolve(FRAME, elapsed=0.6, marks=starts(0.0, 0.15, 0.45)), "●●··●·"),
        (evolve(FRAME, elapsed=0.3, marks=starts(0.0) + starts(0.1, fate=Fate.REFUSED) + starts(0.11)), "●✗●"),
        (evolve(FRAME, elapsed=0.3, marks=starts(0.0, fate=Fate.LOST) + starts(0.2, fate=Fate.UNDER_WAY)), "?·○"),
        (evolve(FRAME, elapsed=0.6, held=(Hold(0.05, 0.35),), marks=(Mark(0.3, Fate.REFUSED, probe=True), *starts(0.5))), "·──◇·●"),
        (evolve(FRAME, elapsed=0.5, held=(Hold(0.1),), marks=(Mark(0.3, Fate.ACCEPTED, probe=True),)), "·──◆─"),
        (evolve(FRAME, elapsed=0.0), "·"),
    ],
)  # fmt: skip
def test_the_strip_shows_each_start_in_its_slot(frame, picture):
    """A slot is let through, refused, lost, a probe, under way, held or unused, and each looks different."""
    assert drawn(frame) == picture


@settings(max_examples=50)
@given(frames)
def test_no_start_is_left_out_and_none_is_drawn_twice(frame):
    """The strip has as many marks of each kind as there were starts, however close together they were."""
    assert Counter(cell for cell in cells_of(frame) if cell not in EMPTY) == Counter(
        map(cell_of, frame.marks)
    )


@settings(max_examples=50)
@given(frames, st.integers(1, 90), st.integers(1, 9))
def test_the_strip_shows_its_end_where_there_is_no_room_for_all(frame, width, most):
    """A short strip is the end of the whole one, and its rows begin where they would otherwise begin."""
    whole = strip_of(frame, width, 10**9)
    assert strip_of(frame, width, most) == whole[-most:]
    assert all(len(cells) <= width for _, cells in whole)


@settings(max_examples=50)
@given(frames)
def test_what_is_drawn_stays_where_it_is(frame):
    """A start that comes later moves none that was drawn before."""
    later = evolve(frame, elapsed=99.0, held=(), marks=(*frame.marks, *starts(95.0, 95.01)))
    now = cells_of(evolve(frame, held=()))
    assert cells_of(later)[: len(now)] == now


@pytest.mark.parametrize("glyphs", [GLYPHS, ASCII])
def test_the_marks_can_be_told_apart_without_colour(glyphs):
    """Each kind of slot has a glyph of its own, of one column."""
    assert len({glyphs[cell] for cell in Cell}) == len(Cell)
    assert all(len(glyph) == 1 for glyph in glyphs.values())


def test_a_terminal_without_unicode_gets_ascii():
    """An encoding that lacks the round glyphs gets letters and signs."""
    ascii_only = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert glyphs_for(ascii_only) is ASCII
    assert "".join(ASCII.values()).isascii()
    assert glyphs_for(Console(file=io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))) is GLYPHS


# --- the picture -----------------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(frames, st.integers(8, 200), st.integers(1, 60))
def test_the_picture_is_never_wider_than_the_window(frame, width, height):
    """Whatever the size of the window, no line is wrapped by it."""
    assert max(map(len, lines_of(frame, width, height))) <= width


@settings(max_examples=50)
@given(frames, st.sampled_from([60, 80, 120, 200]), st.integers(20, 60))
def test_the_picture_is_never_higher_than_the_window(frame, width, height):
    """In a window of a usual size everything is there, the legend at the end too."""
    lines = lines_of(frame, width, height)
    assert len(lines) < height
    assert "unused" in lines[-1]


def test_the_picture_says_all_that_is_to_be_known():
    """Rate, margin, spacing, refusals, holds, both lanes, requests in flight and the wait are there in words."""
    picture = "\n".join(lines_of(evolve(FRAME, holding=True), 100))
    for said in (
        *(
            "setcronjob at http://127.0.0.1:8765/api/",
            "2.0 s of 15 s",
            "17 calls answered",
            "9.50/s let through, 10/s allowed (95.0 %)",
        ),
        *(
            "9.75/s started",
            "2.0 %",
            "a start every 102.0 ms",
            "2 refused",
            "1 lost",
            "1 holds",
            "HELD: one probe at a time",
        ),
        *("3 interactive", "7 bulk", "1 in flight", "eta 0.75 s", "probe refused"),
    ):
        assert said in picture


def test_a_limit_that_nobody_told_is_not_called_allowed():
    """At a service of the user's own only the rate that the client keeps to is known."""
    other = evolve(FRAME, allowed=None, kept=5.0, reached=4.0)
    assert "4.00/s let through, 5/s kept to (80.0 %)" in "\n".join(lines_of(other, 100))
    assert dict(summary(other))["rate kept to"] == "5/s"


@given(st.lists(st.text("abc ", min_size=1, max_size=12), max_size=9), st.integers(30, 80))
def test_words_that_do_not_fit_go_to_the_next_line(words, width):
    """No part of a line is lost or torn."""
    said = " ".join(
        text.plain
        for text in flow(
            "label", (Console().render_str(word, markup=False) for word in words), width
        )
    )
    assert said.split() == ["label", *" ".join(words).split()]


def test_the_summary_has_every_measure():
    """Each measure has its row."""
    assert dict(summary(FRAME)) == {
        "calls answered": "17",
        "seconds": "2.0",
        "rate reached": "9.50/s",
        "rate allowed": "10/s",
        "share": "95.0 %",
        "refused (503)": "2 of 20 requests (10.0 %)",
        "lost": "1",
        "holds": "1",
        "final margin": "2.0 %",
    }
    assert "(0.0 %)" in dict(summary(evolve(FRAME, requests=0, refused=0)))["refused (503)"]


@given(st.integers(1, 500), st.floats(0.01, 2), st.floats(0, 0.99))
def test_the_rate_reached_is_never_flattered(starts, spacing, since_last):
    """Starts that keep their spacing never seem faster than that, at whatever moment one looks."""
    assert reached(starts, (starts - 1 + since_last) * spacing, spacing) <= 1 / spacing * (1 + 1e-9)


# --- what it is shown on ---------------------------------------------------------------------------------------------------------


def console(**options):
    return Console(file=io.StringIO(), width=80, height=24, **options)


def test_a_terminal_gets_a_picture_and_anything_else_gets_lines(monkeypatch):
    """What is shown depends on where it goes; a terminal that cannot move its cursor gets lines."""
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(screen_for(console(force_terminal=True)), Pictures)
    assert isinstance(screen_for(console()), Lines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(screen_for(console(force_terminal=True)), Lines)


def test_lines_show_each_start_once_and_when_its_fate_is_known():
    """A start that is still under way waits for a later line, and so do those after it."""
    first = evolve(FRAME, marks=(*starts(0.1), Mark(0.2, Fate.UNDER_WAY), *starts(0.3)))
    second = evolve(FRAME, marks=(*starts(0.1), Mark(0.2, Fate.REFUSED), *starts(0.3)), elapsed=3.0)
    plain = console()
    with Lines(plain) as screen:
        screen.show(first)
        screen.show(second)
        screen.show(second)
    shown = [
        re.search(r"eta \S+ s *(.*)", line)[1] for line in plain.file.getvalue().splitlines()[1:]
    ]
    assert shown == ["●", "✗●", ""]
    assert "\x1b" not in plain.file.getvalue()


@settings(max_examples=50)
@given(frames)
def test_what_is_under_way_is_not_settled(frame):
    """Only starts whose fate is known are told for good."""
    assert all(mark.fate is not Fate.UNDER_WAY for mark in settled_after(frame, 1.0))


def test_a_picture_fills_the_terminal_and_its_last_state_stays():
    """The terminal gets its own screen back, with the last picture on it."""
    terminal = console(force_terminal=True)
    with Pictures(terminal) as screen:
        screen.show(FRAME)
        screen.show(evolve(FRAME, answered=99))
    during, after = terminal.file.getvalue().split("\x1b[?1049l")
    assert during.startswith("\x1b[?1049h")
    assert " 17 calls" in during
    assert " 99 calls" in after


def test_colours_repeat_what_the_shapes_say(monkeypatch):
    """A refusal is red and what is let through is green, words have no colour, and NO_COLOR takes both away."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    strips = evolve(FRAME, elapsed=0.2, marks=starts(0.0) + starts(0.1, fate=Fate.REFUSED))
    for wanted, seen in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", wanted)
        terminal = console(force_terminal=True, color_system="standard")
        terminal.print(*draw(strips, 80, 24, GLYPHS), sep="\n")
        written = terminal.file.getvalue()
        assert ("\x1b[32m●\x1b[0m\x1b[1;31m✗\x1b[0m" in written) is seen
        assert "●" in written
        assert "17 calls answered\n" in written


def test_a_picture_that_was_never_drawn_leaves_nothing():
    """A run that cannot begin leaves no picture on the terminal."""
    terminal = console(force_terminal=True)
    with Pictures(terminal):
        pass
    assert "calls" not in terminal.file.getvalue()


# --- what is remembered ----------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_each_start_is_remembered_with_its_fate(clock):
    """Starts are let through, refused, lost or still under way; one that was not used leaves no mark."""
    watch = RecordingBucket(Rate(10), clock=clock)
    fates = [watch.accepted, watch.refused, watch.give_back, watch.lost, lambda _: None]
    for number, settle in enumerate(fates):
        clock.now = float(number)
        settle(watch.take())
    assert [mark.fate for mark in watch.marks()] == [
        Fate.ACCEPTED,
        Fate.REFUSED,
        Fate.LOST,
        Fate.UNDER_WAY,
    ]
    assert watch.tally == {Fate.ACCEPTED: 1, Fate.REFUSED: 1, Fate.LOST: 1}
    assert watch.first == 0.0
    assert watch.take() is None


def test_a_hold_lasts_until_a_probe_passes(clock):
    """Repeated refusals hold everybody, and the probe that passes lets them go on."""
    watch = RecordingBucket(Rate(1), clock=clock)
    seen = []
    for now, settle in (
        (0.0, watch.refused),
        (5.0, watch.refused),
        (10.0, watch.refused),
        (60.0, watch.accepted),
    ):
        clock.now = now
        settle(watch.take())
        seen.append(watch.holds())
    assert seen == [(), (), (Hold(10.0),), (Hold(10.0, 60.0),)]
    assert watch.marks()[-1] == Mark(60.0, Fate.ACCEPTED, probe=True)


# --- the command -----------------------------------------------------------------------------------------------------------------


def pace(*arguments, **environment):
    result = CliRunner().invoke(
        cronapi, ["pace", *arguments], env={"COLUMNS": "100", **environment}
    )
    assert TOKEN not in result.output
    return result


def row(result, name):
    return re.search(rf"{re.escape(name)} +[│|] (.*?) +[│|]", result.output)[1]


@contextmanager
def emulated(*faults, path="/api/", wrap=lambda app: app, **settings):
    """Serve an emulator without a limit; yield it and the address of one of its services."""
    app = create_app(**{"rates": FAST, **settings})
    app.emulator.faults.add(*faults)
    with closing(app.emulator), run_in_thread(wrap(app)) as origin:
        yield app.emulator, origin + path


def test_it_starts_an_emulator_of_its_own():
    """Without an address it needs nothing but itself, and ends with a table and exit code 0."""
    result = pace(*QUICK, "--calls", "20")
    assert result.exit_code == 0, result.output
    assert (row(result, "calls answered"), row(result, "rate allowed"), row(result, "lost")) == (
        "20",
        "1000/s",
        "0",
    )
    assert re.search(
        r" 20 calls, +[\d.]+ of 1000/s, margin +[\d.]+ %, \d+ refused, 0 lost, \d+ holds",
        result.output,
    )
    assert result.output.count("●") >= 20
    assert result.output.endswith("No call failed.\n")
    assert "\x1b" not in result.output


@pytest.mark.parametrize(("provider", "path"), [("setcronjob", "/api/"), ("fastcron", "/api/v1/")])
def test_it_looks_on_at_a_service_that_is_already_there(provider, path):
    """With an address it makes exactly the calls that were asked for, and only reads."""
    with emulated(path=path) as (emulator, url):
        result = pace(
            "--provider",
            provider,
            "--url",
            url,
            "--rate",
            "500",
            "--calls",
            "30",
            "--callers",
            "3",
            "--interactive",
            "2",
        )
    assert result.exit_code == 0, result.output
    assert Counter((seen.provider, seen.function) for seen in emulator.requests) == {
        (provider, "cron.list"): 30
    }
    assert (row(result, "calls answered"), row(result, "rate kept to")) == ("30", "500/s")


def test_it_ends_when_its_time_is_up():
    """A time that is up ends it well, with calls answered until then."""
    result = pace(*QUICK, "--seconds", "0.2")
    assert result.exit_code == 0, result.output
    assert int(row(result, "calls answered")) > 0


def test_a_terminal_gets_the_live_picture():
    """On a terminal there is a picture with its legend, and the summary stays behind it."""
    result = pace(*QUICK, "--calls", "20", FORCE_COLOR="1", TERM="xterm")
    assert result.exit_code == 0, result.output
    during, after = result.output.split("\x1b[?1049l")
    assert "\x1b[?1049h" in during
    assert "What the client saw" in after
    assert "unused" in after


def test_refusals_are_seen_and_cost_nothing():
    """Who believes in more than the service allows sees refusals, and every call is answered all the same."""
    result = pace("--rate", "400", "--limit", "100", "--calls", "12")
    assert result.exit_code == 0, result.output
    assert (row(result, "calls answered"), row(result, "lost")) == ("12", "0")
    assert not row(result, "refused (503)").startswith("0 ")
    assert "✗" in result.output


def test_a_lost_answer_is_seen_and_costs_nothing():
    """A request whose answer was lost is told apart, and its call is answered at the second attempt."""
    with emulated(Fault("lose")) as (_, url):
        result = pace("--url", url, "--rate", "500", "--calls", "5")
    assert (result.exit_code, row(result, "lost"), row(result, "calls answered")) == (
        0,
        "1",
        "5",
    ), result.output
    assert any("?" in line for line in result.output.splitlines()[1:])


def test_a_call_that_fails_for_good_ends_it_with_exit_code_1():
    """The error is told below the table, and the other callers stop."""
    with emulated(Fault("redirect")) as (_, url):
        result = pace("--url", url, "--rate", "500", "--seconds", "60")
    assert result.exit_code == 1
    assert "setcronjob cron.list: " in result.output
    assert result.output.endswith("A call failed for good.\n")


def test_a_service_that_refuses_everything_ends_it_with_exit_code_1():
    """It gives up soon after its time is up, and says that everything was refused."""
    with emulated(Fault("outage", times=None)) as (_, url):
        result = pace("--url", url, "--rate", "1000", "--seconds", "0.05")
    assert (result.exit_code, row(result, "calls answered")) == (1, "0")
    assert row(result, "refused (503)").endswith("(100.0 %)")
    assert "HTTP 503" in result.output
    assert "(held)" in result.output


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_with_the_summary(told):
    """Ctrl-C or a termination in the middle ends it at once and cleanly, with what was seen until then."""
    calls = iter(range(10**9))

    def interrupting(app):
        async def wrapped(scope, receive, send):
            if next(calls) == 5:
                os.kill(os.getpid(), told)
            await app(scope, receive, send)

        return wrapped

    with emulated(wrap=interrupting) as (_, url):
        result = pace("--url", url, "--rate", "200")
    assert result.exit_code == 0, result.output
    assert int(row(result, "calls answered")) > 0
    assert result.output.endswith("Stopped early: no call failed.\n")


@pytest.mark.parametrize("token", ["quite-a-secret-0123456789", "quite a secret"])
def test_a_token_is_never_shown(token):
    """A wrong or impossible token is an error, which does not repeat it."""
    with emulated() as (_, url):
        result = pace("--url", url, "--token", token, "--rate", "500", "--calls", "3")
    assert result.exit_code == 1
    assert "token" in result.output
    assert token not in result.output


def test_the_token_of_a_service_can_be_given():
    """A service with a token of its own is called with it."""
    with emulated(tokens=("quite-a-secret-0123456789",)) as (_, url):
        result = pace(
            "--url", url, "--token", "quite-a-secret-0123456789", "--rate", "500", "--calls", "3"
        )
    assert result.exit_code == 0
    assert "quite-a-secret" not in result.output


def test_nothing_goes_through_a_proxy(monkeypatch):
    """A proxy in the environment is not asked, and is still there afterwards."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.com")
    assert pace(*QUICK, "--calls", "3").exit_code == 0
    assert os.environ["no_proxy"] == "example.com"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://www.setcronjob.com/api/",
            "https://app.fastcron.com/api/v1/",
            "http://www.setcronjob.com/api/",
            "https://10.0.0.1/api/",
        ),
        *(
            "https://0.0.0.0/api/",
            "https://127.0.0.1.example.com/api/",
            "https://localhost.example.com/",
            "https://[2001:db8::1]/api/",
        ),
        *(
            "http://127.0.0.1@example.com/api/",
            "http://example.com@127.0.0.1/api/",
            "ftp://127.0.0.1/api/",
            "127.0.0.1:8765",
            "",
        ),
    ],
)
def test_an_address_that_is_not_on_this_machine_is_refused(url):
    """Anything but loopback is a mistake in the command line, told before anything is sent or drawn."""
    result = pace("--url", url)
    assert result.exit_code == 2
    assert result.output.startswith("Usage: cronapi pace")
    assert "Invalid value for --url" in result.output
    assert "let through" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token", "x"],
        ["--url", "http://127.0.0.1:1/api/", "--limit", "5"],
        ["--rate", "0"],
        ["--calls", "0"],
        ["--seconds", "0"],
        ["--callers", "0"],
        ["--provider", "cronhub"],
    ],
)
def test_options_that_make_no_sense_are_refused(arguments):
    """A mistake in the command line is exit code 2, and nothing is run."""
    result = pace(*arguments)
    assert (result.exit_code, "Error: " in result.output) == (2, True)
    assert "let through" not in result.output
