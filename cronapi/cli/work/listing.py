"""Reading jobs: a list as its pages come, one job, or several at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from cronapi.cli.frame.targets import Named
from cronapi.cli.show.columns import JOBS
from cronapi.cli.work.deeds import Deed, run_bulk
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import chosen_jobs, targets_of
from cronapi.models import CronJob
from cronapi.namespaces._iterate import job_filter


async def list_jobs(
    session: Session,
    search: str | None,
    page: int | None,
    *,
    group: str | None,
    statuses: Sequence[str],
    match: str | None,
) -> None:
    """Write the jobs that fit, as they arrive."""
    session.printer.check(JOBS)
    chosen = await chosen_jobs(session, group=group, match=match)
    wanted = [job_filter(status, None, None) for status in statuses]
    read = 0

    async def fitting() -> AsyncIterator[CronJob]:
        nonlocal read
        async for job in _jobs(session, search, page):
            read += 1
            if chosen.passes(job) and (not wanted or any(one.passes(job) for one in wanted)):
                yield job

    shown = await session.printer.stream(fitting(), JOBS)
    if session.draws:
        of = f"{shown} of {read}" if statuses or group or match else f"{shown}"
        session.say(f"{of} job{'' if read == 1 else 's'}")


async def _jobs(session: Session, search: str | None, page: int | None) -> AsyncIterator[CronJob]:
    if page is None:
        async for job in session.api.cron.iterate(keyword=search):
            yield job
    else:
        for job in await session.api.cron.list(page=page, keyword=search):
            yield job


async def get_jobs(session: Session, named: Named) -> None:
    """Write the jobs that were named: one as an object, several as a list."""
    targets = await targets_of(session, named)
    ids = [target.id for target in targets]
    if len(ids) == 1 and named.ids:
        session.show(await session.api.cron.get(ids[0]))
        return
    await run_bulk(session, GET, ids)


def _get_many(client: Any, ids: Any, **options: Any) -> Any:
    return client.cron.get_many(ids, **options)


GET = Deed("cron.get", "get", _get_many, reads=True)
