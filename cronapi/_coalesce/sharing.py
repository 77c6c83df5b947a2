"""How the calls of several callers are sent with one request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from cronapi import _functions as table
from cronapi._batch.adding import add_together
from cronapi._batch.deleting import delete_together
from cronapi._batch.getting import get, get_each, is_refused_page
from cronapi._batch.results import FATAL_ERRORS, BatchResult, Result, all_failed, settled
from cronapi._calls.memory import ids_of
from cronapi._calls.pages import as_list
from cronapi._coalesce.shared import Shared
from cronapi._functions import Function
from cronapi.errors import CronAPIError, NotFoundError

Sent = Mapping[str, Any]


async def send_adds(shared: Shared) -> BatchResult:
    """Send one add, or a batch of several."""

    def build(items: list[Any]) -> tuple[Function[Any], Sent]:
        if len(items) == 1:
            return table.CRON_ADD, items[0]
        return table.CRON_BATCH_ADD, {"data": items}

    return await add_together(shared.calls, shared.items, shared.deferred(build))


async def send_deletes(shared: Shared) -> BatchResult:
    """Send one delete, or a batch of several."""

    def build(items: list[Any]) -> tuple[Function[Any], Sent]:
        if len(items) == 1:
            return table.CRON_DELETE, {"id": items[0]}
        return table.CRON_BATCH_DELETE, {"id": items}

    return await delete_together(shared.calls, shared.items, shared.deferred(build))


async def send_read(function: Function[Any], shared: Shared) -> BatchResult:
    """Send one read for all members, since they ask for the same."""
    deferred = shared.deferred(lambda items: (function, items[0]))
    data = await shared.calls(function, {}, deferred=deferred)
    return settled([Result(data)] * len(shared.members))


async def send_gets(shared: Shared) -> BatchResult:
    """Send one get, or read a page of the list if several jobs are asked for."""
    found: dict[int, Result] = {}
    several, get_rest = True, get

    def build(items: list[Any]) -> tuple[Function[Any], Sent]:
        nonlocal several
        several = len(set(items)) > shared.calls.limits.pages
        return (table.CRON_LIST, {"page": 1}) if several else (table.CRON_GET, {"id": items[0]})

    try:
        data = await shared.calls(table.CRON_GET, {}, deferred=shared.deferred(build))
        if several:
            page, paging = as_list(data), shared.calls.paging
            found = _shown(page, shared.items, is_last=paging.is_last(len(page)))
            paging.learn(len(page), search=False)
        else:
            found[shared.items[0]] = Result(data)
    except CronAPIError as error:
        if not several and not isinstance(error, FATAL_ERRORS):
            found[shared.items[0]] = Result(error=error)
        elif several and is_refused_page(error):
            get_rest = get_each
        else:
            return settled(all_failed(error, shared.items))
    missing = [number for number in shared.items if number not in found]
    async with aclosing(get_rest(shared.calls, missing)) as rest:
        found |= {number: result async for number, result in rest}
    return settled(found[number] for number in shared.items)


def _shown(page: list[Any], items: list[int], *, is_last: bool) -> dict[int, Result]:
    """Return the results that the first page tells. If it is the last one, it tells all."""
    found = {number: Result(row) for row in page for number in ids_of(row)}
    if page and not is_last:
        return found
    text = "There is no such job: the list does not show it."
    absent = Result(error=NotFoundError(text, function=table.CRON_GET.name))
    return dict.fromkeys(items, absent) | found
