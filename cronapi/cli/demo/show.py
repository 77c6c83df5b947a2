"""The whole of `cronapi demo`: the opening line, the progress, the table and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from rich.console import Console

from cronapi.cli.demo.report import ServiceReport
from cronapi.cli.demo.run import PLANS, ServicePlan, emulate, run
from cronapi.cli.demo.screen import Screen, screen_for, table


def show_demo(speed: float) -> bool:
    """Run the demo with limits `speed` times as high, and return True if all went well."""
    console = Console()
    plans = [plan.faster(speed) for plan in PLANS]
    print_opening(console, plans)
    return print_result(console, run_plans(screen_for(console), plans))


def run_plans(screen: Screen, plans: Sequence[ServicePlan]) -> list[ServiceReport]:
    """Run the plans at an emulator of their own, with the progress on a screen."""
    app = emulate(plans)
    with closing(app.emulator), screen:
        return run(app, plans, screen.show, screen.pause)


def print_opening(console: Console, plans: Sequence[ServicePlan]) -> None:
    """Print the number of coroutines and the limit of each service."""
    services = [
        f"{plan.coroutines} coroutines at {plan.provider.name} ({plan.provider.rate.limit:g}/s)"
        for plan in plans
    ]
    line = f"{' and '.join(services)}, at a local emulator."
    console.print(line, highlight=False, soft_wrap=True)


def print_result(console: Console, reports: Sequence[ServiceReport]) -> bool:
    """Print the table, the errors and the verdict, and return True if all went well."""
    console.print(table(reports))
    for report in reports:
        for error in report.errors:
            console.print(f"{report.name}: {error}", style="red", highlight=False, markup=False)
    sound = all(report.sound for report in reports)
    verdict = (
        "Every call was answered, every job is there once."
        if sound
        else "Something was lost or duplicated: see the table."
    )
    console.print(verdict, highlight=False)
    return sound
