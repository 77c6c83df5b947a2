"""The functions of groups."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import GROUPS, JOBS
from cronapi.cli.work.dry_run import cost_of, dry_run
from cronapi.cli.work.session import Session
from cronapi.cli.work.single import change
from cronapi.cli.work.targets import group_id, one_group

_REMOVALS = {"group.empty": "delete the jobs of", "group.vanish": "delete, with its jobs,"}


async def list_all(session: Session) -> None:
    """Write all groups."""
    session.printer.check(GROUPS)
    session.show_all(await session.api.group.list(), GROUPS)


async def lookup(session: Session, name: str) -> None:
    """Write the groups of a name."""
    session.printer.check(GROUPS)
    session.show_all(await session.api.group.lookup(name), GROUPS)


async def items(session: Session, id: int | None, name: str | None) -> None:
    """Write the jobs of a group."""
    session.printer.check(JOBS)
    number = await group_id(session, id, name)
    session.show_all(await session.api.group.items(number), JOBS)


async def add(
    session: Session, name: str, auto_delete: int | None, contacts: Sequence[int]
) -> None:
    """Create a group."""
    params = {"name": name, "auto_delete": auto_delete, "contacts": list(contacts) or None}
    await change(
        session,
        "group.add",
        {key: value for key, value in params.items() if value is not None},
        lambda: session.api.group.add(
            name, auto_delete=auto_delete, contacts=list(contacts) or None
        ),
        would=f"add the group {name}",
    )


async def edit(
    session: Session,
    id: int,
    name: str | None,
    auto_delete: int | None,
    contacts: Sequence[int],
) -> None:
    """Change a group."""
    params = {"name": name, "auto_delete": auto_delete, "contacts": list(contacts) or None}
    given = {key: value for key, value in params.items() if value is not None}
    if not given:
        raise click.UsageError("Nothing to change: give --name, --auto-delete or --contacts.")
    await change(
        session,
        "group.edit",
        {"id": id, **given},
        lambda: session.api.group.edit(
            id, name=name, auto_delete=auto_delete, contacts=list(contacts) or None
        ),
        would=f"edit the group {id}",
    )


async def delete(session: Session, id: int | None, name: str | None) -> None:
    """Delete a group, and keep its jobs."""
    number = await group_id(session, id, name)
    shown = f"{name} ({number})" if name else str(number)
    await change(
        session,
        "group.delete",
        {"id": number},
        lambda: session.api.group.delete(number),
        would=f"delete the group {shown}, and keep its jobs",
        asks=True,
    )


async def remove_jobs(session: Session, function: str, id: int | None, name: str | None) -> None:
    """Delete the jobs of a group, or the group as well, after its name was typed."""
    if session.common.dry_run and id is not None:
        would = f"{_REMOVALS[function]} the group {id}"
        dry_run(session, function, {"id": id}, cost=cost_of(session, 2), would=would, asks=True)
        return
    group = await one_group(session, id, name)
    would = f"{_REMOVALS[function]} the group {group.name} ({group.id})"
    count = group.job_count
    if count is None:  # an answer of one group need not have it, and somebody is to agree to it
        count = len(await session.api.group.items(group.id))
    would += f": {counted(count, 'job')}"
    if session.common.dry_run:
        dry_run(
            session, function, {"id": group.id}, cost=cost_of(session, 1), would=would, asks=True
        )
        return
    session.confirm_name(f"About to {would}. Type the group's name.", group.name or "", name)
    api = session.api.group
    remove = api.empty if function == "group.empty" else api.vanish
    session.show(await remove(group.id))
