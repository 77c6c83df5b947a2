"""The places that show frames: a live picture on a terminal, plain lines elsewhere, a table."""

from __future__ import annotations

from typing import Protocol, Self

from rich.box import SIMPLE
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Column, Table

from cronapi.cli.pace.frame import Frame, cell_of, settled_after, summary
from cronapi.cli.pace.picture import Glyphs, draw, glyphs_for, legend, line

PICTURE_PAUSE, LINE_PAUSE = 0.2, 1.0
"""Seconds between two frames."""


class Screen(Protocol):
    """A context in which frames are shown, one every `pause` seconds."""

    pause: float

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, frame: Frame) -> None:
        """Show a frame."""


class Picture:
    """A frame, drawn as large as the space for it."""

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        self.frame = frame
        self.glyphs = glyphs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        yield from draw(
            self.frame, options.max_width, options.height or console.height, self.glyphs
        )


class Pictures:
    """A live picture that fills the terminal. The last one stays on it."""

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
        text = line(frame, map(cell_of, marks), self._glyphs)
        self._console.print(text, highlight=False, soft_wrap=True)


def screen_for(console: Console) -> Screen:
    """Return pictures for a terminal that can move its cursor, and lines for anything else."""
    if console.is_terminal and not console.is_dumb_terminal:
        return Pictures(console)
    return Lines(console)


def table(frame: Frame) -> Table:
    """Return the table at the end."""
    # A narrow table folds: cut figures would be worth nothing.
    columns = [Column(name, overflow="fold") for name in ("", frame.service)]
    drawn = Table(*columns, title="What the client saw", box=SIMPLE)
    for name, value in summary(frame):
        drawn.add_row(name, value)
    return drawn
