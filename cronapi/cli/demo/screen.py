"""What the demo shows while it works and at the end: bars on a terminal, plain lines elsewhere, a table in both cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from cronapi.cli.demo.report import Report, rows
from cronapi.cli.demo.run import Snapshot

BAR_PAUSE, LINE_PAUSE = 0.25, 5.0
"""Seconds between two looks."""


class Screen(Protocol):
    """Where progress is shown, every `pause` seconds, while inside."""

    pause: float

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, snapshots: Sequence[Snapshot]) -> None:
        """Show how far the services are."""


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
        self._progress = Progress(*columns, console=console, auto_refresh=False)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        """Move the bars."""
        for one in snapshots:
            task = self._tasks.get(one.name)
            if task is None:
                task = self._tasks[one.name] = self._progress.add_task(one.name, facts="")
            self._progress.update(task, completed=one.done, total=one.total, facts=facts(one))
        self._progress.refresh()


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
            self._console.print(
                f"{one.name:<10} {one.done:>4}/{one.total} {facts(one)}",
                highlight=False,
                soft_wrap=True,
            )


def screen_for(console: Console) -> Screen:
    """Return bars for a terminal and lines for anything else."""
    return Bars(console) if console.is_terminal else Lines(console)


def facts(one: Snapshot) -> str:
    """Return the numbers of a service on one line."""
    return f"{one.rate:5.2f} of {one.allowed:g}/s, {one.waiting:>3} waiting, {one.refused} x 503, {one.left:.0f} s left"


def table(reports: Sequence[Report]) -> Table:
    """Return the end's table, a column for each service."""
    drawn = Table("", *(report.name for report in reports), title="What the services counted")
    for lines in zip(*(rows(report) for report in reports), strict=True):
        drawn.add_row(lines[0][0], *(text for _, text in lines))
    return drawn
