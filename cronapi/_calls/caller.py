"""One call: through the queue, out and back, repeated where that is safe, looked up where it is not."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import checkpoint_if_cancelled
from attrs import evolve

from cronapi._calls.absence import Listings, may_be_gone
from cronapi._calls.lookup import (
    LOOK_LONG,
    LOOK_SOON,
    RECOVERY,
    UNCLEAR,
    Ask,
    Finding,
    disown,
    learn,
    lose,
    namings,
)
from cronapi._calls.memory import Memory
from cronapi._calls.options import Creates, Options, Progress, Seal, Token, resolved
from cronapi._calls.retry import History, RetryPolicy, Step, backoff, is_over, next_step
from cronapi._calls.transport import Transport
from cronapi._functions import CRON_BATCH_DELETE, TABLE, Function, Repeat
from cronapi._protocol.request import Request, build_request
from cronapi._protocol.response import Ending, Verdict
from cronapi.errors import (
    APIError,
    ConfigurationError,
    CronAPIError,
    NotFoundError,
    OutcomeUnknownError,
    RequestTimeoutError,
    SchedulerError,
    StatusError,
    UnsupportedFunctionError,
    WaitTooLongError,
)
from cronapi.providers import Provider
from cronapi.scheduler import Lane, Scheduler, Slot


class Caller:
    """Makes the calls of one token at one provider."""

    def __init__(
        self,
        provider: Provider,
        token: Token,
        transport: Transport,
        scheduler: Callable[[], Scheduler],
    ) -> None:
        self.provider = provider
        self._token = token
        self._transport = transport
        self._scheduler = scheduler
        self.memory: Memory = Memory()
        self._creating: WeakValueDictionary[frozenset[tuple[str, ...]], anyio.Lock] = (
            WeakValueDictionary()
        )
        self.creates: Creates = Creates()
        self._listings = Listings(self.asker)

    async def call(
        self,
        row: Function[Any],
        wire: Mapping[str, Any],
        options: Options,
        lane: Lane = "interactive",
        history: History | None = None,
        seal: Seal | None = None,
    ) -> Any:
        """Return the raw `data` of a function, or raise one of our errors.

        A `history` given is filled in. With a `seal` the row and what is sent are those that it returns when a slot has come.
        """
        self._check(row.name)
        self.check()
        deadline = None if options.max_wait is None else anyio.current_time() + options.max_wait
        if row.repeat is Repeat.SAME and wire.get("run"):
            row = evolve(row, repeat=Repeat.CREATE)
        progress = Progress(row, wire, options.lane or lane, deadline, history or History(), seal)
        try:
            if (
                row.repeat is Repeat.CREATE
                and row.name in RECOVERY
                and seal is None
                and namings(row.name, wire)
            ):
                async with self._alone(progress):
                    return await self._perform(progress, options)
            return await self._perform(progress, options)
        except (
            ConfigurationError
        ) as error:  # from the token function, when something may have been sent already
            raise progress.fail(error, self.provider) from error.__cause__
        finally:
            self.memory.let_go(progress.moment)
            progress.abandoned = (
                progress.exchange is not None and not progress.exchange.event.is_set()
            )
            if not progress.abandoned:
                self.creates.remove(progress)

    def is_busy(self, function: str, wire: Mapping[str, Any]) -> bool:
        """Whether a create is under way that a look-up could not tell apart from this one."""
        return self.creates.most(namings(function, wire)) > 0

    async def outlast(self, function: str, wire: Mapping[str, Any]) -> None:
        """Wait until the requests have ended, an abandoned one too, that a look-up could not tell apart from this create."""
        for exchange in self.creates.sent(namings(function, wire)):
            await exchange.event.wait()

    def asker(self, options: Options, lane: Lane, begin: Callable[[], None] | None = None) -> Ask:
        """Return a way to make reads with these options, without their max_wait; `begin` is called when one gets its slot."""
        reading = evolve(options, max_wait=None, lane=lane, look=True)

        async def ask(row: Function[Any], wire: dict[str, Any]) -> Any:
            def close() -> tuple[Function[Any], dict[str, Any]]:
                if begin is not None:
                    begin()
                return row, wire

            return await self.call(row, wire, reading, seal=None if begin is None else Seal(close))

        return ask

    def check(self) -> None:
        """Refuse to serve a closed client, or another event loop than the first."""
        self._transport.check()

    @property
    def token(self) -> str | None:
        """The token where it was given as text; what a function gives may be another one each time."""
        return self._token if isinstance(self._token, str) else None

    async def rest(self, seconds: float) -> None:
        """Let time pass before a look."""
        await self._scheduler().rest(seconds)

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler of the running event loop."""
        return self._scheduler()

    def _check(self, function: str) -> None:
        name = self.provider.name
        if function not in self.provider.functions and function in TABLE:
            raise UnsupportedFunctionError(
                f"{name} has no such function.", provider=name, function=function
            )

    @asynccontextmanager
    async def _alone(self, progress: Progress) -> AsyncIterator[None]:
        """Let creates that a look-up could not tell apart go one after the other."""
        names = namings(progress.row.name, progress.wire)
        lock, mine = self._creating.setdefault(names, anyio.Lock()), False
        await checkpoint_if_cancelled()
        with suppress(anyio.WouldBlock):
            lock.acquire_nowait()
            mine = True
        if not mine:
            with anyio.move_on_after(progress.left()):
                await lock.acquire()
                mine = True
        if not mine:
            error = WaitTooLongError(
                "An identical create was still under way after max_wait.",
                wait=self._scheduler().eta(progress.lane),
            )
            raise progress.fail(error, self.provider)
        self.creates.add(progress, names)
        try:
            yield
        finally:
            lock.release()

    async def _perform(self, progress: Progress, options: Options) -> Any:
        while True:
            verdict = await self._attempt(progress, options)
            now, history = anyio.current_time(), progress.history
            history.record(verdict.ending, now)
            if (
                progress.seal
                and not history.lost
                and verdict.ending in (Ending.REFUSED, Ending.NOT_SENT)
            ):
                self.creates.remove(
                    progress
                )  # nothing was made of it: until the next slot callers may join and leave again
                progress.seal.reopen()
            step = next_step(
                verdict.ending,
                progress.row.repeat,
                history,
                options.retry,
                now=now,
                retry_after=verdict.retry_after,
            )
            if step is Step.RETURN:
                return verdict.data
            if step is Step.RAISE:
                return await self._fail(progress, verdict, options)
            if step is Step.LOOK and not options.look:
                return await self._wait_for_the_end(progress, verdict)
            if step is Step.LOOK:
                finding = await self._look(progress, verdict, options)
                if finding.happened:
                    return finding.data
                await self._go_on(progress, verdict, options)
            elif verdict.ending is not Ending.REFUSED and not await self._rest(progress, options):
                return await self._fail(progress, verdict, options)

    async def _attempt(self, progress: Progress, options: Options) -> Verdict:
        token = await resolved(self._token)
        request = None if progress.seal else self._request(progress, token, options)
        slot = await self._acquire(progress)
        progress.place = slot.place
        if request is None:
            request = self._sealed(progress, token, options, slot)
        progress.moment = progress.moment or self.memory.now()
        progress.exchange = self._transport.start(
            request, slot, options.timeout, self._learner(progress)
        )
        return await progress.exchange.wait(options.timeout)

    def _learner(self, progress: Progress) -> Callable[[Verdict], None]:
        def take_in(verdict: Verdict) -> None:
            if verdict.ending is Ending.DONE:
                learn(self.memory, progress.row.name, verdict.data, progress.wire)
            if (
                progress.abandoned
            ):  # nobody waits for it any more: until now it may have been carried out at any moment
                disown(self.memory, progress.row.name, verdict.data)
                self.creates.remove(progress)

        return take_in

    def _sealed(self, progress: Progress, token: str, options: Options, slot: Slot) -> Request:
        try:
            if progress.seal is not None:
                progress.row, progress.wire = progress.seal.close()
            if progress.row.name in RECOVERY and not progress.names:
                self.creates.add(progress, namings(progress.row.name, progress.wire))
            return self._request(progress, token, options)
        except BaseException:
            slot.give_back()
            raise

    def _request(self, progress: Progress, token: str, options: Options) -> Request:
        return build_request(
            self.provider,
            progress.row.name,
            progress.wire,
            token,
            auth=options.auth,
            request_format=options.request_format,
        )

    async def _acquire(self, progress: Progress) -> Slot:
        try:
            return await self._scheduler().acquire(progress.lane, progress.left(), progress.place)
        except (SchedulerError, WaitTooLongError) as error:
            raise progress.fail(error, self.provider) from error.__cause__

    async def _rest(self, progress: Progress, options: Options) -> bool:
        """Let time pass before a repeat, unless that would be longer than what is left of max_wait."""
        longest, left = (options.retry or RetryPolicy()).max_delay, progress.left()
        delay = backoff(progress.history.errors - 1, longest, random.random())  # noqa: S311 -- jitter, not a secret
        if left is not None and delay > left:
            return False
        await self._scheduler().rest(delay)
        return True

    async def _fail(self, progress: Progress, verdict: Verdict, options: Options) -> Any:
        """Raise the verdict's error, unless a listing shows that the thing is gone, which is what a delete is for."""
        error = verdict.error or CronAPIError(verdict.ending.value)
        failed = progress.fail(error, self.provider)
        if not await self._is_gone(progress, error, options):
            raise failed from failed.__cause__
        lose(self.memory, progress.row.name, progress.wire)
        if progress.row.repeat is Repeat.GONE and progress.history.lost:
            return None
        raise NotFoundError(error.message, code=getattr(error, "code", 1)).of_call(
            **failed.facts()
        ) from failed

    async def _is_gone(self, progress: Progress, error: CronAPIError, options: Options) -> bool:
        """Whether the service's error means that there is no such thing, which its codes do not tell."""
        batch = (
            progress.seal is not None and progress.row is CRON_BATCH_DELETE
        )  # which is looked up item by item, by whoever sent it
        if (
            type(error) is not APIError
            or options.retry is None
            or batch
            or not (options.look and may_be_gone(progress.row))
        ):
            return False
        return await self._listings.is_gone(
            progress.row.name, progress.wire.get("id"), options, progress.lane
        )

    async def _go_on(self, progress: Progress, verdict: Verdict, options: Options) -> None:
        """Send a create again that was proven not to have happened, unless that was tried often enough."""
        progress.history.lost = False
        if is_over(progress.history, options.retry or RetryPolicy(), now=anyio.current_time()):
            await self._fail(progress, verdict, options)

    async def _look(self, progress: Progress, verdict: Verdict, options: Options) -> Finding:
        """Look a create up whose answer was lost; raise OutcomeUnknownError where that cannot tell."""
        finding = UNCLEAR
        for delay in (
            LOOK_LONG if isinstance(verdict.error, RequestTimeoutError | StatusError) else LOOK_SOON
        ):
            await self._scheduler().rest(delay)
            finding = progress.late() or await self._recover(progress, options)
            if finding.happened is not False:
                break
        if (
            finding.happened is False
            and progress.exchange is not None
            and not progress.exchange.event.is_set()
        ):
            # The connection is still open: the service may be about to carry it out.
            await progress.exchange.event.wait()
            finding = progress.late() or await self._recover(progress, options)
        if finding.happened is None:
            raise self._unknown(progress) from verdict.error
        return finding

    async def _wait_for_the_end(self, progress: Progress, verdict: Verdict) -> Any:
        """Return an answer that comes late; raise OutcomeUnknownError once none can come any more."""
        if progress.exchange is not None:
            await progress.exchange.event.wait()
        late = progress.late()
        if late is None:
            raise self._unknown(progress) from verdict.error
        return late.data

    async def _recover(self, progress: Progress, options: Options) -> Finding:
        recover = RECOVERY.get(progress.row.name)
        names = namings(progress.row.name, progress.wire)
        if recover is None or not progress.moment or not names or self.creates.most(names) > 1:
            return UNCLEAR
        try:
            finding = await recover(
                self.asker(options, progress.lane), progress.wire, self.memory, progress.moment
            )
        except CronAPIError as error:
            raise self._unknown(progress) from error
        except (
            KeyError,
            TypeError,
            ValueError,
        ):  # a raw call without what it could be found by, or with something odd there
            return UNCLEAR
        if finding.happened:
            learn(self.memory, progress.row.name, finding.data, progress.wire)
        return finding

    def _unknown(self, progress: Progress) -> CronAPIError:
        return progress.fail(
            OutcomeUnknownError(
                "It was sent, no usable answer came, and looking it up could not tell."
            ),
            self.provider,
        )
