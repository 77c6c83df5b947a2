"""Read many jobs with few requests: pages of the list while they are cheaper than single reads."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

import anyio

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.results import FATAL_ERRORS, Result, absent
from cronapi._calls.memory import ids_of
from cronapi._calls.pages import job_list
from cronapi._calls.tasks import spawn
from cronapi.errors import APIError, AuthenticationError, CronAPIError, NotFoundError

Answers = AsyncGenerator[tuple[int, Result], None]


async def get(calls: Calls, ids: Iterable[int], first: list[Any] | None = None) -> Answers:
    """Yield the id and the result of each job, in the order in which they are found.

    `first` is the first page of the list, if it was read already.
    Another page is read while it costs less than a single read of each job that is left. That is at
    most twice the requests of the best choice.
    """
    if not (left := dict.fromkeys(ids)):
        return
    error: CronAPIError | None = None
    try:
        async with aclosing(_listed(calls, left, first)) as found:
            async for number, row in found:
                yield number, Result(row)
    except CronAPIError as problem:
        error = problem
    if error is not None and not is_refused_page(error):
        for number in left:
            yield number, Result(error=error)
        return
    async with aclosing(get_each(calls, left)) as answers:
        async for answer in answers:
            yield answer


def is_refused_page(error: CronAPIError) -> bool:
    """Return True if the service refuses to show a page, which says nothing about a single job.

    An outage, in contrast, concerns every job.
    """
    others = AuthenticationError | NotFoundError
    return isinstance(error, APIError) and not isinstance(error, others)


async def get_each(calls: Calls, ids: Iterable[int]) -> Answers:
    """Read each job, as many at a time as the scheduler has seats.

    A fatal error is the result of all jobs that are left.
    """
    if not (left := dict.fromkeys(ids)):
        return
    asking, ends = deque(left), list[Result | Exception]()
    send, receive = anyio.create_memory_object_stream[tuple[int, Result]](len(left))

    async def ask(scope: anyio.CancelScope) -> None:
        try:
            while asking:
                number = asking.popleft()
                result = await calls.one(table.CRON_GET, {"id": number})
                if isinstance(result.error, FATAL_ERRORS):
                    ends.append(result)
                    return scope.cancel()
                send.send_nowait((number, result))
        except anyio.BrokenResourceError:  # the caller has stopped iterating
            scope.cancel()
        except Exception as error:  # noqa: BLE001 -- a token function's, for the caller to see
            ends.append(error)
            scope.cancel()

    async def ask_all() -> None:
        with send:
            async with anyio.create_task_group() as group:
                for _ in range(min(calls.seats, len(left))):
                    group.start_soon(ask, group.cancel_scope)

    # A task group around the yield would be left in another task by whoever closes the generator.
    scope = spawn(ask_all)
    try:
        with receive:
            async for number, result in receive:
                del left[number]
                yield number, result
    finally:
        scope.cancel()
    for end in ends[:1]:
        if isinstance(end, Exception):
            raise end
        for number in left:
            yield number, end


async def _listed(
    calls: Calls, left: dict[int, None], first: list[Any] | None
) -> AsyncGenerator[tuple[int, dict[str, Any]], None]:
    """Yield the jobs that pages of the list show, and take them out of `left`.

    NotFoundError for the others after the last page, unless rows have moved so that one may be
    missing.
    """
    limits = calls.limits
    if not left or (first is None and len(left) <= limits.pages):
        return
    reading = job_list(calls.ask, first=first)
    async with aclosing(reading.down()) as pages:
        async for page in pages:
            for found in _wanted(page, left):
                yield found
            limits.pages = max(limits.pages, reading.pages)
            if not left or (reading.pages >= len(left) and len(page) >= table.PAGE):
                return
    limits.pages = reading.pages
    async with aclosing(reading.up()) as pages:
        async for page in pages:
            for found in _wanted(page, left):
                yield found
            if not left:
                return
    if reading.may_have_missed:
        return
    raise absent(table.CRON_GET)


def _wanted(page: list[dict[str, Any]], left: dict[int, None]) -> list[tuple[int, dict[str, Any]]]:
    """Take the jobs of a page out of `left`, and return them."""
    found = [(number, row) for row in page for number in ids_of(row) if number in left]
    for number, _ in found:
        left.pop(number, None)
    return found
