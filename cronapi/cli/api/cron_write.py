"""`cronapi cron add|edit|ensure`: jobs from parameters, one option each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cronapi.cli.frame.job_options import (
    clear_option,
    job_options,
    remove_header_option,
    set_header_option,
)
from cronapi.cli.frame.leaf import CHANGES, leaf
from cronapi.cli.frame.targets import Named, named_jobs

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(CHANGES, "jobs")
@job_options()
@click.option("--from", "from_", metavar="FILE", help="csv, jsonl, json or toml; - for stdin.")
@click.option("--journal", metavar="PATH", help="With --from: a file that makes it resumable.")
@click.option("--no-journal", is_flag=True, help="With --from: keep no journal.")
async def cron_add(
    session: Session, from_: str | None, journal: str | None, no_journal: bool, **options: Any
) -> None:
    """Create a job, or one for each row of a file.

    A name need not be unique: a second job of the same name is another job. `cronapi cron ensure`
    looks for the name first.

    Text options take ${NAME} from the environment, @FILE, and - for standard input. Rows name their
    group by id or name. More than 50 rows have a journal: the same command goes on after it was
    ended in any way.
    """
    from cronapi.cli.work import writing  # noqa: PLC0415 -- imports the client

    if from_ is None:
        await writing.add(session, options)
    else:
        await writing.add_from(session, options, from_, journal, no_journal=no_journal)


@leaf(CHANGES, "jobs")
@named_jobs(group=False)
@job_options()
@set_header_option
@remove_header_option
@clear_option
async def cron_edit(
    session: Session,
    ids: tuple[int, ...],
    match: tuple[str, ...],
    ids_from: str | None,
    set_header: tuple[str, ...],
    remove_header: tuple[str, ...],
    clear: tuple[str, ...],
    **options: Any,
) -> None:
    """Change the given fields of jobs.

    --name is the new name, and without ids, --match and --ids-from it names the job to change. One
    value serves all jobs. --header replaces all headers. --set-header and --remove-header keep the
    others, and read the jobs first. It asks nothing: -n names the jobs first.
    """
    from cronapi.cli.work import writing  # noqa: PLC0415 -- imports the client
    from cronapi.cli.work.job_params import HeaderChanges  # noqa: PLC0415 -- imports the client

    name = None if ids or match or ids_from is not None else options.pop("name")
    named = Named(ids, name, match, ids_from)
    some = HeaderChanges(set_header, remove_header)
    await writing.edit(session, named, options, some, clear)


@leaf(CHANGES, "ensured")
@click.argument("name")
@job_options("name")
async def cron_ensure(session: Session, name: str, **options: Any) -> None:
    """Create the job of this name, or edit it where it differs.

    Prints the job, and `created`, `edited` or `unchanged` as its `result`.
    """
    from cronapi.cli.work import writing  # noqa: PLC0415 -- imports the client

    await writing.ensure(session, name, options)
