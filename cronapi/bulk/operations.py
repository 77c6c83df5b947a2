"""The kinds of bulk: how many items go into a chunk, how a chunk is carried out, and its cost."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from functools import partial
from math import ceil
from typing import Any, Generic, TypeVar

from attrs import evolve, frozen

from cronapi import _functions as table
from cronapi._batch.adding import add, resume
from cronapi._batch.calls import Calls
from cronapi._batch.deleting import delete, delete_one
from cronapi._batch.editing import changes, edit
from cronapi._batch.getting import get
from cronapi._batch.parts import Series
from cronapi._batch.results import Result
from cronapi._calls.lookup import RECOVERY, Look
from cronapi._calls.memory import Memory, ids_of, run_key
from cronapi._calls.pages import job_list
from cronapi._functions import PAGE, Function
from cronapi.errors import CronAPIError, OutcomeUnknownError

T = TypeVar("T")
Results = AsyncGenerator[tuple[int, Result], None]
"""Pairs of the index of an item in its chunk, and its result."""
Known = Collection[int] | None
"""Of a chunk that an earlier run may have carried out, the ids that existed before that run.

None for any other chunk.
"""
BATCHES_AT_ONCE = 3
"""Batches that wait for a slot or an answer at the same time.

They are enough to use the rate, and few enough to learn from a refusal.
"""
ALL_ITEMS = 1_000_000
"""The size of a chunk that takes all items."""


@frozen
class Operation(Generic[T]):
    """One kind of bulk.

    `carry_out(payloads, known)` yields the result of each item of a chunk. With `known`, an
    earlier run may have carried them out. `size` is the most items of a chunk, and `workers` the
    number of chunks at a time. `requests` is the cost of a number of items, and `at_least` is the
    cost of these payloads, if that is more. `list_ids` returns the ids that exist before anything
    is sent.
    """

    name: str
    function: Function[T]
    carry_out: Callable[[Sequence[Any], Known], Results]
    requests: Callable[[int], int]
    at_least: Callable[[Iterable[Any]], int] = lambda _payloads: 0
    size: Callable[[], int] = lambda: 1
    workers: Callable[[], int] = lambda: 1
    list_ids: Callable[[], Awaitable[list[int]]] | None = None

    def lists_ids_first(self, total: int | None, *, journal: bool) -> bool:
        """Return True if the ids are listed before anything is sent.

        One item without a journal is sent like a single call, with no requests before it.
        """
        return self.list_ids is not None and (journal or total != 1)


def add_operation(calls: Calls) -> Operation[Any]:
    """Return the operation that creates jobs, in batches if the service has them."""
    batched = calls.has(table.CRON_BATCH_ADD)

    async def carry_out(wires: Sequence[Any], known: Known) -> Results:
        own_calls = evolve(calls, made=[])
        try:
            results = await (
                add(own_calls, wires) if known is None else resume(own_calls, wires, known)
            )
        except BaseException:  # a cancellation: no caller learns of the jobs made so far
            calls.caller.memory.mark_unreported("cron", own_calls.made)
            raise
        for index, result in enumerate(results):
            yield index, result

    async def list_ids() -> list[int]:
        reading = job_list(calls.ask)
        ids = ids_of(await reading.all())
        calls.limits.pages = reading.pages
        return ids

    return Operation(
        name="cron.add_many",
        function=table.CRON_ADD,
        carry_out=carry_out,
        requests=lambda count: ceil(count / calls.limits.most) if batched else count,
        size=lambda: calls.limits.most if batched else 1,
        workers=(lambda: BATCHES_AT_ONCE) if batched else (lambda: calls.seats),
        list_ids=list_ids,
    )


def delete_operation(calls: Calls) -> Operation[Any]:
    """Return the operation that deletes jobs, in batches if the service has them."""
    batched = calls.has(table.CRON_BATCH_DELETE)

    async def carry_out(ids: Sequence[Any], known: Known) -> Results:
        for index, result in enumerate(await delete(calls, ids, lost=known is not None)):
            yield index, result

    return Operation(
        name="cron.delete_many",
        function=table.CRON_DELETE,
        carry_out=carry_out,
        requests=lambda count: ceil(count / calls.limits.most) if batched else count,
        size=lambda: calls.limits.most if batched else 1,
        workers=(lambda: BATCHES_AT_ONCE) if batched else (lambda: calls.seats),
    )


def get_operation(calls: Calls) -> Operation[Any]:
    """Return the operation that reads jobs, from pages of the list while that is cheaper."""

    async def carry_out(ids: Sequence[Any], _known: Known) -> Results:
        indexes: dict[int, list[int]] = {}
        for index, id in enumerate(ids):
            indexes.setdefault(id, []).append(index)
        async with aclosing(get(calls, indexes)) as found:
            async for id, result in found:
                for index in indexes[id]:
                    yield index, result

    return Operation(
        name="cron.get_many",
        function=table.CRON_GET,
        carry_out=carry_out,
        requests=lambda count: min(count, max(calls.limits.pages, ceil(count / PAGE))),
        size=lambda: ALL_ITEMS,
    )


def delete_groups_operation(calls: Calls) -> Operation[Any]:
    """Return the operation that deletes groups, one request each."""

    async def carry_out(ids: Sequence[Any], known: Known) -> Results:
        lost = known is not None

        async def send(one: Sequence[Any]) -> list[Result]:
            return [await delete_one(calls, table.GROUP_DELETE, one[0], lost=lost)]

        series = Series(lost)
        for index, id in enumerate(ids):
            (result,) = await series.send([id], send)
            yield index, result

    return Operation(
        name="group.delete_many",
        function=table.GROUP_DELETE,
        carry_out=carry_out,
        requests=lambda count: count,
        workers=lambda: calls.seats,
    )


def one_by_one_operation(calls: Calls, name: str, function: Function[T]) -> Operation[T]:
    """Return the operation that calls a function for each item, with its payload as parameters."""

    async def carry_out(wires: Sequence[Any], known: Known) -> Results:
        was_sent = known is not None
        # A run is sent again only after a lookup has proven that it did not happen.
        lost = was_sent and function is not table.CRON_RUN

        async def send(one: Sequence[Any]) -> list[Result]:
            found = await _look_up(calls, function, one[0]) if was_sent else None
            return [found or await calls.again(function, one[0], lost=lost)]

        series = Series(was_sent)
        for index, wire in enumerate(wires):
            (result,) = await series.send([wire], send)
            yield index, result

    return Operation(
        name=name,
        function=function,
        carry_out=carry_out,
        requests=lambda count: count,
        workers=lambda: calls.seats,
    )


def edit_alike_operation(calls: Calls) -> Operation[Any]:
    """Return the operation that changes jobs, with one request for all that change alike.

    FastCron had such a function, and removed it in 2025-08.
    """

    async def carry_out(wires: Sequence[Any], known: Known) -> Results:
        lost = known is not None
        left = dict(enumerate(wires))
        for index, wire in enumerate(wires):
            if lost and (found := await _look_up(calls, table.CRON_EDIT, wire)):
                del left[index]
                yield index, found
        series = Series(lost)
        for indexes in _by_changes(left):
            alike = [wires[index] for index in indexes]
            results = await series.send(alike, partial(edit, calls, lost=lost))
            for index, result in zip(indexes, results, strict=True):
                yield index, result

    def at_least(wires: Iterable[Any]) -> int:
        return sum(len(_by_changes(chunk)) for chunk in _chunks(list(wires), calls.limits.most))

    return Operation(
        name="cron.edit_many",
        function=table.CRON_EDIT,
        carry_out=carry_out,
        requests=lambda count: ceil(count / calls.limits.most),
        at_least=at_least,
        size=lambda: calls.limits.most,
        workers=lambda: BATCHES_AT_ONCE,
    )


async def _look_up(calls: Calls, function: Function[Any], wire: Mapping[str, Any]) -> Result | None:
    """Return the result of a call that an earlier run may have sent; None if it may be sent."""
    unknown = OutcomeUnknownError(
        "It was under way when an earlier run ended, and looking it up could not tell.",
        function=function.name,
    )
    if function is not table.CRON_RUN:
        # An edit that also runs its job must not run it twice. Any other may be repeated.
        return Result(error=unknown) if wire.get("run") else None
    memory = calls.caller.memory
    if not memory.is_known_run(run_key(wire)):
        memory = Memory()  # a run that is noted from here on was reported to no caller
    await calls.caller.wait_for_similar_creates(function.name, wire)
    try:
        # A run is recognised by its time, so it does not matter when it was first seen.
        finding = await RECOVERY[function.name](Look(calls.ask, memory, 0), wire)
    except CronAPIError as problem:
        unknown.__cause__ = problem
        return Result(error=unknown)
    if finding.happened is None:
        return Result(error=unknown)
    return Result(finding.data) if finding.happened else None


def _chunks(wires: Sequence[Any], size: int) -> list[dict[int, Any]]:
    return [dict(enumerate(wires[begin : begin + size])) for begin in range(0, len(wires), size)]


def _by_changes(wires: Mapping[int, Any]) -> list[list[int]]:
    """Return the indexes, those of equal changes together."""
    alike: dict[str, list[int]] = {}
    for index, wire in wires.items():
        key = repr(sorted(changes(wire).items(), key=lambda change: change[0]))
        alike.setdefault(key, []).append(index)
    return list(alike.values())
