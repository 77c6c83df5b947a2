"""Read the job list page by page. `ask` makes a read through the queue, like any other call."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from cronapi import _functions as table
from cronapi._functions import PAGE, Function
from cronapi.errors import ResponseError

T = TypeVar("T")
Ask = Callable[[Function[Any], dict[str, Any]], Awaitable[Any]]


def as_list(data: object) -> list[Any]:
    """Return a listing as it was answered. Anything but a list proves nothing: ResponseError."""
    if not isinstance(data, list):
        raise ResponseError("The listing is no list.")
    return data


async def walk(read: Callable[[int], Awaitable[list[T]]]) -> AsyncGenerator[list[T], None]:
    """Yield the pages that `read` returns by number, first to last."""
    first = None
    for number in itertools.count(1):
        jobs = await read(number)
        if jobs and jobs[0] == first:  # a service without pages answers the first one for ever
            return
        first = first or next(iter(jobs), None)
        yield jobs
        if len(jobs) < PAGE:
            return


async def job_pages(
    ask: Ask, keyword: str | None = None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Yield the pages of the job list, first to last."""

    async def read(number: int) -> list[dict[str, Any]]:
        return as_list(await ask(table.CRON_LIST, _page(number, keyword)))

    async with aclosing(walk(read)) as pages:
        async for page in pages:
            yield page


async def pages_up(
    ask: Ask, last: int, keyword: str | None = None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Yield the pages before the last once more, from the last to the first.

    A delete moves later jobs to earlier pages. A reader going down misses those, and a reader going
    up does not: a job that neither sees is not there.
    """
    for number in range(last - 1, 0, -1):
        yield as_list(await ask(table.CRON_LIST, _page(number, keyword)))


async def every_job(ask: Ask, keyword: str | None = None) -> list[dict[str, Any]]:
    """Return the jobs of all pages, each once."""
    down = [page async for page in job_pages(ask, keyword)]
    up = [page async for page in pages_up(ask, len(down), keyword)]
    return list({str(job.get("id")): job for page in down + up for job in page}.values())


def _page(number: int, keyword: str | None) -> dict[str, Any]:
    return {"page": number} | ({"keyword": keyword} if keyword else {})
