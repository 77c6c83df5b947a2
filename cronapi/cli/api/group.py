"""`cronapi group ...`: the groups of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cronapi.cli.frame.leaf import CHANGES, READS, READS_ONE, leaf
from cronapi.cli.frame.targets import ID, by_name, one_id

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session

_auto_delete = click.option(
    "--auto-delete", type=int, metavar="DAYS", help="Days after a one-time job stopped: 0 to 30."
)
_contacts = click.option(
    "--contacts", type=ID, multiple=True, metavar="ID", help="A contact; may be repeated."
)


@leaf(READS, "groups")
async def group_list(session: Session) -> None:
    """List the groups."""
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.list_all(session)


@leaf(READS_ONE, "groups")
@one_id
@by_name
async def group_get(session: Session, id: int | None, name: str | None) -> None:
    """Show a group."""
    from cronapi.cli.work import targets  # noqa: PLC0415 -- imports the client

    targets.check_one_group(id, name)
    session.show(await targets.one_group(session, id, name))


@leaf(READS, "groups")
@click.argument("name")
async def group_lookup(session: Session, name: str) -> None:
    """List the groups of exactly this name."""
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.lookup(session, name)


@leaf(CHANGES, "groups")
@click.argument("name")
@_auto_delete
@_contacts
async def group_add(
    session: Session, name: str, auto_delete: int | None, contacts: tuple[int, ...]
) -> None:
    """Create a group.

    A name need not be unique: `cronapi group lookup` tells if there is one.
    """
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.add(session, name, auto_delete, contacts)


@leaf(CHANGES, "groups")
@click.argument("id", type=ID)
@click.option("--name", metavar="TEXT", help="The new name.")
@_auto_delete
@_contacts
async def group_edit(
    session: Session,
    id: int,
    name: str | None,
    auto_delete: int | None,
    contacts: tuple[int, ...],
) -> None:
    """Change the given fields of a group."""
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.edit(session, id, name, auto_delete, contacts)


@leaf(READS_ONE, "jobs")
@one_id
@by_name
async def group_items(session: Session, id: int | None, name: str | None) -> None:
    """List the jobs of a group."""
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.items(session, id, name)


@leaf(CHANGES, "groups")
@one_id
@by_name
async def group_delete(session: Session, id: int | None, name: str | None) -> None:
    """Delete a group and keep its jobs.

    It asks first.
    """
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.delete(session, id, name)


@leaf(CHANGES, "groups")
@one_id
@by_name
async def group_empty(session: Session, id: int | None, name: str | None) -> None:
    """Delete the jobs of a group.

    Asks for the group's name. With --yes, give it by --name.
    """
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.remove_jobs(session, "group.empty", id, name)


@leaf(CHANGES, "groups")
@one_id
@by_name
async def group_vanish(session: Session, id: int | None, name: str | None) -> None:
    """Delete a group and its jobs.

    Asks for the group's name. With --yes, give it by --name.
    """
    from cronapi.cli.work import groups  # noqa: PLC0415 -- imports the client

    await groups.remove_jobs(session, "group.vanish", id, name)
