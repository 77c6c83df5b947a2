"""Calls that wait for a slot anyway share one: what a request asks for is settled only when its slot has come.

Adds become a batch, deletes a batch, gets a page of the list, equal reads one read. A caller that goes away before takes its item along,
and the request goes with its last caller. A batch that is refused and has done nothing goes on in parts, each like any other request.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

import anyio
from attrs import evolve

from cronapi import _functions as table
from cronapi._batch.adding import add_together
from cronapi._batch.calls import FOR_ALL, Batches, Calls, Ends, Result, all_failed, told
from cronapi._batch.deleting import delete_together
from cronapi._batch.getting import each, get, is_of_the_page
from cronapi._calls.caller import Caller
from cronapi._calls.lookup import ids_of, listed
from cronapi._calls.options import Options
from cronapi._calls.retry import History
from cronapi._calls.tasks import spawn
from cronapi._coalesce.order import Line, Order
from cronapi._coalesce.shared import LATE, Member, Shared
from cronapi._functions import PAGE, Function, Repeat
from cronapi._protocol.json_text import copied
from cronapi.errors import CronAPIError, NotFoundError, WaitTooLongError
from cronapi.scheduler import Lane

Wire = Mapping[str, Any]
Key = tuple[object, ...]
_BY_ID = (table.CRON_DELETE, table.CRON_GET)
Send = Callable[[Shared], Awaitable[Ends]]


class Merger:
    """Merges the calls of one client."""

    def __init__(self, caller: Caller, batches: Batches) -> None:
        self._caller = caller
        self._batches = batches
        self._open: dict[Key, Shared] = {}
        self._order = Order()

    async def call(
        self,
        row: Function[Any],
        wire: Wire,
        options: Options,
        lane: Lane,
        history: History | None = None,
    ) -> Any:
        """Return the raw `data` of a call, or raise one of our errors."""
        self._caller.check()
        with self._order.turn(row, wire) as turn:
            send = self._way(row, wire)
            if send is not None:
                member = Member(wire, wire["id"] if row in _BY_ID else wire, turn)
                await self._share(member, (row, send), evolve(options, lane=options.lane or lane))
                if history is not None:
                    history.attempts = member.shared.attempts
                return (
                    copied(member.result.data)
                    if len(member.shared.members) > 1
                    else member.result.data
                )
            await self._order.line_up().move_up()
            return await self._caller.call(row, wire, options, lane, history)

    def _way(self, row: Function[Any], wire: Wire) -> Send | None:
        """Return how such calls are sent together, if they can be."""
        functions = self._caller.provider.functions
        if row in _BY_ID and not (type(wire.get("id")) is int and len(wire) == 1):
            return None
        if row is table.CRON_ADD:
            return _add if table.CRON_BATCH_ADD.name in functions else None
        if row is table.CRON_DELETE:
            return _delete if table.CRON_BATCH_DELETE.name in functions else None
        if row is table.CRON_GET:
            return _get
        return partial(_read, row) if row.repeat is Repeat.READ else None

    async def _share(
        self, member: Member, way: tuple[Function[Any], Send], options: Options
    ) -> None:
        """Let a caller wait for its result."""
        try:
            self._join(member, way, options)
            try:
                await self._wait(member, options)
            finally:
                member.shared.remove(member)
            if member.failure is not None:
                raise member.failure
        except CronAPIError as error:
            raise error.of_call(
                provider=self._caller.provider.name, function=way[0].name
            ) from error.__cause__

    async def _wait(self, member: Member, options: Options) -> None:
        """Wait for the answer; what has been sent is waited for beyond max_wait, what was refused is not."""
        with anyio.move_on_after(options.max_wait):
            await member.event.wait()
        if not member.event.is_set():
            member.is_late = True
            member.shared.let_go()
            await member.event.wait()
        if member.result is LATE:
            raise WaitTooLongError(
                f"No slot came free in max_wait, {options.max_wait} s.", wait=self._eta(options)
            )

    def _join(self, member: Member, way: tuple[Function[Any], Send], options: Options) -> None:
        row, send = way
        sharing = evolve(options, max_wait=None)
        key: Key = (
            row.name,
            json.dumps(member.wire, sort_keys=True)
            if row.repeat is Repeat.READ and row not in _BY_ID
            else None,
            sharing,
        )
        shared = self._open.get(key)
        if shared is None or not self._may_join(shared, member, row):
            if options.max_wait is not None and (wait := self._eta(options)) > options.max_wait:
                raise WaitTooLongError(
                    f"The queue is {wait:.1f} s long, max_wait is {options.max_wait:.1f} s.",
                    wait=wait,
                )
            calls = Calls(self._caller, sharing, self._batches, options.lane or "interactive")
            shared = self._open[key] = Shared(calls, member.turn)
            shared.add(member)  # before the task may begin, which some loops let it do at once
            self._start(key, shared, send)
        else:
            shared.add(member)

    def _start(self, key: Key, shared: Shared, send: Send) -> None:
        shared.scope = spawn(partial(self._drive, key, shared, send, self._order.line_up()))

    def _may_join(self, shared: Shared, member: Member, row: Function[Any]) -> bool:
        """Whether a call may go with others that came before it: it must overtake no other call on its job, nor make a batch too large."""
        full = row.repeat is not Repeat.READ and len(shared.members) >= self._batches.most
        return not shared.sealed and not full and member.turn.may_join(shared.turn)

    def _eta(self, options: Options) -> float:
        return self._caller.scheduler.eta(options.lane or "interactive")

    async def _drive(self, key: Key, shared: Shared, send: Send, line: Line) -> None:
        try:
            await line.move_up()
            for part in shared.end(
                await send(shared)
            ):  # both at once: who is not with the refused one need not wait for it
                self._start(key, part, send)
        except CronAPIError as error:
            shared.end(told(all_failed(error, shared.members)))
        except Exception as error:  # noqa: BLE001 -- the callers get it, not the event loop
            shared.fail(error)
        finally:
            shared.end(told(()))
            if self._open.get(key) is shared:
                del self._open[key]


async def _add(shared: Shared) -> Ends:
    def close(items: list[Any]) -> tuple[Function[Any], Wire]:
        return (
            (table.CRON_ADD, items[0])
            if len(items) == 1
            else (table.CRON_BATCH_ADD, {"data": items})
        )

    return await add_together(shared.calls, shared.items, shared.seal(close))


async def _delete(shared: Shared) -> Ends:
    def close(items: list[Any]) -> tuple[Function[Any], Wire]:
        return (
            (table.CRON_DELETE, {"id": items[0]})
            if len(items) == 1
            else (table.CRON_BATCH_DELETE, {"id": items})
        )

    return await delete_together(shared.calls, shared.items, shared.seal(close))


async def _read(row: Function[Any], shared: Shared) -> Ends:
    """Send one read for all members, who ask for the same."""
    data = await shared.calls(row, {}, seal=shared.seal(lambda items: (row, items[0])))
    return told([Result(data)] * len(shared.members))


async def _get(shared: Shared) -> Ends:
    """Send one get, or read a page of the list where several jobs are asked for."""
    found: dict[int, Result] = {}
    several, way = True, get

    def close(items: list[Any]) -> tuple[Function[Any], Wire]:
        nonlocal several
        several = len(set(items)) > shared.calls.batches.pages
        return (table.CRON_LIST, {"page": 1}) if several else (table.CRON_GET, {"id": items[0]})

    try:
        data = await shared.calls(table.CRON_GET, {}, seal=shared.seal(close))
        found = _shown(listed(data), shared.items) if several else {shared.items[0]: Result(data)}
    except CronAPIError as error:
        if not several and not isinstance(error, FOR_ALL):
            found[shared.items[0]] = Result(error=error)
        elif several and is_of_the_page(error):
            way = each
        else:
            return told(all_failed(error, shared.items))
    async with aclosing(
        way(shared.calls, [number for number in shared.items if number not in found])
    ) as rest:
        found |= {number: result async for number, result in rest}
    return told(found[number] for number in shared.items)


def _shown(page: list[Any], items: list[int]) -> dict[int, Result]:
    """Return what the first page of the list tells: if it is the only one, then what it does not show is not there."""
    found = {number: Result(row) for row in page for number in ids_of(row)}
    if len(page) >= PAGE:
        return found
    absent = Result(
        error=NotFoundError(
            "There is no such job: the list does not show it.", function=table.CRON_GET.name
        )
    )
    return dict.fromkeys(items, absent) | found
