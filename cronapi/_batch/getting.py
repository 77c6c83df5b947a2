"""Many jobs read with few requests: pages of the list while they are cheaper than asking for each."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

import anyio

from cronapi import _functions as table
from cronapi._batch.calls import FOR_ALL, Calls, Result
from cronapi._calls.lookup import ids_of, job_pages, pages_up
from cronapi._calls.tasks import spawn
from cronapi.errors import APIError, AuthenticationError, CronAPIError, NotFoundError


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
    if error is not None and not is_of_the_page(error):
        for number in left:
            yield number, Result(error=error)
        return
    async with aclosing(each(calls, left)) as asked:
        async for answer in asked:
            yield answer


def is_of_the_page(error: CronAPIError) -> bool:
    """Whether the service answered and will not show a page, which says nothing of a single job; an outage is everybody's error."""
    return isinstance(error, APIError) and not isinstance(
        error, AuthenticationError | NotFoundError
    )


async def each(calls: Calls, ids: Iterable[int]) -> AsyncGenerator[tuple[int, Result], None]:
    """Ask for each job, as many at a time as the scheduler seats; an error that concerns all is that of all which are left."""
    if not (left := dict.fromkeys(ids)):
        return
    asking, ends = deque(left), list[Result | Exception]()
    answers, receive = anyio.create_memory_object_stream[tuple[int, Result]](len(left))

    async def ask(scope: anyio.CancelScope) -> None:
        try:
            while asking:
                number = asking.popleft()
                result = await calls.one(table.CRON_GET, {"id": number})
                if isinstance(result.error, FOR_ALL):
                    ends.append(result)
                    return scope.cancel()
                answers.send_nowait((number, result))
        except anyio.BrokenResourceError:  # nobody iterates any more
            scope.cancel()
        except Exception as error:  # noqa: BLE001 -- of a token function; whoever iterates gets it, not the event loop
            ends.append(error)
            scope.cancel()

    async def ask_all() -> None:
        with answers:
            async with anyio.create_task_group() as group:
                for _ in range(min(calls.seats, len(left))):
                    group.start_soon(ask, group.cancel_scope)

    scope = spawn(
        ask_all
    )  # not a task group around the yield, which whoever closes the generator would leave in another task
    try:
        with receive:
            async for number, result in receive:
                del left[number]
                yield number, result
    finally:
        scope.cancel()
    for how in ends[:1]:
        if isinstance(how, Exception):
            raise how
        for number in left:
            yield number, how


async def _listed(
    calls: Calls, left: dict[int, None]
) -> AsyncGenerator[tuple[int, dict[str, Any]], None]:
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
    async with aclosing(pages_up(calls.ask, read)) as pages:
        async for page in pages:
            for found in _wanted(page, left):
                yield found
            if not left:
                return
    raise NotFoundError(
        "There is no such job: no page of the list shows it.", function=table.CRON_GET.name
    )


def _wanted(page: list[dict[str, Any]], left: dict[int, None]) -> list[tuple[int, dict[str, Any]]]:
    """Take what a page shows out of `left`."""
    found = [(number, row) for row in page for number in ids_of(row) if number in left]
    for number, _ in found:
        left.pop(number, None)
    return found
