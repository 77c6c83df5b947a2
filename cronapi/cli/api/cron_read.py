"""`cronapi cron list|get|find|next`: reading jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cronapi.cli.frame.leaf import READS, READS_ONE, leaf
from cronapi.cli.frame.targets import ID, Named, by_group, by_match, by_name, named_jobs

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session

STATUSES = ("active", "disabled", "expired", "inactive", "failed")
_MEANT = {"failing": "--failing", "paused": "--status disabled", "enabled": "--status active"}


class Status(click.Choice[str]):
    """A status of a job. A word that people use for one is an error that names it."""

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the status."""
        if value in _MEANT:
            self.fail(f"{value!r} is no status. Did you mean {_MEANT[value]!r}?", param, ctx)
        return super().convert(value, param, ctx)


@leaf(READS, "jobs")
@click.option("--search", metavar="TEXT", help="The service's search in name, id and URL.")
@click.option(
    "--page", type=click.IntRange(1), metavar="N", help="One page of up to 1,000; else all."
)
@by_group
@click.option(
    "--status",
    "statuses",
    type=Status(STATUSES),
    multiple=True,
    metavar="STATUS",
    help=f"Any of: {', '.join(STATUSES)}; may be repeated.",
)
@click.option("--failing", is_flag=True, help="Jobs whose last run failed: FAIL is not 0.")
@by_match
async def cron_list(
    session: Session,
    search: str | None,
    page: int | None,
    group: tuple[str, ...],
    statuses: tuple[str, ...],
    failing: bool,
    match: tuple[str, ...],
) -> None:
    """List the jobs, all or some.

    All pages are read, one request each. --group, --status, --failing and --match choose among the
    jobs that were read.
    """
    from cronapi.cli.work.listing import Wanted, list_jobs  # noqa: PLC0415 -- imports the client

    await list_jobs(session, search, page, Wanted(group, statuses, match, failing))


@leaf(READS_ONE, "jobs")
@named_jobs()
async def cron_get(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
) -> None:
    """Show jobs.

    Several are read from pages of the list where that takes fewer requests.
    """
    from cronapi.cli.work.listing import get_jobs  # noqa: PLC0415 -- imports the client

    await get_jobs(session, Named(ids, name, match, ids_from, group))


@leaf(READS_ONE, "jobs")
@click.argument("name")
async def cron_find(session: Session, name: str) -> None:
    """Show the job of exactly this name.

    Exit code 5 if there is none. Several are exit code 64, with their ids.
    """
    from cronapi.cli.work.targets import found_job  # noqa: PLC0415 -- imports the client

    session.show(await found_job(session, name))


@leaf(READS_ONE, "times")
@click.argument("id", type=ID, required=False)
@by_name
async def cron_next(session: Session, id: int | None, name: str | None) -> None:
    """List the times at which a job will run (FastCron).

    Up to 100, queued runs among them.
    """
    from cronapi.cli.show.columns import TIMES  # noqa: PLC0415 -- imports the models
    from cronapi.cli.work.targets import one_job  # noqa: PLC0415 -- imports the client

    target = await one_job(session, id, name)
    session.show_all(await session.api.cron.next(target.id), TIMES)
