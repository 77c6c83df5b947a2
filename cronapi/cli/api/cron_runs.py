"""`cronapi cron run|logs|failures`: the runs of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cronapi.cli.frame.leaf import CHANGES, READS_ONE, leaf
from cronapi.cli.frame.targets import ID, Named, by_name, named_jobs
from cronapi.cli.frame.values import MOMENT, SPAN

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(CHANGES, "queued")
@named_jobs()
@click.option("--time", type=MOMENT, help="When: ISO 8601 with a zone, Unix seconds or +15m.")
@click.option("--payload", metavar="TEXT", help="The body of this run: text, ${NAME}, @FILE, -.")
@click.option("--wait", is_flag=True, help="Wait for its end: one request each 15 s.")
async def cron_run(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
    time: int | None,
    payload: str | None,
    wait: bool,
) -> None:
    """Queue one run of a job and print its time.

    Of several jobs, one run each. It asks nothing: -n names the jobs first.

    With --wait the exit code is 0 if the run succeeded, and 1 if it failed.
    """
    from cronapi.cli.work import runs  # noqa: PLC0415 -- imports the client

    named = Named(ids, name, match, ids_from, group)
    await runs.run(session, named, time, payload, wait=wait)


@leaf(READS_ONE, "runs")
@named_jobs()
@click.option("--search", metavar="TEXT", help="The service's search in the runs.")
@click.option("--failed", is_flag=True, help="Failed runs only.")
@click.option("--since", type=SPAN, help="Runs of the last 90s, 15m, 2h or 1d.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="At most N runs.")
@click.option(
    "--output-of",
    type=int,
    metavar="NO",
    help="Print the output of the run with this number whole.",
)
async def cron_logs(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
    search: str | None,
    failed: bool,
    since: float | None,
    last: int | None,
    output_of: int | None,
) -> None:
    """List the runs of jobs.

    A table shows the first 200 characters of an output, and its control characters as escapes. Each
    job costs a request, and --last and --since hold for each.
    """
    from cronapi.cli.work import runs  # noqa: PLC0415 -- imports the client

    chosen = runs.Chosen(failed=failed, since=since, last=last, output_of=output_of)
    await runs.logs(session, Named(ids, name, match, ids_from, group), search, chosen)


@leaf(READS_ONE, "runs")
@click.argument("id", type=ID, required=False)
@by_name
@click.option("--search", metavar="TEXT", help="The service's search in the runs.")
@click.option("--since", type=SPAN, help="Runs of the last 90s, 15m, 2h or 1d.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="At most N runs.")
async def cron_failures(
    session: Session,
    id: int | None,
    name: str | None,
    search: str | None,
    since: float | None,
    last: int | None,
) -> None:
    """List the failed runs of a job, or of all jobs.

    FastCron wants an id since 2024-08. Without one the list of jobs is read as well, to name the
    job of each run.
    """
    from cronapi.cli.work import runs  # noqa: PLC0415 -- imports the client

    await runs.failures(session, id, name, search, runs.Chosen(since=since, last=last))
