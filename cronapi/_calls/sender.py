"""The requests of one call, one after the other, each with its slot and its exchange."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import anyio
from attrs import define, field

from cronapi._calls.caller import Caller
from cronapi._calls.creates import Keys
from cronapi._calls.exchange import Exchange
from cronapi._calls.foreign import foreign_answer
from cronapi._calls.lookup import RECOVERY, Finding
from cronapi._calls.matching import lookup_keys
from cronapi._calls.memory import ids_of, learn, learn_unreported
from cronapi._calls.options import (
    Before,
    DeferredRequest,
    Options,
    none_before,
    resolved,
)
from cronapi._functions import Function, Repeat
from cronapi._logs.lines import ADOPTED, ANSWERED, NOT_CARRIED_OUT, WAITS, Event, write
from cronapi._protocol.request import Request, build_request
from cronapi._protocol.response import Ending, Verdict
from cronapi.errors import ResponseError, WaitTooLongError
from cronapi.scheduler import Lane, Slot

OUTLASTED = "An earlier call on the same job was still under way after max_wait."


class Times(NamedTuple):
    """The number of an attempt, and the times when it asked for its slot and got it."""

    attempt: int
    asked: float
    granted: float


def _is_told() -> bool:
    """Return True if requests are logged."""
    return ANSWERED.logger.isEnabledFor(ANSWERED.level)


@define(eq=False)
class Sender:
    """Sends one call, again and again if need be.

    With a `deferred` request, the function and what is `sent` are those that it builds when a slot
    has come. Nothing is sent while there is a call `before` it. `deadline` is the end of max_wait,
    on anyio's clock.
    """

    caller: Caller
    function: Function[Any]
    sent: Mapping[str, Any] = field(repr=False)
    options: Options
    lane: Lane
    deferred: DeferredRequest | None = None
    before: Before = none_before
    deadline: float | None = None
    keys: Keys = frozenset()
    """The keys under which it is tracked as a create."""
    position: int | None = None
    """Its position in the queue, kept for a repeat."""
    exchange: Exchange | None = None
    abandoned: bool = False
    """True if the caller went away while the exchange was under way."""
    epoch: int = 0
    """The memory's epoch in which it was first sent, 0 before that."""
    attempts: int = 0

    async def attempt(self) -> Verdict:
        """Wait for a slot, send the request and return how that ended."""
        token = await resolved(self.caller.token)
        request = None if self.deferred else self._request(token)
        # The times cost something, so they are taken only where a line of the log tells them.
        asked = anyio.current_time() if _is_told() else None
        slot = await self._slot()
        self.attempts += 1
        times = None if asked is None else Times(self.attempts, asked, anyio.current_time())
        if request is None:
            request = self._build_deferred(token, slot)
        self.epoch = self.epoch or self.caller.memory.new_epoch()
        timeout = self.options.timeout
        learn = partial(self._learn, times)
        self.exchange = self.caller.transport.start(request, slot, timeout, learn)
        return await self.exchange.wait(timeout, self._tell_of_waiting)

    def tell(self, event: Event, *values: object) -> None:
        """Write a log line about this call."""
        write(event, self.caller.provider.name, self.function.name, *values)

    def tell_of(self, finding: Finding) -> None:
        """Write the log line of a lookup that was clear."""
        ids = ids_of(finding.data)
        if finding.happened:
            self.tell(ADOPTED, max(1, len(ids)), ids[0] if ids else None)
        else:
            self.tell(NOT_CARRIED_OUT, 1)

    def left(self) -> float | None:
        """Return the rest of max_wait, in seconds."""
        return None if self.deadline is None else max(0.0, self.deadline - anyio.current_time())

    def release_deferred(self) -> None:
        """Open a deferred request again: the service did nothing, so callers may join or leave."""
        if self.deferred is not None:
            self.caller.creates.stop_tracking(self)
            self.deferred.release()

    def late_answer(self) -> Finding | None:
        """Return the answer if it came after the call had stopped waiting for it."""
        if self.exchange is not None and self.exchange.verdict.ending is Ending.DONE:
            return Finding(data=self.exchange.verdict.data, happened=True)
        return None

    @property
    def keys_of_create(self) -> Keys:
        """The keys under which a lookup would find what this call creates."""
        is_create = self.function.repeat is Repeat.CREATE and self.function.name in RECOVERY
        if not is_create or self.deferred is not None:
            return frozenset()
        return lookup_keys(self.function.name, self.sent)

    @property
    def is_under_way(self) -> bool:
        """True while a request has no answer yet and its connection is open."""
        return self.exchange is not None and not self.exchange.has_ended

    async def wait_for_the_end(self) -> None:
        """Wait until no answer can come any more."""
        if self.exchange is not None:
            await self.exchange.ended()

    def end(self) -> None:
        """End the call. A request that is still under way ends by itself."""
        self.caller.memory.release(self.epoch)
        self.abandoned = self.is_under_way
        if not self.abandoned:
            self.caller.creates.stop_tracking(self)

    async def _slot(self) -> Slot:
        """Wait for a slot, and for the calls that this one must not overtake."""
        while True:
            if self.before() is not None:
                await self._outlast()
            try:
                slot = await self.caller.scheduler.acquire(self.lane, self.left(), self.position)
            except WaitTooLongError as error:  # which knows only what is left of max_wait
                raise self._queue_too_long(error.wait) from None
            self.position = slot.place
            if self.before() is None:  # otherwise one has joined meanwhile that has to wait
                return slot
            slot.release_unused()

    async def _outlast(self) -> None:
        """Wait at a place in the queue until no call is before this one.

        WaitTooLongError if that takes longer than max_wait, or if the queue is longer anyway.
        """
        scheduler, left = self.caller.scheduler, self.left()
        if self.position is None:
            wait = scheduler.eta(self.lane)
            if left is not None and wait > left:
                raise self._queue_too_long(wait)
            self.position = scheduler._take_place()  # noqa: SLF001 -- a call is part of its queue
        with anyio.move_on_after(left):
            while (earlier := self.before()) is not None:
                await earlier.ended()
        if self.before() is not None:
            raise WaitTooLongError(OUTLASTED, wait=scheduler.eta(self.lane))

    def _queue_too_long(self, wait: float) -> WaitTooLongError:
        most = self.options.max_wait
        return WaitTooLongError(f"The queue is {wait:.1f} s long, max_wait is {most} s.", wait=wait)

    def _learn(self, times: Times | None, verdict: Verdict) -> Verdict:
        """Remember the ids in an answer. An abandoned create ends here: until now it was open."""
        memory = self.caller.memory
        if verdict.ending is Ending.DONE:
            strange = None
            if not self.abandoned:
                strange = foreign_answer(self.function, self.sent, verdict.data, memory, self.epoch)
            if strange is not None:
                self.caller.transport.drop_connections()
                error = ResponseError(strange, problems=(f"$.data: {strange}",))
                verdict = Verdict(ending=Ending.GARBLED, error=error)
        if verdict.ending is Ending.DONE:
            learn(memory, self.function.name, verdict.data, self.sent)
        elif verdict.ending in (Ending.LOST, Ending.GARBLED):
            memory.remember_lost(self.keys)
        if self.abandoned:
            learn_unreported(memory, self.function.name, verdict.data)
            self.caller.creates.stop_tracking(self)
        self.caller.outage.note(self.caller.provider.name, verdict)
        if times is not None:
            self._tell_of_answer(times, verdict)
        return verdict

    def _tell_of_answer(self, times: Times, verdict: Verdict) -> None:
        ending, wire = verdict.ending.name.lower(), anyio.current_time() - times.granted
        queued = times.granted - times.asked
        self.tell(ANSWERED, times.attempt, ending, verdict.status, queued, wire)

    def _tell_of_waiting(self, seconds: float, left: float) -> None:
        self.tell(WAITS, self.attempts, seconds, left)

    def _build_deferred(self, token: str, slot: Slot) -> Request:
        try:
            known = Keys()
            if self.deferred is not None:
                self.function, self.sent = self.deferred.build()
                known = self.deferred.keys()
            if self.function.name in RECOVERY and not self.keys:
                keys = known or lookup_keys(self.function.name, self.sent)
                self.caller.creates.track(self, keys)
            return self._request(token)
        except BaseException:  # whatever ends it, the slot is free again
            slot.release_unused()
            raise

    def _request(self, token: str) -> Request:
        return build_request(
            self.caller.provider,
            self.function.name,
            self.sent,
            token,
            auth=self.options.auth,
            request_format=self.options.request_format,
        )
