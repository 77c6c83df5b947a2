"""The picture of `cronapi pace`, and the screens that show it."""

from __future__ import annotations

import io
import re
from collections import Counter

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cronapi.cli.pace.frame import Cell, Frame, cell_of, reached, settled_after, strip_of, summary
from cronapi.cli.pace.picture import ASCII, GLYPHS, draw, flow, glyphs_for
from cronapi.cli.pace.recording import Fate, Hold, Mark
from cronapi.cli.pace.screen import Lines, Pictures, screen_for

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

# --- the strip ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed", "marks", "picture"),
    [
        (0.5, starts(0.0, 0.1, 0.2, 0.3, 0.4), "●●●●●"),
        (0.6, starts(0.0, 0.15, 0.45), "●●··●·"),
        (0.3, starts(0.0) + starts(0.1, fate=Fate.REFUSED) + starts(0.11), "●✗●"),
        (0.3, starts(0.0, fate=Fate.LOST) + starts(0.2, fate=Fate.UNDER_WAY), "?·○"),
        (0.0, (), "·"),
    ],
)
def test_the_strip_shows_each_start_in_its_slot(elapsed, marks, picture):
    """A slot is let through, refused, lost, under way or unused, and each looks different."""
    assert drawn(evolve(FRAME, elapsed=elapsed, marks=marks)) == picture


@pytest.mark.parametrize(
    ("elapsed", "held", "marks", "picture"),
    [
        (0.6, Hold(0.05, 0.35), (Mark(0.3, Fate.REFUSED, probe=True), *starts(0.5)), "·──◇·●"),
        (0.5, Hold(0.1), (Mark(0.3, Fate.ACCEPTED, probe=True),), "·──◆─"),
    ],
)
def test_the_strip_shows_a_hold_and_its_probe(elapsed, held, marks, picture):
    """Slots of a hold and its probes have glyphs of their own."""
    assert drawn(evolve(FRAME, elapsed=elapsed, held=(held,), marks=marks)) == picture


@given(frames)
def test_no_start_is_left_out_and_none_is_drawn_twice(frame):
    """The strip has one mark for each start, even for starts that are close together."""
    assert Counter(cell for cell in cells_of(frame) if cell not in EMPTY) == Counter(
        map(cell_of, frame.marks)
    )


@given(frames, st.integers(1, 90), st.integers(1, 9))
def test_the_strip_shows_its_end_where_there_is_no_room_for_all(frame, width, most):
    """A short strip is the end of the whole one, with rows that begin at the same times."""
    whole = strip_of(frame, width, 10**9)
    assert strip_of(frame, width, most) == whole[-most:]
    assert all(len(cells) <= width for _, cells in whole)


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


# --- the picture ----------------------------------------------------------------------------------


@given(frames, st.integers(8, 200), st.integers(1, 60))
def test_the_picture_is_never_wider_than_the_window(frame, width, height):
    """No line is wrapped, in a window of any size."""
    assert max(map(len, lines_of(frame, width, height))) <= width


@given(frames, st.sampled_from([60, 80, 120, 200]), st.integers(20, 60))
def test_the_picture_is_never_higher_than_the_window(frame, width, height):
    """A window of a usual size shows everything, down to the legend."""
    lines = lines_of(frame, width, height)
    assert len(lines) < height
    assert "unused" in lines[-1]


def test_the_picture_says_all_that_is_to_be_known():
    """Every figure of a frame is there in words."""
    picture = "\n".join(lines_of(evolve(FRAME, holding=True), 100))
    for text in (
        "setcronjob at http://127.0.0.1:8765/api/",
        "2.0 s of 15 s",
        "17 calls answered",
        "9.50/s let through, 10/s allowed (95.0 %)",
        "9.75/s started",
        "2.0 %",
        "a start every 102.0 ms",
        "2 refused",
        "1 lost",
        "1 holds",
        "HELD: one probe at a time",
        "3 interactive",
        "7 bulk",
        "1 in flight",
        "eta 0.75 s",
        "probe refused",
    ):
        assert text in picture


def test_a_limit_that_nobody_told_is_not_called_allowed():
    """At a service of the user's own, only the client's rate is known."""
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
    """Starts that keep their spacing never seem faster, at any time of looking."""
    assert reached(starts, (starts - 1 + since_last) * spacing, spacing) <= 1 / spacing * (1 + 1e-9)


# --- what it is shown on --------------------------------------------------------------------------


def console(**options):
    return Console(file=io.StringIO(), width=80, height=24, **options)


def test_a_terminal_gets_a_picture_and_anything_else_gets_lines(monkeypatch):
    """A terminal that cannot move its cursor gets lines, like anything that is no terminal."""
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


@given(frames)
def test_what_is_under_way_is_not_settled(frame):
    """Only starts with a known fate are settled."""
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
    """Refusals are red, accepted starts green, words plain. NO_COLOR takes the colours away."""
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
