"""Calls that wait for a slot anyway share one. A request is built only when its slot has come.

Adds become a batch, deletes a batch, gets a page of the list, and equal reads one read. A caller
that leaves before takes its item along, and the request ends with its last caller. A batch that is
refused and has done nothing goes on in parts, each like any other request.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.limits import Limits
from cronapi._batch.results import BatchResult, all_failed, settled
from cronapi._calls.answer import Answer
from cronapi._calls.call import Call
from cronapi._calls.caller import Caller
from cronapi._calls.options import Options, changed
from cronapi._calls.sender import OUTLASTED
from cronapi._calls.tasks import spawn
from cronapi._coalesce.order import Line, Order
from cronapi._coalesce.shared import LATE, Member, Shared
from cronapi._coalesce.sharing import send_adds, send_deletes, send_gets, send_read
from cronapi._functions import Function, Repeat
from cronapi._protocol.facts import with_facts
from cronapi._protocol.json_text import copied
from cronapi.errors import CronAPIError, WaitTooLongError
from cronapi.scheduler import Lane

Sent = Mapping[str, Any]
Key = tuple[object, ...]
Send = Callable[[Shared], Awaitable[BatchResult]]
_BY_ID = frozenset({table.CRON_GET.name, table.CRON_DELETE.name})


class Merger:
    """Merges the calls of one client."""

    def __init__(self, caller: Caller, limits: Limits) -> None:
        self._caller = caller
        self._limits = limits
        self._open: dict[Key, Shared] = {}
        self._order = Order()

    async def answer(
        self, function: Function[Any], sent: Sent, options: Options, lane: Lane
    ) -> Answer:
        """Return the answer to a call, or raise one of our errors."""
        self._caller.check()
        await checkpoint_if_cancelled()
        lane = options.lane or lane
        turn = self._order.begin(function, sent, lane)
        try:
            send = self._send_for(function, sent)
            if send is None:
                await self._order.line_up().move_up()
                before = partial(self._order.before, (turn,))
                call = Call(self._caller, function, sent, options, lane, before=before)
                return await call.answer()
            member = Member(sent, sent["id"] if function.name in _BY_ID else sent, turn)
            await self._share(member, function, send, changed(options, lane=lane))
            data, shared = member.result.data, member.shared
            # Callers may change their answers, so each has its own.
            return Answer(copied(data) if len(shared.members) > 1 else data, shared.attempts)
        finally:
            self._order.end(turn)

    def _send_for(self, function: Function[Any], sent: Sent) -> Send | None:
        """Return the way to send such calls together, or None if there is none."""
        if function.name in _BY_ID and not (type(sent.get("id")) is int and len(sent) == 1):
            return None
        if function is table.CRON_ADD:
            return send_adds if self._caller.has(table.CRON_BATCH_ADD.name) else None
        if function is table.CRON_DELETE:
            return send_deletes if self._caller.has(table.CRON_BATCH_DELETE.name) else None
        if function is table.CRON_GET:
            return send_gets
        return partial(send_read, function) if function.repeat is Repeat.READ else None

    async def _share(
        self, member: Member, function: Function[Any], send: Send, options: Options
    ) -> None:
        """Let a caller wait for its result."""
        try:
            self._join(member, function, send, options)
            try:
                await self._wait(member, options)
            finally:
                member.shared.remove(member)
            if member.failure is not None:
                raise member.failure
        except CronAPIError as error:
            provider = self._caller.provider.name
            raise with_facts(error, provider=provider, function=function.name) from error.__cause__

    async def _wait(self, member: Member, options: Options) -> None:
        """Wait for the answer, beyond max_wait only if the item is being carried out.

        No time counts before the request's task has asked for its slot: a free one may go with a
        max_wait of 0.
        """
        if options.max_wait is None:
            return await member.ended()
        if member.shared.line is not None:
            await member.shared.line.has_moved_up()
        with anyio.move_on_after(options.max_wait):
            await member.ended()
        if not member.has_ended:
            member.is_late = True
            member.shared.drop()
            await member.ended()
        if member.result is LATE:
            text = f"No slot came free in max_wait, {options.max_wait} s."
            if self._order.before((member.turn,)) is not None:
                text = OUTLASTED
            raise WaitTooLongError(text, wait=self._eta(options), attempts=member.shared.attempts)
        return None

    def _join(self, member: Member, function: Function[Any], send: Send, options: Options) -> None:
        sharing = options if options.max_wait is None else changed(options, max_wait=None)
        equal = function.repeat is Repeat.READ and function.name not in _BY_ID
        same = json.dumps(member.sent, sort_keys=True) if equal else None
        # Those that wait for an earlier call share apart, so that they hold up none that need not.
        must_wait = self._order.before((member.turn,)) is not None
        key: Key = (function.name, same, sharing, must_wait)
        shared = self._open.get(key)
        if shared is not None and self._may_join(shared, member, function):
            return shared.add(member)
        wait = 0.0 if options.max_wait is None else self._eta(options)
        if options.max_wait is not None and wait > options.max_wait:
            text = f"The queue is {wait:.1f} s long, max_wait is {options.max_wait:.1f} s."
            raise WaitTooLongError(text, wait=wait)
        calls = Calls(self._caller, sharing, self._limits, options.lane or "interactive")
        shared = self._open[key] = Shared(calls, member.turn, self._order)
        shared.add(member)  # before its task begins, which some loops let it do at once
        return self._start(key, shared, send)

    def _start(self, key: Key, shared: Shared, send: Send) -> None:
        shared.line = self._order.line_up()
        drive, transport = partial(self._drive, key, shared, send), self._caller.transport
        shared.scope = spawn(partial(drive, shared.line), transport.begin, transport.scopes)

    def _may_join(self, shared: Shared, member: Member, function: Function[Any]) -> bool:
        """Return True if a call may share a request that earlier calls have made.

        It must overtake no other call on its job, nor make a batch too large.
        """
        is_change = function.repeat is not Repeat.READ
        full = is_change and len(shared.members) >= self._limits.most
        return not shared.built and not full and member.turn.may_join(shared.turn)

    def _eta(self, options: Options) -> float:
        return self._caller.scheduler.eta(options.lane or "interactive")

    async def _drive(self, key: Key, shared: Shared, send: Send, line: Line) -> None:
        try:
            await line.move_up()
            # All parts at once: members beside the refused item need not wait for it.
            for part in shared.end(await send(shared)):
                self._start(key, part, send)
        except CronAPIError as error:
            shared.end(settled(all_failed(error, shared.members)))
        except Exception as error:  # noqa: BLE001 -- the callers get it, not the event loop
            shared.fail(error)
        except BaseException:  # cancelled: nobody may wait for ever
            shared.end(settled(()))
            raise
        finally:
            if self._open.get(key) is shared:
                del self._open[key]
