"""The options of `cronapi emulator` that say how the services behave and how jobs run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = [
    click.option(
        "--strict/--lenient",
        default=True,
        show_default=True,
        help="Refuse unknown parameters, or leave them out of account.",
    ),
    click.option(
        "--undocumented",
        multiple=True,
        metavar="NAME",
        envvar="CRONAPI_EMULATOR_UNDOCUMENTED",
        help="Function, parameter or header of another era to take too; may be repeated.",
    ),
    click.option(
        "--limit-by",
        default="address",
        show_default=True,
        type=click.Choice(["address", "token"]),
        help="Whose requests are counted together.",
    ),
    click.option(
        "--error-status",
        default=200,
        show_default=True,
        type=click.IntRange(200, 599),
        help="HTTP status of API errors.",
    ),
    click.option(
        "--log-shape",
        default="era",
        show_default=True,
        type=click.Choice(["era", "object", "flat", "list", "string"]),
        metavar="SHAPE",
        help="Shape of log rows: object, flat, list or string; by default that of the era.",
    ),
    click.option(
        "--page-size",
        default=1000,
        show_default=True,
        type=click.IntRange(1),
        help="Jobs on a page of the list.",
    ),
    click.option("--max-batch", type=click.IntRange(1), help="Items that a batch may have."),
    click.option(
        "--plan",
        default="pro",
        show_default=True,
        type=click.Choice(["free", "pro"]),
        help="Whose rules disable a failing job.",
    ),
    click.option(
        "--refuse-localhost", is_flag=True, help="Refuse jobs that call localhost, by its names."
    ),
    click.option(
        "--seed-data",
        type=click.Path(exists=True, dir_okay=False),
        help="JSON file of groups and jobs to add, unless there were jobs before.",
    ),
    click.option(
        "--random-seed",
        "seed",
        default=0,
        show_default=True,
        envvar="CRONAPI_EMULATOR_RANDOM_SEED",
        help="Number that fixes all draws.",
    ),
    click.option(
        "--clock",
        default="real",
        show_default=True,
        metavar="real|frozen|TIME",
        help="Time at the start: today's, today's but standing still, or an ISO time.",
    ),
    click.option(
        "--scale",
        type=click.FloatRange(0),
        help="Seconds of the clock by real second.",
    ),
    click.option(
        "--execute",
        default="fake",
        show_default=True,
        type=click.Choice(["off", "fake", "loopback", "any"]),
        help="How jobs run: not, pretended, calling this machine alone, or calling any address.",
    ),
    click.option("--webhook", metavar="URL", help="URL to post notifications to."),
    click.option(
        "--admin-token", help="Token by which other machines may steer it, under /_emulator/."
    ),
    click.option("--no-admin", is_flag=True, help="Let nobody steer it."),
    click.option(
        "--faults-by-header", is_flag=True, help="Let requests ask for faults: X-Emulator-Fault."
    ),
    click.option("--json-log", is_flag=True, help="Print each request as a line of JSON."),
    click.option("--quiet", is_flag=True, help="Print no greeting."),
]


def behaviour_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
