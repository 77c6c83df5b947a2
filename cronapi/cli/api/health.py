"""`cronapi health`: the jobs that are failing, late or disabled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cronapi.cli.frame.forms import Text
from cronapi.cli.frame.leaf import leaf

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session

FORMATS = ("table", "json", "openmetrics", "nagios", "github")
FAULTS = "failing,late,never_ran,disabled"
EXITS = (0, 1, 2, 3, 4, 7, 64, 130, 143)


@leaf(EXITS, Text("a report", ("json", "table")))
@click.option("--late", is_flag=True, help="Read logs too, and tell late jobs: 1 request a job.")
@click.option(
    "--budget",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    metavar="N",
    help="Most requests, those for the list included.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 10**9),
    default=60.0,
    metavar="S",
    help="Seconds that a run may be late: 60, and never less than its timeout.",
)
@click.option("--group", metavar="G", multiple=True, help="The jobs of a group, by id or name.")
@click.option("--match", metavar="GLOB", multiple=True, help="The jobs with such names: 'tmp *'.")
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    metavar="FORMAT",
    help=f"{', '.join(FORMATS)}. Default: table, and json with --json.",
)
@click.option(
    "--fail-on",
    default=FAULTS,
    metavar="STATES",
    help=f"States that end in exit code 2. Default: {FAULTS}.",
)
@click.option("--ping", metavar="URL", help="Dead man's switch to call at the end.")
async def health(
    session: Session,
    late: bool,
    budget: int,
    grace: float,
    group: tuple[str, ...],
    match: tuple[str, ...],
    format: str | None,
    fail_on: str,
    ping: str | None,
) -> None:
    """Tell which jobs are failing, late, disabled, or never ran.

    The list tells jobs that are disabled or failing. With --late logs are read too, those of
    failing jobs first and the others in turn, as far as the budget goes. The cost is told before.
    Jobs that were not looked at are counted as such. Exit code 2 if a job has a fault. With
    --format nagios, 3 if the check was not completed.

    --ping posts the last line of the table to a dead man's switch: to URL if the exit code is 0,
    else to URL/fail, as healthchecks.io has it. A check that could not be made calls nothing, and
    a ping that fails changes no exit code.
    """
    from cronapi.cli.work.health import Wanted, check_health  # noqa: PLC0415 -- imports the client

    for option, values in (("--group", group), ("--match", match)):
        if len(values) > 1:
            raise click.UsageError(f"health takes one {option}.")
    wanted = Wanted(late, budget, grace, _only(group), _only(match), format, fail_on, ping)
    await check_health(session, wanted)


def _only(values: tuple[str, ...]) -> str | None:
    return values[0] if values else None
