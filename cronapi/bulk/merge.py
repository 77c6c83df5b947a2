"""Calls that wait for a slot anyway share one: what a request asks for is settled only when its slot has come.

Adds become a batch, deletes a batch, gets a page of the list, equal reads one read. A caller that goes away before takes its item along.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import anyio
from attrs import define, evolve, field

from cronapi import _functions as table
from cronapi._call import Caller
from cronapi._functions import PAGE, Function, Repeat
from cronapi._lookup import ids_of
from cronapi._progress import Options
from cronapi._retry import History
from cronapi._spawn import spawn
from cronapi.bulk.adding import add
from cronapi.bulk.calls import Batches, Calls, Result
from cronapi.bulk.deleting import delete
from cronapi.bulk.getting import get
from cronapi.errors import CronAPIError, NotFoundError, WaitTooLongError
from cronapi.scheduler import Lane

Wire = Mapping[str, Any]
Key = tuple[object, ...]
CUT_OFF = Result(error=CronAPIError("The shared request was cut off."))
_BY_ID = (table.CRON_DELETE, table.CRON_GET)


@define(eq=False)
class Member:
    """One caller of a shared request."""

    wire: Wire
    item: Any
    event: anyio.Event = field(factory=anyio.Event)
    result: Result = CUT_OFF

    def end(self, result: Result) -> None:
        """Tell the caller; an error is a copy of its own, since each raise adds to its traceback."""
        self.result = evolve(result, error=copy.copy(result.error))
        self.event.set()


@define(eq=False)
class Shared:
    """A request that waits for its slot; `sealed` once it has one. `items` are what the members ask for, in their order."""

    calls: Calls
    members: list[Member] = field(factory=list)
    items: list[Any] = field(factory=list)
    sealed: bool = False
    scope: anyio.CancelScope | None = None

    def add(self, member: Member) -> None:
        """Let a caller join."""
        self.members.append(member)
        self.items.append(member.item)

    def remove(self, member: Member) -> None:
        """Let a caller go, and the request with the last."""
        if self.sealed or member.event.is_set():
            return
        place = self.members.index(member)
        del self.members[place], self.items[place]
        if not self.members and self.scope is not None:
            self.sealed = True
            self.scope.cancel()

    def end(self, results: Sequence[Result]) -> None:
        """Tell the callers."""
        self.sealed = True
        for place, member in enumerate(self.members):
            member.end(results[place] if place < len(results) else CUT_OFF)


Send = Callable[[Shared], Awaitable[list[Result]]]


class Merger:
    """Merges the calls of one client."""

    def __init__(self, caller: Caller, batches: Batches) -> None:
        self._caller = caller
        self._batches = batches
        self._open: dict[Key, Shared] = {}
        self._pending: Counter[object] = Counter()
        """Calls that have not ended, by the id of their job."""

    async def call(self, row: Function[Any], wire: Wire, options: Options, lane: Lane, history: History) -> Any:
        """Return the raw `data` of a call, or raise one of our errors."""
        number = wire.get("id") if row.name.startswith("cron.") else None
        key = str(number) if isinstance(number, int | str) else None
        self._pending[key] += 1
        try:
            send = self._way(row)
            if send is None:
                return await self._caller.call(row, wire, options, lane, history)
            return await self._share(
                Member(wire, number if row in _BY_ID else wire), (row, send), evolve(options, lane=options.lane or lane)
            )
        finally:
            self._pending -= Counter([key])  # which also forgets those that are down to none

    def _way(self, row: Function[Any]) -> Send | None:
        """Return how such calls are sent together, if they can be."""
        functions = self._caller.provider.functions
        if row is table.CRON_ADD:
            return _add if table.CRON_BATCH_ADD.name in functions else None
        if row is table.CRON_DELETE:
            return _delete if table.CRON_BATCH_DELETE.name in functions else None
        if row is table.CRON_GET:
            return _get
        return partial(_read, row) if row.repeat is Repeat.READ else None

    async def _share(self, member: Member, way: tuple[Function[Any], Send], options: Options) -> Any:
        shared = self._join(member, way, options)
        try:
            with anyio.move_on_after(options.max_wait):
                await member.event.wait()
            if not shared.sealed:
                raise WaitTooLongError(f"No slot came free in max_wait, {options.max_wait} s.", wait=self._eta(options))
            await member.event.wait()
        finally:
            shared.remove(member)
        if member.result.error is not None:
            raise member.result.error
        return member.result.data

    def _join(self, member: Member, way: tuple[Function[Any], Send], options: Options) -> Shared:
        row, send = way
        sharing = evolve(options, max_wait=None)
        key: Key = (row.name, json.dumps(member.wire, sort_keys=True) if row.repeat is Repeat.READ and row not in _BY_ID else None, sharing)
        shared = self._open.get(key)
        if shared is None or not self._may_join(shared, member, row):
            if options.max_wait is not None and (wait := self._eta(options)) > options.max_wait:
                raise WaitTooLongError(f"The queue is {wait:.1f} s long, max_wait is {options.max_wait:.1f} s.", wait=wait)
            shared = self._open[key] = Shared(Calls(self._caller, sharing, self._batches, options.lane or "interactive"))
            shared.scope = spawn(partial(self._drive, key, shared, send))
        shared.add(member)
        return shared

    def _may_join(self, shared: Shared, member: Member, row: Function[Any]) -> bool:
        """Whether a call may go with others that came before it: it must overtake no other call on its job, nor make a batch too large."""
        if shared.sealed or (row.repeat is not Repeat.READ and len(shared.members) >= self._batches.most):
            return False
        if row not in _BY_ID:
            return True
        inside = shared.items.count(member.item)
        return self._pending[str(member.item)] - 1 <= inside and not (inside and row is table.CRON_DELETE)

    def _eta(self, options: Options) -> float:
        return self._caller.scheduler.eta(options.lane or "interactive")

    async def _drive(self, key: Key, shared: Shared, send: Send) -> None:
        results: list[Result] = []
        try:
            results = await send(shared)
        except Exception as error:  # noqa: BLE001 -- the callers get it, not the event loop
            results = [Result(error=error if isinstance(error, CronAPIError) else CronAPIError(repr(error)))] * len(shared.members)
        finally:
            shared.end(results)
            if self._open.get(key) is shared:
                del self._open[key]


async def _add(shared: Shared) -> list[Result]:
    items = shared.items

    def seal() -> tuple[Function[Any], Wire]:
        shared.sealed = True
        return (table.CRON_ADD, items[0]) if len(items) == 1 else (table.CRON_BATCH_ADD, {"data": items})

    return await add(shared.calls, items, seal=seal)


async def _delete(shared: Shared) -> list[Result]:
    items = shared.items

    def seal() -> tuple[Function[Any], Wire]:
        shared.sealed = True
        return (table.CRON_DELETE, {"id": items[0]}) if len(items) == 1 else (table.CRON_BATCH_DELETE, {"id": items})

    return await delete(shared.calls, items, seal=seal)


async def _read(row: Function[Any], shared: Shared) -> list[Result]:
    """Send one read for all members, who ask for the same."""

    def seal() -> tuple[Function[Any], Wire]:
        shared.sealed = True
        return row, shared.items[0]

    data = await shared.calls(row, {}, seal=seal)
    return [Result(data)] * len(shared.members)


async def _get(shared: Shared) -> list[Result]:
    """Send one get, or read a page of the list where several jobs are asked for."""
    found: dict[int, Result] = {}
    asked: list[Function[Any]] = []

    def seal() -> tuple[Function[Any], Wire]:
        shared.sealed = True
        several = len(set(shared.items)) > shared.calls.batches.pages
        asked.append(table.CRON_LIST if several else table.CRON_GET)
        return (table.CRON_LIST, {"page": 1}) if several else (table.CRON_GET, {"id": shared.items[0]})

    try:
        data = await shared.calls(table.CRON_GET, {}, seal=seal)
    except CronAPIError as error:
        data = Result(error=error)
    if asked == [table.CRON_LIST] and isinstance(data, list):
        found = {number: Result(row) for row in data for number in ids_of(row)}
        if len(data) < PAGE:
            absent = Result(error=NotFoundError("There is no such job: the list does not show it.", function=table.CRON_GET.name))
            return [found.get(number, absent) for number in shared.items]
    else:
        found[shared.items[0]] = data if isinstance(data, Result) else Result(data)
    async with aclosing(get(shared.calls, [number for number in shared.items if number not in found])) as rest:
        found |= {number: result async for number, result in rest}
    return [found[number] for number in shared.items]
