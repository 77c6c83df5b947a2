"""Delete many jobs with few requests. A job that a listing no longer shows is gone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.parts import send_in_chunks, send_parts
from cronapi._batch.results import (
    BatchResult,
    Result,
    absent,
    all_failed,
    as_unknown,
    is_refusal,
    settled,
    split,
)
from cronapi._calls.lookup import retry_once
from cronapi._calls.memory import ids_of
from cronapi._calls.options import DeferredRequest
from cronapi._calls.pages import every_job
from cronapi._functions import Function
from cronapi._protocol.facts import facts_of, with_facts
from cronapi.errors import APIError, Applied, CronAPIError, NotFoundError


async def delete(
    calls: Calls, ids: Sequence[int], *, lost: bool = False, first: CronAPIError | None = None
) -> list[Result]:
    """Delete these jobs and return the result of each.

    With `lost`, an earlier request for them got no answer, so it may have deleted a job that is
    gone. `first` is the error of an earlier try, and makes this the last one.
    """
    most = calls.limits.most if calls.has(table.CRON_BATCH_DELETE) else 1
    if len(ids) > most:
        again = partial(delete, calls, lost=lost, first=first)
        return await send_in_chunks(ids, most, again, lost=lost)
    if len(ids) <= 1:
        return [await delete_one(calls, table.CRON_DELETE, number, lost=lost) for number in ids]
    result = await delete_together(calls, ids, lost=lost, first=first)
    return await send_parts(calls.limits, ids, result, partial(delete, calls))


async def delete_together(
    calls: Calls,
    ids: Sequence[int],
    deferred: DeferredRequest | None = None,
    *,
    lost: bool = False,
    first: CronAPIError | None = None,
) -> BatchResult:
    """Delete these jobs with one request. `ids` may change until a `deferred` one is built."""
    look = deferred is not None  # it may turn out a single delete, which is looked up like one
    try:
        data = await calls(table.CRON_BATCH_DELETE, {"id": ids}, deferred=deferred, look=look)
    except CronAPIError as error:
        if is_refusal(error):
            lost = lost or error.applied is Applied.UNKNOWN
            return await _refused(calls, ids, error, lost=lost)
        if first is None and len(ids) > 1 and calls.may_try_again(error):
            return settled(await delete(calls, ids, lost=True, first=error))
        return settled(all_failed(as_unknown(error, first) if lost else error, ids))
    rows = data if isinstance(data, list) and len(data) == len(ids) else [data] * len(ids)
    return settled(Result(restore_ids(row, number)) for row, number in zip(rows, ids, strict=True))


async def delete_one(
    calls: Calls, function: Function[Any], number: int, *, lost: bool = False
) -> Result:
    """Delete one job or group. With `lost`, one that is not there was deleted."""
    result = await calls.one(function, {"id": number})
    if result.error is None:
        return Result(restore_ids(result.data, number))
    if lost and isinstance(result.error, NotFoundError):
        return Result(restore_ids(None, number))
    return Result(error=as_unknown(result.error)) if lost else result


def restore_ids(data: object, wanted: object) -> object:
    """Return the answer to a delete with the ids that were asked for.

    The services answer null as the id, in the order of the request.
    """
    if isinstance(wanted, list):
        rows = data if isinstance(data, list) and len(data) == len(wanted) else [None] * len(wanted)
        return [restore_ids(row, number) for row, number in zip(rows, wanted, strict=True)]
    return {**data, "id": wanted} if isinstance(data, dict) else {"id": wanted}


async def _refused(calls: Calls, ids: Sequence[int], error: APIError, *, lost: bool) -> BatchResult:
    """List the jobs, and go on with those that are there.

    If all are there, the batch was too large or one of them cannot be deleted.
    """
    if len(ids) == 1:
        return settled(all_failed(error, ids))
    if calls.options.retry is None:
        return settled(all_failed(_of_a_batch(error, len(ids)), ids))
    try:
        there = set(ids_of(await retry_once(partial(every_job, calls.ask))))
    except CronAPIError as problem:
        return settled(all_failed(with_facts(problem, applied=Applied.UNKNOWN), ids))
    left = [index for index, number in enumerate(ids) if number in there]
    gone = {
        index: _absent(calls, number, error, lost=lost)
        for index, number in enumerate(ids)
        if number not in there
    }
    result = BatchResult(gone, [left] if left else []) if gone else split(len(ids))
    if not lost:
        return result
    again = partial(delete, calls, lost=True)
    return settled(await send_parts(calls.limits, ids, result, again, lost=True))


def _of_a_batch(error: APIError, count: int) -> APIError:
    """Return the error of each item of a batch that was refused without a look at its items.

    The batch may have deleted some of them before it came to the bad one.
    """
    text = (
        f"Refused as part of a batch of {count}; with retry=None nothing tells which item it was: "
        f"{error.message}"
    )
    refusal = APIError(text, code=error.code, **facts_of(error))
    refusal.__cause__ = error
    return with_facts(refusal, applied=Applied.UNKNOWN)


def _absent(calls: Calls, number: int, error: APIError, *, lost: bool) -> Result:
    """Return the result of a job that is not there after a refused batch.

    The batch may have deleted it before it came to the bad one.
    """
    memory = calls.caller.memory
    deleted = lost or memory.was_there("cron", number)
    memory.mark_gone("cron", [number])
    if deleted:
        return Result(restore_ids(None, number))
    return Result(error=absent(table.CRON_DELETE, error.code))
