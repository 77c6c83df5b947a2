"""What a bulk does with its items: how many go into a step, how a step is carried out, and what it costs."""

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
from cronapi._calls.lookup import RECOVERY
from cronapi._calls.memory import Memory, ids_of, run_key
from cronapi._calls.pages import job_list
from cronapi._functions import PAGE, Function
from cronapi.errors import CronAPIError, OutcomeUnknownError

T = TypeVar("T")
Results = AsyncGenerator[tuple[int, Result], None]
"""The place of an item in its step, and what became of it."""
Known = Collection[int] | None
"""Of a step that an earlier run may have carried out, the ids there were before that run; None of any other step."""
BATCHES_AT_ONCE = 3
"""Limits that wait for a slot or an answer at the same time: enough to use the rate, few enough to learn from a refusal."""
EVERYTHING = 1_000_000


@frozen
class Work(Generic[T]):
    """One kind of bulk.

    `carry_out(payloads, known)` yields what becomes of each; with `known` an earlier run may have carried them out. `size` is the most
    items of a step, `workers` the steps at a time, `requests` what so many items cost, and `at_least` what these payloads do where that
    is more. `prepare` learns which ids are there before anything is sent.
    """

    name: str
    row: Function[T]
    carry_out: Callable[[Sequence[Any], Known], Results]
    requests: Callable[[int], int]
    at_least: Callable[[Iterable[Any]], int] = lambda _payloads: 0
    size: Callable[[], int] = lambda: 1
    workers: int = 1
    prepare: Callable[[], Awaitable[list[int]]] | None = None

    def looks_around(self, total: int | None, *, journal: bool) -> bool:
        """Whether it prepares: one item without a journal is made like a single call, which costs nothing before."""
        return self.prepare is not None and (journal or total != 1)


def adding(calls: Calls) -> Work[Any]:
    """Make jobs: in batches where the service has them."""
    batched = calls.has(table.CRON_BATCH_ADD)

    async def carry_out(wires: Sequence[Any], known: Known) -> Results:
        step = evolve(calls, made=[])
        try:
            results = await (add(step, wires) if known is None else resume(step, wires, known))
        except BaseException:  # a cancellation: nobody hears of what was made so far
            calls.caller.memory.mark_unreported("cron", step.made)
            raise
        for place, result in enumerate(results):
            yield place, result

    async def prepare() -> list[int]:
        reading = job_list(calls.ask)
        ids = ids_of(await reading.all())
        calls.limits.pages = reading.pages
        return ids

    return Work(
        name="cron.add_many",
        row=table.CRON_ADD,
        carry_out=carry_out,
        requests=lambda count: ceil(count / calls.limits.most) if batched else count,
        size=lambda: calls.limits.most if batched else 1,
        workers=BATCHES_AT_ONCE if batched else calls.seats,
        prepare=prepare,
    )


def deleting(calls: Calls) -> Work[Any]:
    """Delete jobs: in batches where the service has them."""
    batched = calls.has(table.CRON_BATCH_DELETE)

    async def carry_out(ids: Sequence[Any], known: Known) -> Results:
        for place, result in enumerate(await delete(calls, ids, lost=known is not None)):
            yield place, result

    return Work(
        name="cron.delete_many",
        row=table.CRON_DELETE,
        carry_out=carry_out,
        requests=lambda count: ceil(count / calls.limits.most) if batched else count,
        size=lambda: calls.limits.most if batched else 1,
        workers=BATCHES_AT_ONCE if batched else calls.seats,
    )


def getting(calls: Calls) -> Work[Any]:
    """Read jobs: from pages of the list while that is cheaper."""

    async def carry_out(ids: Sequence[Any], _known: Known) -> Results:
        places: dict[int, list[int]] = {}
        for place, number in enumerate(ids):
            places.setdefault(number, []).append(place)
        async with aclosing(get(calls, places)) as found:
            async for number, result in found:
                for place in places[number]:
                    yield place, result

    return Work(
        name="cron.get_many",
        row=table.CRON_GET,
        carry_out=carry_out,
        requests=lambda count: min(count, max(calls.limits.pages, ceil(count / PAGE))),
        size=lambda: EVERYTHING,
    )


def deleting_groups(calls: Calls) -> Work[Any]:
    """Delete groups, one request each."""

    async def carry_out(ids: Sequence[Any], known: Known) -> Results:
        lost = known is not None

        async def send(one: Sequence[Any]) -> list[Result]:
            return [await delete_one(calls, table.GROUP_DELETE, one[0], lost=lost)]

        series = Series(lost)
        for place, number in enumerate(ids):
            (result,) = await series.send([number], send)
            yield place, result

    return Work(
        name="group.delete_many",
        row=table.GROUP_DELETE,
        carry_out=carry_out,
        requests=lambda count: count,
        workers=calls.seats,
    )


def one_by_one(calls: Calls, name: str, row: Function[T]) -> Work[T]:
    """Call a function for each item; the payload is what is sent."""

    async def carry_out(wires: Sequence[Any], known: Known) -> Results:
        async def send(one: Sequence[Any]) -> list[Result]:
            found = None if known is None else await _find(calls, row, one[0])
            lost = (
                known is not None and row is not table.CRON_RUN
            )  # a run that is asked for again was proven not to have happened
            return [found or await calls.again(row, one[0], lost=lost)]

        series = Series(known is not None)
        for place, wire in enumerate(wires):
            (result,) = await series.send([wire], send)
            yield place, result

    return Work(
        name=name, row=row, carry_out=carry_out, requests=lambda count: count, workers=calls.seats
    )


async def _find(calls: Calls, row: Function[Any], wire: Mapping[str, Any]) -> Result | None:
    """Return what became of a create that an earlier run may have sent; None where it may be sent (again)."""
    unknown = OutcomeUnknownError(
        "It was under way when an earlier run ended, and looking it up could not tell.",
        function=row.name,
    )
    if row is not table.CRON_RUN:
        return (
            Result(error=unknown) if wire.get("run") else None
        )  # an edit that runs the job too must not do that twice
    memory = calls.caller.memory
    if not memory.is_known_run(
        run_key(wire)
    ):  # what is learnt from here on is what nobody was told of
        memory = Memory()
    await calls.caller.wait_for_similar_creates(row.name, wire)
    try:
        finding = await RECOVERY[row.name](
            calls.ask, wire, memory, 0
        )  # a run is told by its time, whenever it was seen
    except CronAPIError as problem:
        unknown.__cause__ = problem
        return Result(error=unknown)
    if finding.happened is None:
        return Result(error=unknown)
    return Result(finding.data) if finding.happened else None


def editing_alike(calls: Calls) -> Work[Any]:
    """Change jobs, those that are changed alike in one request (FastCron, removed there in 2025-08)."""

    async def carry_out(wires: Sequence[Any], known: Known) -> Results:
        left = dict(enumerate(wires))
        for place, wire in enumerate(wires):
            if known is not None and (found := await _find(calls, table.CRON_EDIT, wire)):
                del left[place]
                yield place, found
        series = Series(lost := known is not None)
        for places in _alike(left):
            results = await series.send(
                [wires[place] for place in places], partial(edit, calls, lost=lost)
            )
            for place, result in zip(places, results, strict=True):
                yield place, result

    return Work(
        name="cron.edit_many",
        row=table.CRON_EDIT,
        carry_out=carry_out,
        requests=lambda count: ceil(count / calls.limits.most),
        at_least=lambda wires: sum(
            len(_alike(step)) for step in _steps(list(wires), calls.limits.most)
        ),
        size=lambda: calls.limits.most,
        workers=BATCHES_AT_ONCE,
    )


def _steps(wires: Sequence[Any], size: int) -> list[dict[int, Any]]:
    return [dict(enumerate(wires[begin : begin + size])) for begin in range(0, len(wires), size)]


def _alike(wires: Mapping[int, Any]) -> list[list[int]]:
    """Return the places of what is changed alike, together."""
    alike: dict[str, list[int]] = {}
    for place, wire in wires.items():
        alike.setdefault(
            repr(sorted(changes(wire).items(), key=lambda change: change[0])), []
        ).append(place)
    return list(alike.values())
