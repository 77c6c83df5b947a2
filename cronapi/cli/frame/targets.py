"""The options that name jobs: ids, an exact name, a pattern, a group or a file of ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click

from cronapi.cli.frame.decorating import Decorator, F
from cronapi.cli.frame.values import ParamType


class Named(NamedTuple):
    """How jobs were named on the command line."""

    ids: tuple[int, ...] = ()
    name: str | None = None
    match: tuple[str, ...] = ()
    ids_from: str | None = None
    group: tuple[str, ...] = ()


class Id(ParamType):
    """The number of a job or group."""

    name = "id"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return the number, or say how a thing is named otherwise."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 -- 64 bits
            self.fail(f"an id is a number, not {text!r}; a name is given by --name.", param, ctx)
        return int(text)


ID = Id()
one_id: Decorator = click.argument("id", type=ID, required=False)
by_name: Decorator = click.option(
    "--name", metavar="EXACT", help="Its exact name, instead of an id."
)
by_match: Decorator = click.option(
    "--match",
    metavar="GLOB",
    multiple=True,
    help="Jobs with names like 'tmp *', case counts; may be repeated.",
)
by_group: Decorator = click.option(
    "--group",
    metavar="G",
    multiple=True,
    help="Jobs of a group, by id or name; may be repeated.",
)


def named_jobs(*, group: bool = True) -> Callable[[F], F]:
    """Add the arguments and options that name several jobs."""
    options = [
        click.argument("ids", type=ID, nargs=-1),
        by_match,
        click.option(
            "--ids-from", metavar="FILE", help="The jobs whose ids are in a file; - for stdin."
        ),
    ]
    if group:
        options += [
            click.option("--name", metavar="EXACT", help="The job of exactly this name."),
            by_group,
        ]

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
