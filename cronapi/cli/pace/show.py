"""The whole of `cronapi pace`: the service, the picture while it runs, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TypedDict, Unpack

from attrs import evolve
from rich.console import Console

from cronapi.cli.local import at_emulator, at_loopback
from cronapi.cli.pace.run import PacePlan, PaceResult, run
from cronapi.cli.pace.screen import Screen, screen_for, table
from cronapi.emulator import DEFAULT_TOKEN, create_app, run_in_thread
from cronapi.providers import FASTCRON, SETCRONJOB, Rate

PROVIDERS = {provider.name: provider for provider in (SETCRONJOB, FASTCRON)}


class PaceOptions(TypedDict):
    """The command's options for the run.

    Rates are in requests a second, and None stands for the service's own.
    """

    rate: float | None
    limit: float | None
    calls: int | None
    seconds: float | None
    callers: int
    interactive: int


def show_pace(
    provider: str, url: str | None, token: str | None, **options: Unpack[PaceOptions]
) -> bool:
    """Show the pace at `url`, or at an emulator without one. Return True if no call failed.

    Raises click.BadParameter if `url` is not an address of this machine.
    """
    console = Console()
    service = PROVIDERS[provider] if url is None else at_loopback(PROVIDERS[provider], url)
    plan = PacePlan(
        provider=service,
        token=token or DEFAULT_TOKEN,
        rate=service.rate if options["rate"] is None else Rate(options["rate"]),
        allowed=(options["limit"] or service.rate.limit) if url is None else None,
        calls=options["calls"],
        seconds=options["seconds"],
        callers=options["callers"],
        interactive=options["interactive"],
    )
    if url is not None:
        return print_result(console, _run(screen_for(console), plan))
    with _emulator(plan) as emulated:
        return print_result(console, _run(screen_for(console), emulated))


def print_result(console: Console, result: PaceResult) -> bool:
    """Print the table and the errors, and return True if no call failed."""
    console.print(table(result.frame))
    for error in result.errors:
        console.print(error, style="red", highlight=False, markup=False, soft_wrap=True)
    verdict = "a call failed for good." if result.errors else "no call failed."
    console.print(
        f"Stopped early: {verdict}" if result.stopped else verdict.capitalize(), highlight=False
    )
    return not result.errors


def _run(screen: Screen, plan: PacePlan) -> PaceResult:
    with screen:
        return run(plan, screen.show, screen.pause)


@contextmanager
def _emulator(plan: PacePlan) -> Iterator[PacePlan]:
    """Serve an emulator with the plan's limit, and yield the plan with the emulator's address."""
    app = create_app(tokens=(plan.token,), rates={plan.provider.name: plan.allowed})
    with closing(app.emulator), run_in_thread(app) as origin:
        yield evolve(plan, provider=at_emulator(plan.provider, origin))
