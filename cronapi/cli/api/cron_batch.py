"""`cronapi cron batch-add|batch-edit|batch-delete|group-edit`: one request for several jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cronapi.cli.frame.job_options import clear_option, job_options
from cronapi.cli.frame.leaf import CHANGES, leaf
from cronapi.cli.frame.targets import Named, named_jobs

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(CHANGES, "jobs")
@click.argument("file")
async def cron_batch_add(session: Session, file: str) -> None:
    """Create jobs with one request (FastCron).

    FILE is as for `cron add --from`, which makes batches of any number of rows. A name need not be
    unique; `cronapi cron ensure` looks for it first.
    """
    from cronapi.cli.work import batches  # noqa: PLC0415 -- imports the client

    await batches.add(session, file)


@leaf(CHANGES, "jobs")
@named_jobs(group=False)
@job_options()
@clear_option
async def cron_batch_edit(
    session: Session,
    ids: tuple[int, ...],
    match: tuple[str, ...],
    ids_from: str | None,
    clear: tuple[str, ...],
    **options: Any,
) -> None:
    """Change jobs alike with one request (FastCron).

    FastCron had it until 2025-08. It asks nothing: -n names the jobs first.
    """
    from cronapi.cli.work import batches  # noqa: PLC0415 -- imports the client

    await batches.edit(session, Named(ids, None, match, ids_from), options, clear)


@leaf(CHANGES, "jobs")
@named_jobs()
async def cron_batch_delete(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
) -> None:
    """Delete jobs with one request (FastCron).

    It asks first. `cron delete` makes batches of any number of jobs.
    """
    from cronapi.cli.work import batches  # noqa: PLC0415 -- imports the client

    await batches.delete(session, Named(ids, name, match, ids_from, group))


@leaf(CHANGES, "jobs")
@click.argument("group_id", metavar="GROUP")
@job_options()
@clear_option
async def cron_group_edit(
    session: Session, group_id: str, clear: tuple[str, ...], **options: Any
) -> None:
    """Change all jobs of a group alike (FastCron).

    GROUP is its id or its name. FastCron had it until 2026-05. It asks first.
    """
    from cronapi.cli.work import batches  # noqa: PLC0415 -- imports the client

    await batches.edit_group(session, group_id, options, clear)
