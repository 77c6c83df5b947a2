"""Many jobs made with few requests: a batch that fails is examined, not resent.

What arrived of a lost batch is matched to its items, what did not is sent again, and what cannot be told is unknown. A refused batch is
halved until the item that is refused is alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from cronapi import _functions as table
from cronapi._batch.calls import Calls, Ends, Result, all_failed, go_on, halves, in_parts, told
from cronapi._calls.lookup import LOOK_LONG, LOOK_SOON, every_job, ids_of, insist, match, new_rows
from cronapi._calls.options import Seal
from cronapi.errors import (
    APIError,
    Applied,
    AuthenticationError,
    CronAPIError,
    OutcomeUnknownError,
    RequestTimeoutError,
    StatusError,
    TransportError,
)

Wire = Mapping[str, Any]
ABSENT, DOUBTFUL = "absent", "doubtful"
Rows = list[dict[str, Any]]
Found = list[dict[str, Any] | str]
"""What a look-up found of each item: its row, ABSENT or DOUBTFUL."""


async def add(calls: Calls, wires: Sequence[Wire], *, tries: int = 0) -> list[Result]:
    """Make these jobs and return what became of each."""
    if len(wires) > (most := calls.batches.most if calls.has(table.CRON_BATCH_ADD) else 1):
        return await in_parts(wires, most, partial(add, calls, tries=tries))
    if len(wires) <= 1:
        return [await calls.one(table.CRON_ADD, wire) for wire in wires]
    ends = await add_together(
        calls, wires, Seal(lambda: (table.CRON_BATCH_ADD, {"data": wires})), tries=tries
    )
    return await go_on(calls, wires, ends, partial(add, calls, tries=tries))


async def add_together(calls: Calls, wires: Sequence[Wire], seal: Seal, *, tries: int = 0) -> Ends:
    """Make these jobs with one request and return what became of each; `wires` may change until it is sealed."""
    memory, moment = calls.caller.memory, 0

    def close() -> tuple[Any, Wire]:
        nonlocal moment
        memory.let_go(moment)
        moment = memory.now()  # not before: what was listed while it waited is not what it makes
        return seal.close()

    try:
        return await _add(calls, wires, Seal(close, seal.reopen), lambda: moment, tries)
    finally:
        memory.let_go(moment)


async def _add(
    calls: Calls, wires: Sequence[Wire], seal: Seal, moment: Callable[[], int], tries: int
) -> Ends:
    try:
        async with calls.batches.gate.sending():
            data = await calls(table.CRON_BATCH_ADD, {"data": wires}, seal=seal, look=False)
    except AuthenticationError as error:
        return told(all_failed(error, wires))
    except APIError as error:
        return await _refused(calls, wires, moment(), error, tries)
    except CronAPIError as error:
        if error.applied is not Applied.UNKNOWN:
            return told(all_failed(error, wires))
        return told(await examine(calls, wires, moment(), error, tries))
    if len(wires) == 1 and isinstance(data, dict):
        return told([Result(data)])
    if isinstance(data, list) and len(data) == len(wires):
        return told(Result(row) for row in data)
    unclear = OutcomeUnknownError("The answer has not one job for each that was sent.")
    return told(await examine(calls, wires, moment(), unclear, tries, frozenset(ids_of(data))))


async def examine(
    calls: Calls,
    wires: Sequence[Wire],
    moment: int,
    error: CronAPIError,
    tries: int,
    mine: frozenset[int] = frozenset(),
) -> list[Result]:
    """Find out which of these jobs were made since a moment, make those that were not, and say what became of each.

    `mine` are ids that were answered to this very request.
    """
    memory = calls.caller.memory
    long = isinstance(error.__cause__, RequestTimeoutError | StatusError)
    delays = LOOK_LONG if long else LOOK_SOON

    def fresh(rows: Rows) -> Rows:
        return [row for row in rows if mine.intersection(ids_of(row))] + new_rows(
            rows, "cron", memory, moment
        )

    return await _examine(calls, wires, fresh, delays, error, tries)


async def resume(calls: Calls, wires: Sequence[Wire], known: Collection[int]) -> list[Result]:
    """Find out which of these jobs an earlier run made that ended in the middle, make those that it did not, and say what became of each.

    `known` are the ids there were before that run. When this client has seen a job for the first time says nothing here: it may have
    listed jobs before it resumed. What it made itself belongs to whom it told; what it told nobody of may be that run's.
    """
    memory = calls.caller.memory

    def fresh(rows: Rows) -> Rows:
        return [
            row
            for row in rows
            if (ids := ids_of(row)) and ids[0] not in known and not memory.is_told("cron", ids[0])
        ]

    lost = OutcomeUnknownError(
        "It was under way when an earlier run ended.", function=table.CRON_ADD.name
    )
    return await _examine(calls, wires, fresh, LOOK_LONG, lost, 0)


async def _examine(
    calls: Calls,
    wires: Sequence[Wire],
    fresh: Callable[[Rows], Rows],
    delays: Sequence[float],
    error: CronAPIError,
    tries: int,
) -> list[Result]:
    policy = calls.options.retry
    if policy is None:
        return all_failed(error, wires)
    try:
        found = await _look(calls, wires, fresh, delays)
    except CronAPIError as problem:
        unknown = _unknown(f"looking it up failed: {problem.message}")
        unknown.__cause__ = problem
        return all_failed(unknown, wires)
    if tries + 1 < policy.max_attempts:
        return await _add_the_rest(calls, wires, found, tries + 1)
    lost = TransportError(
        "Its answer got lost each time it was sent, and a look-up showed that it was not carried out."
    )
    return [
        Result(row)
        if isinstance(row, dict)
        else Result(error=lost if row is ABSENT else _unknown())
        for row in found
    ]


async def _add_the_rest(
    calls: Calls, wires: Sequence[Wire], found: Found, tries: int
) -> list[Result]:
    absent = [place for place, row in enumerate(found) if row is ABSENT]
    again = dict(
        zip(absent, await add(calls, [wires[place] for place in absent], tries=tries), strict=True)
    )
    told = (Result(row) if isinstance(row, dict) else Result(error=_unknown()) for row in found)
    return [again.get(place, result) for place, result in enumerate(told)]


async def _look(
    calls: Calls, wires: Sequence[Wire], fresh: Callable[[Rows], Rows], delays: Sequence[float]
) -> Found:
    """Look what was made, while nobody else sends; what timed out may still be worked on, so look more than once."""
    found = Found()
    await calls.caller.outlast(
        table.CRON_BATCH_ADD.name, {"data": wires}
    )  # what a cancelled caller has left under way
    async with calls.batches.gate.alone():
        for delay in delays:
            await calls.caller.rest(delay)
            found = _told(calls, wires, fresh(await insist(partial(every_job, calls.ask))))
            if ABSENT not in found:
                break
        made = ids_of([row for row in found if isinstance(row, dict)])
        calls.caller.memory.claim("cron", made)
        calls.made.extend(made)
    return found


def _told(calls: Calls, wires: Sequence[Wire], rows: Rows) -> Found:
    seen = match(wires, rows)
    found = Found()
    for place, (wire, row) in enumerate(zip(wires, seen.rows, strict=True)):
        unclear = place in seen.doubtful or calls.caller.is_busy(table.CRON_ADD.name, wire)
        found.append(DOUBTFUL if unclear else row or ABSENT)
    return found


async def _refused(
    calls: Calls, wires: Sequence[Wire], moment: int, error: APIError, tries: int
) -> Ends:
    """Find out why the service refuses a batch: one of its items, or its size.

    No documentation says that a refused batch has done nothing, so that is looked at the first time.
    """
    if len(wires) == 1:
        return told(all_failed(error, wires))
    if calls.batches.atomic:
        return halves(len(wires))
    if calls.options.retry is None:  # nobody looks whether it has done nothing
        return told(await go_on(calls, wires, halves(len(wires)), partial(add, calls, tries=tries)))
    try:
        found = await _look(
            calls,
            wires,
            lambda rows: new_rows(rows, "cron", calls.caller.memory, moment),
            LOOK_SOON,
        )
    except CronAPIError as problem:
        unknown = OutcomeUnknownError(
            f"The batch was refused, and looking what it had done failed: {problem.message}"
        )
        return told(all_failed(unknown, wires))
    if all(row is ABSENT for row in found):
        calls.batches.atomic = True
        return halves(len(wires))
    return told(await _add_the_rest(calls, wires, found, tries + 1))


def _unknown(reason: str = "looking it up could not tell.") -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"It was sent, no usable answer came, and {reason}", function=table.CRON_ADD.name
    )
