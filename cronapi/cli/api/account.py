"""`cronapi account ...`: the account that the token belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cronapi.cli.frame.leaf import CHANGES, READS, leaf

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(READS, "account")
async def account_get(session: Session) -> None:
    """Show the account (FastCron)."""
    session.show(await session.api.account.get())


@leaf(CHANGES, "account")
@click.option("--timezone", required=True, metavar="ZONE", help="IANA name.")
async def account_edit(session: Session, timezone: str) -> None:
    """Set the account's time zone."""
    from cronapi.cli.work.single import change  # noqa: PLC0415 -- imports the client

    await change(
        session,
        "account.edit",
        {"timezone": timezone},
        lambda: session.api.account.edit(timezone=timezone),
        would=f"set the account's time zone to {timezone}",
    )


@leaf(CHANGES, "account")
@click.argument("value")
async def account_secret(session: Session, value: str) -> None:
    """Set the text that stands for __secret__ (FastCron).

    VALUE is ${NAME} of the environment, @FILE, or - for standard input: a secret on the command
    line would stand in the process list.
    """
    from cronapi.cli.frame.values import expand, is_literal  # noqa: PLC0415 -- only this needs it
    from cronapi.cli.work.single import change  # noqa: PLC0415 -- imports the client

    if is_literal(value):
        raise click.BadParameter("give ${NAME}, @FILE or -.", param_hint="VALUE")
    secret = expand(value, "VALUE")
    await change(
        session,
        "account.secret",
        {"secret": secret},
        lambda: session.api.account.secret(secret),
        would="set the account's secret",
    )
