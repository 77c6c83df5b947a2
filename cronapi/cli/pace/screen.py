"""How a frame is drawn: a live picture on a terminal, plain lines elsewhere, a table at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cronapi.cli.pace.frame import HUNDRED, Cell, Frame, cell_of, settled_after, strip_of, summary

PICTURE_PAUSE, LINE_PAUSE = 0.2, 1.0
"""Seconds between two looks."""
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


class Screen(Protocol):
    """Where frames are shown, every `pause` seconds, while inside."""

    pause: float

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, frame: Frame) -> None:
        """Show what is to be seen."""


class Picture:
    """A frame as large as the place it is drawn in."""

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        self.frame = frame
        self.glyphs = glyphs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        yield from draw(
            self.frame, options.max_width, options.height or console.height, self.glyphs
        )


class Pictures:
    """A live picture that fills the terminal, and stays on it when all is over."""

    pause = PICTURE_PAUSE

    def __init__(self, console: Console) -> None:
        self._console = console
        self._glyphs = glyphs_for(console)
        self._last: Picture | None = None
        # The whole screen: lines that a narrower window wraps could not be drawn over.
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._last is not None:
            self._console.print(self._last)

    def show(self, frame: Frame) -> None:
        """Draw the next picture."""
        self._last = Picture(frame, self._glyphs)
        self._live.update(self._last, refresh=True)


class Lines:
    """One plain line for each frame."""

    pause = LINE_PAUSE

    def __init__(self, console: Console) -> None:
        self._console = console
        self._glyphs = glyphs_for(console)
        self._shown = float("-inf")

    def __enter__(self) -> Self:
        self._console.print(
            f"{legend(self._glyphs)}; waiting: interactive+bulk", highlight=False, soft_wrap=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, frame: Frame) -> None:
        """Print the line."""
        marks = settled_after(frame, self._shown)
        self._shown = marks[-1].at if marks else self._shown
        self._console.print(
            line(frame, map(cell_of, marks), self._glyphs), highlight=False, soft_wrap=True
        )


def screen_for(console: Console) -> Screen:
    """Return pictures for a terminal that can draw over what it has drawn, and lines for anything else."""
    return (
        Pictures(console)
        if console.is_terminal and not console.is_dumb_terminal
        else Lines(console)
    )


def glyphs_for(console: Console) -> Glyphs:
    """Return the glyphs that the console's encoding has."""
    return GLYPHS if console.encoding.startswith("utf") else ASCII


def draw(frame: Frame, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return the picture: at most `height` lines of at most `width` characters, as far as facts and legend leave room for the strip."""
    words = [
        *flow("", [Text.assemble((f"{frame.service} at {frame.address}", "bold"))], width),
        Text(),
    ]
    rest = [
        Text(),
        *(text for label, parts in facts(frame) for text in flow(label, map(Text, parts), width)),
    ]
    rest += [Text(), *flow("", _legend(glyphs), width)]
    rows = strip(frame, width, max(1, min(MOST_ROWS, height - len(words) - len(rest) - 1)), glyphs)
    return [*words, *rows, *rest]


def strip(frame: Frame, width: int, most: int, glyphs: Glyphs) -> list[Text]:
    """Return the last `most` rows of the strip, each with its time in seconds."""
    gap = "  " if frame.slot >= SLOW else ""
    slots = max(1, (width - LABEL) // (1 + len(gap)))
    slots -= slots % TENS if slots > TENS else 0
    return [
        _cut(_label(f"{at:7.1f} s") + _glyphs(cells, glyphs, gap), width)
        for at, cells in strip_of(frame, slots, most)
    ]


def facts(frame: Frame) -> list[tuple[str, list[str]]]:
    """Return what the picture says in words, line by line."""
    return [
        (
            "time",
            [
                f"{frame.elapsed:5.1f} s{_of(frame.seconds, ' s')}",
                f"{frame.answered:4} calls answered{_of(frame.calls)}",
            ],
        ),
        (
            "rate",
            [
                f"{frame.reached:5.2f}/s let through, {_known(frame)} ({frame.share:.1f} %)",
                f"{frame.started:.2f}/s started",
            ],
        ),
        (
            "margin",
            [
                f"{HUNDRED * frame.margin:5.1f} %",
                f"a start every {frame.spacing * THOUSAND:.1f} ms",
            ],
        ),
        (
            "requests",
            [
                f"{frame.refused:3} refused",
                f"{frame.lost} lost",
                f"{frame.holds} holds",
                *_state(frame),
            ],
        ),
        (
            "waiting",
            [
                f"{frame.interactive:3} interactive",
                f"{frame.bulk:3} bulk",
                f"{frame.in_flight:2} in flight",
                _eta(frame),
            ],
        ),
    ]


def line(frame: Frame, cells: Iterable[Cell], glyphs: Glyphs) -> str:
    """Return a frame on one line, with the cells of starts at its end."""
    rate = f"{frame.reached:5.2f} of {frame.allowed or frame.kept:g}/s, margin {HUNDRED * frame.margin:4.1f} %"
    requests = f"{frame.refused} refused, {frame.lost} lost, {frame.holds} holds{' (held)' if frame.holding else ''}"
    waiting = (
        f"waiting {frame.interactive}+{frame.bulk}, {frame.in_flight} in flight, {_eta(frame)}"
    )
    starts = "".join(glyphs[cell] for cell in cells)
    return f"{frame.elapsed:5.1f} s {frame.answered:4} calls, {rate}, {requests}, {waiting}  {starts}".rstrip()


def legend(glyphs: Glyphs) -> Text:
    """Return what each glyph means."""
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


def table(frame: Frame) -> Table:
    """Return the end's table."""
    drawn = Table("", frame.service, title="What the client saw")
    for name, value in summary(frame):
        drawn.add_row(name, value)
    return drawn


def _legend(glyphs: Glyphs) -> list[Text]:
    return [Text.assemble((glyphs[cell], STYLES[cell]), f" {cell.value}") for cell in Cell]


def _glyphs(cells: Sequence[Cell], glyphs: Glyphs, gap: str) -> Text:
    return Text(gap).join(Text.assemble((glyphs[cell], STYLES[cell])) for cell in cells)


def _label(label: str) -> Text:
    return Text.assemble((f"{label:<{LABEL}}", "dim"))


def _cut(text: Text, width: int) -> Text:
    text.truncate(width)
    return text


def _of(end: float | None, unit: str = "") -> str:
    return "" if end is None else f" of {end:g}{unit}"


def _known(frame: Frame) -> str:
    return f"{frame.kept:g}/s kept to" if frame.allowed is None else f"{frame.allowed:g}/s allowed"


def _state(frame: Frame) -> list[str]:
    return ["HELD: one probe at a time"] if frame.holding else []


def _eta(frame: Frame) -> str:
    return f"eta {frame.eta:.2f} s"
