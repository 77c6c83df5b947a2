"""The places that show progress: bars on a terminal, plain lines elsewhere, a table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table

from cronapi.cli.demo.report import ServiceReport, rows
from cronapi.cli.demo.run import Snapshot

BAR_PAUSE, LINE_PAUSE = 0.25, 5.0
"""Seconds between two looks."""


class Screen(Protocol):
    """A context in which progress is shown every `pause` seconds."""

    pause: float

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, snapshots: Sequence[Snapshot]) -> None:
        """Show the progress of all services."""


class Bars:
    """One live bar for each service."""

    pause = BAR_PAUSE

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
        )
        self.progress: Progress = Progress(*columns, console=console, auto_refresh=False)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        """Move the bars."""
        for one in snapshots:
            task = self._tasks.get(one.name)
            if task is None:
                task = self._tasks[one.name] = self.progress.add_task(one.name, facts="")
            self.progress.update(task, completed=one.done, total=one.total, facts=facts(one))
        self.progress.refresh()


class Lines:
    """One plain line for each service."""

    pause = LINE_PAUSE

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        """Print the lines."""
        for one in snapshots:
            line = f"{one.name:<10} {one.done:>4}/{one.total} {facts(one)}"
            self._console.print(line, highlight=False, soft_wrap=True)


def screen_for(console: Console) -> Screen:
    """Return bars for a terminal and lines for anything else."""
    return Bars(console) if console.is_terminal else Lines(console)


def facts(one: Snapshot) -> str:
    """Return the numbers of a service on one line."""
    rate = f"{one.rate:5.2f} of {one.allowed:g}/s"
    return f"{rate}, {one.waiting:>3} waiting, {one.refused} x 503, {one.left:.0f} s left"


def table(reports: Sequence[ServiceReport]) -> Table:
    """Return the table at the end, with a column for each service."""
    names = [report.name for report in reports]
    # A narrow table folds: cut figures would be worth nothing.
    columns = [Column(name, overflow="fold") for name in ("", *names)]
    drawn = Table(*columns, title="What the services counted", box=SIMPLE)
    for lines in zip(*(rows(report) for report in reports), strict=True):
        drawn.add_row(lines[0][0], *(text for _, text in lines))
    return drawn
