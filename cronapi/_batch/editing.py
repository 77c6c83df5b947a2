"""Many jobs changed alike with one request; where that is refused, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cronapi import _functions as table
from cronapi._batch.calls import Calls, Result, all_failed, doubted, in_parts, is_refusal
from cronapi._calls.retry import History
from cronapi.errors import CronAPIError, OutcomeUnknownError

Wire = Mapping[str, Any]


def changes(wire: Wire) -> dict[str, Any]:
    """Return what an edit sends besides the id."""
    return {name: value for name, value in wire.items() if name != "id"}


async def edit(
    calls: Calls, wires: Sequence[Wire], *, lost: bool = False, first: CronAPIError | None = None
) -> list[Result]:
    """Change these jobs, all in the same way, and return what became of each.

    `lost` says that an earlier request for them got no answer; `first` is the error of the try before, where this is the last one. What
    runs the jobs too is sent once: nothing tells afterwards which of them it has run.
    """
    if len(wires) > (most := calls.batches.most):
        return await in_parts(wires, most, partial(edit, calls, lost=lost, first=first), lost=lost)
    if len(wires) == 1:
        return [await calls.again(table.CRON_EDIT, wires[0], lost=lost)]
    history = History()
    try:
        rows = await calls(
            table.CRON_BATCH_EDIT,
            {"id": [wire["id"] for wire in wires], **changes(wires[0])},
            history=history,
        )
    except CronAPIError as error:
        if is_refusal(error):
            return await _one_by_one(
                calls,
                wires,
                f"The batch was refused: {error.message}",
                lost=lost or history.lost,
                cause=error,
            )
        if first is None and calls.may_insist(error) and not wires[0].get("run"):
            return await edit(calls, wires, lost=True, first=error)
        return all_failed(doubted(error, first) if lost else error, wires)
    if isinstance(rows, list) and len(rows) == len(wires):
        return [Result(row) for row in rows]
    return await _one_by_one(
        calls, wires, "The answer has not one job for each that was sent.", lost=True
    )


async def _one_by_one(
    calls: Calls,
    wires: Sequence[Wire],
    reason: str,
    *,
    lost: bool,
    cause: CronAPIError | None = None,
) -> list[Result]:
    """Ask for each, unless that might run a job once more: no documentation says that a refused batch has done nothing."""
    if wires[0].get("run"):
        unknown = OutcomeUnknownError(
            f"{reason} Nothing tells which of its jobs were run.", function=table.CRON_EDIT.name
        )
        unknown.__cause__ = cause
        return all_failed(unknown, wires)

    async def send(one: Sequence[Wire]) -> list[Result]:
        return [await calls.again(table.CRON_EDIT, one[0], lost=lost)]

    return await in_parts(wires, 1, send, lost=lost)
