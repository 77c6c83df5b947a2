"""Change many jobs alike with one request, and one by one if that is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.parts import send_in_chunks
from cronapi._batch.results import Result, all_failed, as_unknown, is_refusal
from cronapi.errors import Applied, CronAPIError, OutcomeUnknownError

Edit = Mapping[str, Any]


def changes(edit: Edit) -> dict[str, Any]:
    """Return the members of an edit except the id."""
    return {name: value for name, value in edit.items() if name != "id"}


async def edit(
    calls: Calls, edits: Sequence[Edit], *, lost: bool = False, first: CronAPIError | None = None
) -> list[Result]:
    """Change these jobs, all in the same way, and return the result of each.

    With `lost`, an earlier request for them got no answer. `first` is the error of an earlier try,
    and makes this the last one. Edits that also run the jobs are sent once: nothing tells
    afterwards which jobs were run.
    """
    most = calls.limits.most
    if len(edits) > most:
        again = partial(edit, calls, lost=lost, first=first)
        return await send_in_chunks(edits, most, again, lost=lost)
    if len(edits) == 1:
        return [await calls.again(table.CRON_EDIT, edits[0], lost=lost)]
    sent = {"id": [one["id"] for one in edits], **changes(edits[0])}
    try:
        rows = await calls(table.CRON_BATCH_EDIT, sent)
    except CronAPIError as error:
        if is_refusal(error):
            lost = lost or error.applied is Applied.UNKNOWN
            reason = f"The batch was refused: {error.message}"
            return await _one_by_one(calls, edits, reason, lost=lost, cause=error)
        if first is None and calls.may_try_again(error) and not edits[0].get("run"):
            return await edit(calls, edits, lost=True, first=error)
        return all_failed(as_unknown(error, first) if lost else error, edits)
    if isinstance(rows, list) and len(rows) == len(edits):
        return [Result(row) for row in rows]
    reason = "The answer has not one job for each that was sent."
    return await _one_by_one(calls, edits, reason, lost=True)


async def _one_by_one(
    calls: Calls,
    edits: Sequence[Edit],
    reason: str,
    *,
    lost: bool,
    cause: CronAPIError | None = None,
) -> list[Result]:
    """Change each job, unless that might run one again.

    No documentation says that a refused batch has done nothing.
    """
    if edits[0].get("run"):
        text = f"{reason} Nothing tells which of its jobs were run."
        unknown = OutcomeUnknownError(text, function=table.CRON_EDIT.name)
        unknown.__cause__ = cause
        return all_failed(unknown, edits)

    async def send(one: Sequence[Edit]) -> list[Result]:
        return [await calls.again(table.CRON_EDIT, one[0], lost=lost)]

    return await send_in_chunks(edits, 1, send, lost=lost)
