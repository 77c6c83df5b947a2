"""The demo from its first line to its last."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from rich.console import Console

from cronapi.cli.demo.report import Report
from cronapi.cli.demo.run import PLANS, Plan, emulate, run
from cronapi.cli.demo.screen import Screen, screen_for, table
from cronapi.emulator import App


def perform(speed: float) -> bool:
    """Run the demo with limits raised `speed` times, and return whether all is sound."""
    console = Console()
    plans = [plan.faster(speed) for plan in PLANS]
    console.print(_opening(plans), highlight=False, soft_wrap=True)
    app = emulate(plans)
    with closing(app.emulator):
        return conclude(console, _run(screen_for(console), app, plans))


def _run(screen: Screen, app: App, plans: Sequence[Plan]) -> list[Report]:
    with screen:
        return run(app, plans, screen.show, screen.pause)


def conclude(console: Console, reports: Sequence[Report]) -> bool:
    """Print the table and what went wrong, and return whether all is sound."""
    console.print(table(reports))
    for report in reports:
        for error in report.errors:
            console.print(f"{report.name}: {error}", style="red", highlight=False, markup=False)
    sound = all(report.sound for report in reports)
    console.print(
        "Every call was answered, every job is there once."
        if sound
        else "Not everything is as it was told.",
        highlight=False,
    )
    return sound


def _opening(plans: Sequence[Plan]) -> str:
    parts = [
        f"{plan.coroutines} coroutines at {plan.provider.name} ({plan.provider.rate.limit:g}/s)"
        for plan in plans
    ]
    return f"{' and '.join(parts)}, at a local emulator."
