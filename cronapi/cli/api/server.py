"""`cronapi server ...`: facts about SetCronJob's servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.cli.frame.leaf import READS, leaf

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(READS, "times")
async def server_time(session: Session) -> None:
    """Show the service's time."""
    session.show(await session.api.server.time())


@leaf(READS, "texts")
async def server_timezones(session: Session) -> None:
    """List the time zones that jobs may have."""
    from cronapi.cli.show.columns import TEXTS  # noqa: PLC0415 -- imports the models

    session.show_all([*await session.api.server.timezones()], TEXTS)


@leaf(READS, "texts")
async def server_useragent(session: Session) -> None:
    """Show the User-Agent with which jobs are called."""
    session.show(await session.api.server.useragent())


@leaf(READS, "addresses")
async def server_ip(session: Session) -> None:
    """List the addresses from which jobs are called."""
    from cronapi.cli.show.columns import ADDRESSES  # noqa: PLC0415 -- imports the models

    found = await session.api.server.ip()
    rows = [{"server": name, "v4": one.v4, "v6": one.v6} for name, one in found.items()]
    session.show_all([*rows], ADDRESSES)
