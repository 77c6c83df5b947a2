"""Many jobs read with few requests: pages of the list while they are cheaper than asking for each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

from cronapi import _functions as table
from cronapi._lookup import ids_of, job_pages
from cronapi.bulk.calls import Calls, Result
from cronapi.errors import CronAPIError, NotFoundError


async def get(calls: Calls, ids: Iterable[int]) -> AsyncGenerator[tuple[int, Result], None]:
    """Yield the id and the result of each job, in the order in which they are found.

    Another page is read while it costs less than asking for each job that is left: at most twice what a wiser choice would have.
    """
    left = dict.fromkeys(ids)
    error: CronAPIError | None = None
    try:
        async with aclosing(_listed(calls, left)) as found:
            async for number, row in found:
                yield number, Result(row)
    except CronAPIError as problem:
        error = problem
    for number in left:
        yield number, Result(error=error) if error else await calls.one(table.CRON_GET, {"id": number})


async def _listed(calls: Calls, left: dict[int, None]) -> AsyncGenerator[tuple[int, dict[str, Any]], None]:
    """Yield what pages of the list show and take it out of `left`; NotFoundError for the others after the last page."""
    if len(left) <= calls.batches.pages:
        return
    read = 0
    async with aclosing(job_pages(calls.ask)) as pages:
        async for page in pages:
            read += 1
            for found in _wanted(page, left):
                yield found
            calls.batches.pages = max(calls.batches.pages, read)
            if not left or (read >= len(left) and len(page) >= table.PAGE):
                return
    calls.batches.pages = read
    if read > 1:  # a delete meanwhile may have moved one to a page that had been read: ask for each that is left
        return
    raise NotFoundError("There is no such job: no page of the list shows it.", function=table.CRON_GET.name)


def _wanted(page: list[dict[str, Any]], left: dict[int, None]) -> list[tuple[int, dict[str, Any]]]:
    """Take what a page shows out of `left`."""
    found = [(number, row) for row in page for number in ids_of(row) if number in left]
    for number, _ in found:
        left.pop(number, None)
    return found
