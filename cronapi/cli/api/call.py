"""`cronapi call FUNCTION`: any function by its name, with its raw data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cronapi.cli.frame.leaf import CHANGES, leaf

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(CHANGES, "raw")
@click.argument("function")
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON]...")
async def call(session: Session, function: str, parameters: tuple[str, ...]) -> None:
    """Call any function by its name and print its raw data.

    KEY=VALUE gives a text, and KEY:=JSON gives JSON, as in `cronapi call cron.get id:=5`. Texts
    take ${NAME} from the environment, @FILE, and - for standard input. A function that cronapi does
    not know may create something, so it is not repeated after a lost answer.
    """
    from cronapi.cli.work.calling import call_function  # noqa: PLC0415 -- imports the client

    await call_function(session, function, parameters)


def call_of(function: str) -> click.Command:
    """Return a command that calls a function with raw parameters."""

    async def work(session: Session, parameters: tuple[str, ...]) -> None:
        from cronapi.cli.work.calling import call_function  # noqa: PLC0415 -- imports the client

        await call_function(session, function, parameters)

    work.__doc__ = f"Call {function} and print its raw data."
    return leaf(CHANGES, "raw")(
        click.argument("parameters", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON]...")(work)
    )
