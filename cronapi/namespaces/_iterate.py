"""The jobs of every page, and the filters that choose from them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from fnmatch import fnmatchcase

from attrs import frozen

from cronapi import _functions as table
from cronapi._calls.memory import Memory
from cronapi._calls.open_readings import ListReading
from cronapi._calls.pages import Reading
from cronapi._protocol.arguments import refusal
from cronapi._protocol.hints import nearest
from cronapi._protocol.kinds import an_id, text
from cronapi.errors.concerns import input_error
from cronapi.models import CronJob, Group, JobStatus
from cronapi.namespaces._invoke import Invoker

_STATUSES = {status.name.lower(): int(status) for status in JobStatus}


@frozen
class JobFilter:
    """Chooses jobs that were read. None lets every job pass. Group 0 is that of no group."""

    status: int | None
    group: int | None
    match: str | None

    def passes(self, job: CronJob) -> bool:
        """Return True if a job is chosen."""
        return (
            (self.status is None or job.status == self.status)
            and (self.group is None or (job.group or 0) == self.group)
            and (self.match is None or fnmatchcase(job.name or "", self.match))
        )


def job_filter(
    status: JobStatus | int | str | None, group: Group | int | None, match: str | None
) -> JobFilter:
    """Return a filter. ConfigurationError if one of its parts makes no sense."""
    number = group.id if isinstance(group, Group) else group
    return JobFilter(
        None if status is None else _status(status),
        None if number is None else int(an_id("group", number)),
        None if match is None else text("match", match),
    )


def _status(given: object) -> int:
    if isinstance(given, int) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, str) and given.isdecimal() and given.isascii():
        return int(an_id("status", given))
    if not isinstance(given, str):
        raise refusal("status", "a JobStatus, its name or its number", given, "input")
    if (number := _STATUSES.get(given.lower())) is not None:
        return number
    near = nearest(given, _STATUSES)
    end = "." if near is None else f"; did you mean {near!r}?"
    raise input_error(f"status must be one of {', '.join(_STATUSES)}, not {given!r}{end}")


async def every_page(
    invoke: Invoker, keyword: str | None, chosen: JobFilter
) -> AsyncGenerator[CronJob, None]:
    """Yield the chosen jobs of all pages, each once."""
    mark = ListReading()

    async def read(number: int) -> list[CronJob]:
        mark.go_on(is_under_way=True)
        params = {"page": number if number > 1 else None, "keyword": keyword}
        return await invoke(table.CRON_LIST, params, lane="bulk")

    reading = Reading(read, _id_of, invoke.caller.paging, search=bool(keyword))
    jobs = _down_and_up(reading, invoke.caller.memory)
    try:
        async for job in jobs:
            if chosen.passes(job):
                # In the task that asks for this job, which may not be that of the first.
                mark.go_on(is_under_way=False)
                yield job
    finally:
        mark.end()
        await jobs.aclose()


async def _down_and_up(reading: Reading[CronJob], memory: Memory) -> AsyncGenerator[CronJob, None]:
    """Yield the jobs of all pages, each once, and read up again if rows have moved."""
    losses, seen = memory.losses, set[int]()
    async with aclosing(_unseen(reading.down(), seen)) as jobs:
        async for job in jobs:
            yield job
    if reading.has_shifted or memory.losses > losses:
        async with aclosing(_unseen(reading.up(), seen)) as jobs:
            async for job in jobs:
                yield job
        reading.check()


async def _unseen(
    pages: AsyncGenerator[Sequence[CronJob], None], seen: set[int]
) -> AsyncGenerator[CronJob, None]:
    """Yield the jobs of pages that are not among those seen, and add them."""
    async with aclosing(pages):
        async for page in pages:
            new = [job for job in page if job.id not in seen]
            seen.update(job.id for job in new)
            for job in new:
                yield job


def _id_of(job: CronJob) -> int:
    return job.id
