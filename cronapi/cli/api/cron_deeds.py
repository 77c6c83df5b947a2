"""`cronapi cron enable|disable|pause|delete`: changes without parameters of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cronapi.cli.frame.leaf import CHANGES, leaf
from cronapi.cli.frame.targets import Named, named_jobs
from cronapi.cli.frame.values import SPAN

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(CHANGES, "jobs")
@named_jobs()
async def cron_enable(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
) -> None:
    """Let jobs run by their schedules again.

    It asks nothing: -n names the jobs first.
    """
    from cronapi.cli.work import job_deeds  # noqa: PLC0415 -- imports the client

    await job_deeds.do(session, job_deeds.ENABLE, Named(ids, name, match, ids_from, group))


@leaf(CHANGES, "jobs")
@named_jobs()
async def cron_disable(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
) -> None:
    """Stop jobs until they are enabled.

    It asks nothing: -n names the jobs first.
    """
    from cronapi.cli.work import job_deeds  # noqa: PLC0415 -- imports the client

    await job_deeds.do(session, job_deeds.DISABLE, Named(ids, name, match, ids_from, group))


@leaf(CHANGES, "paused")
@named_jobs()
@click.option("--for", "for_", type=SPAN, required=True, help="How long: 90s, 15m, 2h or 1d.")
async def cron_pause(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
    for_: float,
) -> None:
    """Stop jobs for a span of time.

    They resume by themselves at the time in `until`, by the clock of this machine. A repeat counts
    the span from then on. It asks nothing: -n names the jobs first.
    """
    from cronapi.cli.work import job_deeds  # noqa: PLC0415 -- imports the client

    await job_deeds.do(session, job_deeds.pause(for_), Named(ids, name, match, ids_from, group))


@leaf(CHANGES, "jobs")
@named_jobs()
async def cron_delete(
    session: Session,
    ids: tuple[int, ...],
    name: str | None,
    match: tuple[str, ...],
    ids_from: str | None,
    group: tuple[str, ...],
) -> None:
    """Delete jobs.

    It asks first, with the names of the jobs and the cost. Then it prints the jobs as they were.
    """
    from cronapi.cli.work import job_deeds  # noqa: PLC0415 -- imports the client

    await job_deeds.do(session, job_deeds.DELETE, Named(ids, name, match, ids_from, group))
