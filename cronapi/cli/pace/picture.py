"""A frame in characters: the picture with its strip and facts, and the same on one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from cronapi.cli.pace.frame import PERCENT, Cell, Frame, strip_of

MOST_ROWS = 12
LABEL = 10
SLOW = 0.5
"""Seconds: slots longer than this are drawn further apart, since few of them fill a run."""
TENS, THOUSAND = 10, 1000.0

STYLES = {
    Cell.PASSED: "green",
    Cell.REFUSED: "bold red",
    Cell.LOST: "bold magenta",
    Cell.PROBE: "bold cyan",
    Cell.PROBE_REFUSED: "bold yellow",
    Cell.UNDER_WAY: "blue",
    Cell.HELD: "yellow",
    Cell.UNUSED: "dim",
}
GLYPHS = dict(zip(Cell, "●✗?◆◇○─·", strict=True))
ASCII = dict(zip(Cell, "#x?Ppo-.", strict=True))
"""Every cell has a shape of its own, so that colour only repeats what the shape says."""

Glyphs = Mapping[Cell, str]


def glyphs_for(console: Console) -> Glyphs:
    """Return the glyphs that the console's encoding has."""
    return GLYPHS if console.encoding.startswith("utf") else ASCII


def draw(frame: Frame, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return the picture as lines of at most `width` characters.

    There are at most `height` lines, unless heading, facts, legend and one row of the strip alone
    need more.
    """
    heading = Text.assemble((f"{frame.service} at {frame.address}", "bold"))
    above = [*flow("", [heading], width), Text()]
    below = [Text(), *_facts(frame, width), Text(), *flow("", _legend(glyphs), width)]
    room = height - len(above) - len(below) - 1
    return [*above, *strip(frame, width, max(1, min(MOST_ROWS, room)), glyphs), *below]


def strip(frame: Frame, width: int, most: int, glyphs: Glyphs) -> list[Text]:
    """Return the last `most` rows of the strip, each with its time in seconds."""
    gap = "  " if frame.slot >= SLOW else ""
    slots = max(1, (width - LABEL) // (1 + len(gap)))
    slots -= slots % TENS if slots > TENS else 0
    return [
        _cut(_label(f"{at:7.1f} s") + _glyphs(cells, glyphs, gap), width)
        for at, cells in strip_of(frame, slots, most)
    ]


def line(frame: Frame, cells: Iterable[Cell], glyphs: Glyphs) -> str:
    """Return a frame on one line, with the cells of starts at its end."""
    known = frame.allowed or frame.kept
    holds = f"{frame.holds} holds{' (held)' if frame.holding else ''}"
    parts = [
        f"{frame.elapsed:5.1f} s {frame.answered:4} calls",
        f"{frame.reached:5.2f} of {known:g}/s",
        f"margin {PERCENT * frame.margin:4.1f} %",
        f"{frame.refused} refused, {frame.lost} lost, {holds}",
        f"waiting {frame.interactive}+{frame.bulk}, {frame.in_flight} in flight, {_eta(frame)}",
    ]
    starts = "".join(glyphs[cell] for cell in cells)
    return f"{', '.join(parts)}  {starts}".rstrip()


def legend(glyphs: Glyphs) -> Text:
    """Return the meaning of each glyph."""
    return Text(", ").join(_legend(glyphs))


def flow(label: str, parts: Iterable[Text], width: int) -> list[Text]:
    """Return parts side by side behind a label, on as many lines as `width` needs."""
    indent = LABEL if label else 0
    lines = [_label(label) if label else Text()]
    for part in parts:
        if lines[-1].cell_len > indent and lines[-1].cell_len + 3 + part.cell_len > width:
            lines.append(Text(" " * indent))
        lines[-1] += (Text("   ") if lines[-1].cell_len > indent else Text()) + part
    return [_cut(text, width) for text in lines]


def _facts(frame: Frame, width: int) -> list[Text]:
    facts = {
        "time": _time(frame),
        "rate": _rate(frame),
        "margin": _margin(frame),
        "requests": _requests(frame),
        "waiting": _waiting(frame),
    }
    return [text for label, parts in facts.items() for text in flow(label, map(Text, parts), width)]


def _time(frame: Frame) -> list[str]:
    return [
        f"{frame.elapsed:5.1f} s{_of(frame.seconds, ' s')}",
        f"{frame.answered:4} calls answered{_of(frame.calls)}",
    ]


def _of(end: float | None, unit: str = "") -> str:
    return "" if end is None else f" of {end:g}{unit}"


def _rate(frame: Frame) -> list[str]:
    known = f"{frame.kept:g}/s kept to" if frame.allowed is None else f"{frame.allowed:g}/s allowed"
    return [
        f"{frame.reached:5.2f}/s let through, {known} ({frame.share:.1f} %)",
        f"{frame.started:.2f}/s started",
    ]


def _margin(frame: Frame) -> list[str]:
    return [
        f"{PERCENT * frame.margin:5.1f} %",
        f"a start every {frame.spacing * THOUSAND:.1f} ms",
    ]


def _requests(frame: Frame) -> list[str]:
    counts = [f"{frame.refused:3} refused", f"{frame.lost} lost", f"{frame.holds} holds"]
    return [*counts, "HELD: one probe at a time"] if frame.holding else counts


def _waiting(frame: Frame) -> list[str]:
    return [
        f"{frame.interactive:3} interactive",
        f"{frame.bulk:3} bulk",
        f"{frame.in_flight:2} in flight",
        _eta(frame),
    ]


def _eta(frame: Frame) -> str:
    return f"eta {frame.eta:.2f} s"


def _legend(glyphs: Glyphs) -> list[Text]:
    return [Text.assemble((glyphs[cell], STYLES[cell]), f" {cell.value}") for cell in Cell]


def _glyphs(cells: Sequence[Cell], glyphs: Glyphs, gap: str) -> Text:
    return Text(gap).join(Text.assemble((glyphs[cell], STYLES[cell])) for cell in cells)


def _label(label: str) -> Text:
    return Text.assemble((f"{label:<{LABEL}}", "dim"))


def _cut(text: Text, width: int) -> Text:
    text.truncate(width)
    return text
