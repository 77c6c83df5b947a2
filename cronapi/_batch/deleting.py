"""Many jobs deleted with few requests: what a listing no longer shows is gone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from cronapi import _functions as table
from cronapi._batch.calls import (
    Calls,
    Ends,
    Result,
    all_failed,
    doubted,
    go_on,
    halves,
    in_parts,
    is_refusal,
    told,
)
from cronapi._calls.lookup import every_job, ids_of, insist
from cronapi._calls.options import Seal
from cronapi._calls.retry import History
from cronapi._functions import Function
from cronapi.errors import APIError, Applied, CronAPIError, NotFoundError


async def delete(
    calls: Calls, ids: Sequence[int], *, lost: bool = False, first: CronAPIError | None = None
) -> list[Result]:
    """Delete these jobs and return what became of each.

    `lost` says that an earlier request for them got no answer, so that what is gone may have been deleted by it; `first` is the error
    of the try before, where this is the last one.
    """
    if len(ids) > (most := calls.batches.most if calls.has(table.CRON_BATCH_DELETE) else 1):
        return await in_parts(ids, most, partial(delete, calls, lost=lost, first=first), lost=lost)
    if len(ids) <= 1:
        return [await delete_one(calls, table.CRON_DELETE, number, lost=lost) for number in ids]
    return await go_on(
        calls,
        ids,
        await delete_together(calls, ids, lost=lost, first=first),
        partial(delete, calls),
    )


async def delete_together(
    calls: Calls,
    ids: Sequence[int],
    seal: Seal | None = None,
    *,
    lost: bool = False,
    first: CronAPIError | None = None,
) -> Ends:
    """Delete these jobs with one request and return what became of each; with a `seal`, `ids` may change until it is called."""
    history = History()
    try:  # what was sealed may be a single delete, which is looked up like one
        data = await calls(
            table.CRON_BATCH_DELETE, {"id": ids}, seal=seal, history=history, look=seal is not None
        )
    except CronAPIError as error:
        if is_refusal(error):
            return await _refused(calls, ids, error, lost=lost or history.lost)
        if first is None and len(ids) > 1 and calls.may_insist(error):
            return told(await delete(calls, ids, lost=True, first=error))
        return told(all_failed(doubted(error, first) if lost else error, ids))
    rows = data if isinstance(data, list) and len(data) == len(ids) else [data] * len(ids)
    return told(Result(gone(row, number)) for row, number in zip(rows, ids, strict=True))


async def delete_one(
    calls: Calls, row: Function[Any], number: int, *, lost: bool = False
) -> Result:
    """Delete one thing; where an earlier answer was lost, one that is not there is one that is deleted."""
    result = await calls.one(row, {"id": number})
    if result.error is None:
        return Result(gone(result.data, number))
    if lost:
        return (
            Result(gone(None, number))
            if isinstance(result.error, NotFoundError)
            else Result(error=doubted(result.error))
        )
    return result


def gone(row: object, number: int) -> dict[str, object]:
    """Return what a service answered of a deleted thing with the id that was asked for: the services answer null."""
    return {**row, "id": number} if isinstance(row, dict) else {"id": number}


async def _refused(calls: Calls, ids: Sequence[int], error: APIError, *, lost: bool) -> Ends:
    """See which are there, and delete those; where all are, the batch was too large, or one cannot be deleted."""
    if len(ids) == 1:
        return told(all_failed(error, ids))
    if calls.options.retry is None:
        return told(all_failed(_of_a_batch(error, len(ids), lost=lost), ids))
    try:
        there = set(ids_of(await insist(partial(every_job, calls.ask))))
    except CronAPIError as problem:
        return told(
            all_failed(problem.of_call(applied=Applied.UNKNOWN if lost else Applied.NO), ids)
        )
    left = [place for place, number in enumerate(ids) if number in there]
    absent = {
        place: _absent(calls, number, error, lost=lost)
        for place, number in enumerate(ids)
        if number not in there
    }
    ends = Ends(absent, [left] if left else []) if absent else halves(len(ids))
    return (
        told(await go_on(calls, ids, ends, partial(delete, calls, lost=True), lost=True))
        if lost
        else ends
    )


def _of_a_batch(error: APIError, count: int, *, lost: bool) -> APIError:
    """Return what each of many is told where nobody looked which of them was refused."""
    text = f"Refused as part of a batch of {count}; with retry=None nobody looked which item it was: {error.message}"
    refusal = APIError(text, code=error.code, **error.facts())
    refusal.__cause__ = error
    return refusal.of_call(applied=Applied.UNKNOWN) if lost else refusal


def _absent(calls: Calls, number: int, error: APIError, *, lost: bool) -> Result:
    """Tell what became of a job that is not there after a refused batch, which may have deleted some before it came to the bad one."""
    memory = calls.caller.memory
    deleted = lost or memory.was_there("cron", number)
    memory.lose("cron", [number])
    if deleted:
        return Result(gone(None, number))
    return Result(
        error=NotFoundError(
            "There is no such job: no page of the list shows it.",
            code=error.code,
            function=table.CRON_DELETE.name,
        )
    )
