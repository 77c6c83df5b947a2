"""The batch functions of FastCron: one request each, as large as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

from cronapi.cli.frame.again import EDIT_THAT_RUNS
from cronapi.cli.frame.targets import Named
from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import JOBS
from cronapi.cli.work.job_group import with_group_id
from cronapi.cli.work.job_params import params_of, tell_one_name
from cronapi.cli.work.rows import rows_of
from cronapi.cli.work.session import Session
from cronapi.cli.work.single import change
from cronapi.cli.work.targets import group_number, targets_of


async def add(session: Session, path: str) -> None:
    """Create the jobs of a file."""
    found = await rows_of(path, {}, partial(group_number, session))
    for note in found.notes:
        session.warn(note)
    rows = found.jobs
    await change(
        session,
        "cron.batch_add",
        {"data": rows},
        lambda: session.api.cron.batch_add(rows),
        would=f"add {counted(len(rows), 'job')} from {path}",
        kind=JOBS,
        rows=rows,
    )


async def edit(
    session: Session, named: Named, options: Mapping[str, Any], clear: Sequence[str]
) -> None:
    """Change the jobs that were named."""
    params = await _changes(session, options, clear)
    targets = await targets_of(session, named)
    if not targets:
        _nothing(session, "edit")
        return
    tell_one_name(session, targets, params)
    ids = [target.id for target in targets]
    await change(
        session,
        "cron.batch_edit",
        {"id": ids, **params},
        lambda: session.api.cron.batch_edit(ids, **params),
        would=f"edit {counted(len(ids), 'job')}",
        kind=JOBS,
        targets=targets,
    )


async def delete(session: Session, named: Named) -> None:
    """Delete the jobs that were named."""
    targets = await targets_of(session, named)
    if not targets:
        _nothing(session, "delete")
        return
    ids = [target.id for target in targets]
    await change(
        session,
        "cron.batch_delete",
        {"id": ids},
        lambda: session.api.cron.batch_delete(ids),
        would=f"delete {counted(len(ids), 'job')}",
        asks=True,
        kind=JOBS,
        targets=targets,
    )


async def edit_group(
    session: Session, group: str, options: Mapping[str, Any], clear: Sequence[str]
) -> None:
    """Change the jobs of a group, given by its id or its name."""
    params = await _changes(session, options, clear)
    id = await group_number(session, group)
    await change(
        session,
        "cron.group_edit",
        {"id": id, **params},
        lambda: session.api.cron.group_edit(id, **params),
        would=f"edit all jobs of the group {id}",
        asks=True,
        kind=JOBS,
    )


def _nothing(session: Session, verb: str) -> None:
    """Write an empty result: a batch of no job would be a request for nothing."""
    session.say(f"Nothing to {verb}.")
    session.show_all([], JOBS)


async def _changes(
    session: Session, options: Mapping[str, Any], clear: Sequence[str]
) -> dict[str, Any]:
    params = params_of(await with_group_id(session, options), clear)
    if not params:
        raise click.UsageError("Nothing to change: give at least one field, such as --expression.")
    if params.get("run"):
        session.again = EDIT_THAT_RUNS
    return params
