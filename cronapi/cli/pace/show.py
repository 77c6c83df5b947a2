"""The pace from its first line to its last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TypedDict, Unpack

from attrs import evolve
from rich.console import Console

from cronapi.cli.pace.run import Outcome, Plan, run
from cronapi.cli.pace.screen import Screen, screen_for, table
from cronapi.emulator import DEFAULT_TOKEN, create_app, run_in_thread
from cronapi.providers import Provider, Rate

PATHS = {"setcronjob": "/api/", "fastcron": "/api/v1/"}


class Options(TypedDict):
    """What the command line asks for; rates are in requests a second, None is the service's own."""

    rate: float | None
    limit: float | None
    calls: int | None
    seconds: float | None
    callers: int
    interactive: int


def perform(
    provider: Provider, *, emulated: bool, token: str | None, **options: Unpack[Options]
) -> bool:
    """Show the pace at a service, or at an emulator of it, and return whether every call was answered."""
    console = Console()
    plan = Plan(
        provider=provider,
        token=token or DEFAULT_TOKEN,
        rate=provider.rate if options["rate"] is None else Rate(options["rate"]),
        allowed=(options["limit"] or provider.rate.limit) if emulated else None,
        calls=options["calls"],
        seconds=options["seconds"],
        callers=options["callers"],
        interactive=options["interactive"],
    )
    if not emulated:
        return conclude(console, _show(screen_for(console), plan))
    with _emulator(plan) as there:
        return conclude(console, _show(screen_for(console), there))


def conclude(console: Console, outcome: Outcome) -> bool:
    """Print the table and what went wrong, and return whether every call was answered."""
    console.print(table(outcome.frame))
    for error in outcome.errors:
        console.print(error, style="red", highlight=False, markup=False, soft_wrap=True)
    early = "Stopped early: " if outcome.stopped else ""
    said = "a call failed for good." if outcome.errors else "no call failed."
    console.print(f"{early}{said}" if early else said.capitalize(), highlight=False)
    return not outcome.errors


def _show(screen: Screen, plan: Plan) -> Outcome:
    with screen:
        return run(plan, screen.show, screen.pause)


@contextmanager
def _emulator(plan: Plan) -> Iterator[Plan]:
    """Serve an emulator with the plan's limit while inside, and give the plan with its address."""
    app = create_app(tokens=(plan.token,), rates={plan.provider.name: plan.allowed})
    with closing(app.emulator), run_in_thread(app) as origin:
        yield evolve(
            plan, provider=evolve(plan.provider, base_url=origin + PATHS[plan.provider.name])
        )
