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
from cronapi._calls.pages import as_list
from cronapi._coalesce.shared import Shared
from cronapi._functions import Function
from cronapi.errors import CronAPIError

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
    """Send one get, or read pages of the list if several jobs are asked for."""
    calls, several = shared.calls, True

    def build(items: list[Any]) -> tuple[Function[Any], Sent]:
        nonlocal several
        several = len(set(items)) > calls.limits.pages
        return (table.CRON_LIST, {"page": 1}) if several else (table.CRON_GET, {"id": items[0]})

    found: dict[int, Result] = {}
    try:
        data = await calls(table.CRON_GET, {}, deferred=shared.deferred(build))
        if several:
            rest = get(calls, shared.items, first=as_list(data))
        elif others := _but_first(shared.items):
            found[shared.items[0]] = Result(data)
            rest = get(calls, others)
        else:
            return settled([Result(data)] * len(shared.items))
    except CronAPIError as error:
        if not several and not isinstance(error, FATAL_ERRORS):
            found[shared.items[0]] = Result(error=error)
            rest = get(calls, _but_first(shared.items))
        elif several and is_refused_page(error):
            rest = get_each(calls, shared.items)
        else:
            return settled(all_failed(error, shared.items))
    async with aclosing(rest):
        async for number, result in rest:
            found.setdefault(number, result)
    return settled(found[number] for number in shared.items)


def _but_first(items: list[int]) -> list[int]:
    """Return the items that differ from the first one."""
    return [number for number in items if number != items[0]]
