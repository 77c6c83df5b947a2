"""Reading jobs: a list as its pages come, one job, or several at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from cronapi.cli.frame.targets import Named
from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import JOBS
from cronapi.cli.work.deeds import Deed, run_bulk
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import chosen_jobs, targets_of
from cronapi.models import CronJob


class Wanted(NamedTuple):
    """The jobs that are to be listed: of any of the groups, and so on. Nothing means all."""

    groups: Sequence[str] = ()
    statuses: Sequence[str] = ()
    matches: Sequence[str] = ()
    failing: bool = False


async def list_jobs(
    session: Session,
    search: str | None,
    page: int | None,
    wanted: Wanted,
) -> None:
    """Write the jobs that fit, as they arrive."""
    session.printer.check(JOBS)
    choice = await chosen_jobs(session, wanted.groups, wanted.matches, wanted.statuses)
    read = 0

    async def fitting() -> AsyncIterator[CronJob]:
        nonlocal read
        async for job in _jobs(session, search, page):
            read += 1
            if choice.fits(job) and (job.fail or not wanted.failing):
                yield job

    shown = await session.printer.stream(fitting(), JOBS)
    choice.tell(session, read="" if search is None and page is None else " that was read")
    if session.draws:
        of = f"{shown} of " if any(wanted) else ""
        session.say(f"{of}{counted(read, 'job')}")


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
    elif ids:
        await run_bulk(session, GET, ids)
    else:
        session.show_all([], JOBS)


def _get_many(client: Any, ids: Any, **options: Any) -> Any:
    return client.cron.get_many(ids, **options)


GET = Deed("cron.get", "get", _get_many, reads=True)
