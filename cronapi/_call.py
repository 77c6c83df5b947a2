"""One call: through the queue, out and back, repeated where that is safe, looked up where it is not."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from inspect import isawaitable
from typing import Any
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import checkpoint_if_cancelled
from attrs import define, evolve, frozen

from cronapi import _functions as table
from cronapi._exchange import Exchange
from cronapi._functions import Function, Repeat
from cronapi._lookup import RECOVERY, UNCLEAR, Finding, Memory, is_gone, namings
from cronapi._retry import Ending, History, RetryPolicy, Step, backoff, is_over, next_step
from cronapi._transport import Transport
from cronapi._wire import Auth, Request, RequestFormat, Verdict, build_request
from cronapi.errors import (
    APIError,
    Applied,
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

Token = str | Callable[[], str | Awaitable[str]]

logger = logging.getLogger("cronapi")

LOOK_SOON, LOOK_LONG = (0.5,), (0.5, 2.0, 4.0)
"""Seconds before each look. A request that timed out, here or at a gateway, may still be worked on: one look that finds nothing
proves little then."""
_NAMED = (table.CRON_GET.name, table.GROUP_GET.name)
"""Reads of one thing, whose error may mean that there is no such thing."""


@frozen(kw_only=True)
class Options:
    """How calls are made; `timeout` and `max_wait` are in seconds, `lane` None leaves it to the method."""

    timeout: float
    retry: RetryPolicy | None
    auth: Auth
    request_format: RequestFormat
    max_wait: float | None = None
    lane: Lane | None = None


@define
class _Progress:
    """Where one call stands."""

    row: Function[Any]
    wire: Mapping[str, Any]
    lane: Lane
    deadline: float | None
    history: History
    place: int | None = None
    exchange: Exchange | None = None
    moment: int | None = None
    """When it was first sent, as the memory counts."""

    def left(self) -> float | None:
        """Return what is left of max_wait, in seconds."""
        return None if self.deadline is None else max(0.0, self.deadline - anyio.current_time())

    def late(self) -> Finding | None:
        """Return the answer that came after the caller had given up on it."""
        if self.exchange is not None and self.exchange.verdict.ending is Ending.DONE:
            return Finding(data=self.exchange.verdict.data, happened=True)
        return None

    def fail(self, error: CronAPIError, provider: Provider) -> CronAPIError:
        """Return the error with what is known of the call."""
        applied = error.applied if error.applied is not Applied.NO else self.history.applied(self.row.repeat)
        return error.of_call(provider=provider.name, function=self.row.name, attempts=self.history.attempts, applied=applied)


class Caller:
    """Makes the calls of one token at one provider."""

    def __init__(self, provider: Provider, token: Token, transport: Transport, scheduler: Callable[[], Scheduler]) -> None:
        self.provider = provider
        self._token = token
        self._transport = transport
        self._scheduler = scheduler
        self._memory = Memory()
        self._creating: WeakValueDictionary[frozenset[tuple[str, ...]], anyio.Lock] = WeakValueDictionary()
        self._under_way: Counter[tuple[str, ...]] = Counter()

    async def call(
        self,
        row: Function[Any],
        wire: Mapping[str, Any],
        options: Options,
        lane: Lane = "interactive",
        history: History | None = None,
    ) -> Any:
        """Return the raw `data` of a function, or raise one of our errors; a `history` given is filled in."""
        self._check(row.name)
        self._transport.check()
        deadline = None if options.max_wait is None else anyio.current_time() + options.max_wait
        if row.repeat is Repeat.SAME and wire.get("run"):
            row = evolve(row, repeat=Repeat.CREATE)
        progress = _Progress(row, wire, options.lane or lane, deadline, history or History())
        if row.repeat is Repeat.CREATE and row.name in RECOVERY:
            async with self._alone(progress):
                return await self._perform(progress, options)
        return await self._perform(progress, options)

    def _check(self, function: str) -> None:
        name = self.provider.name
        if function not in self.provider.functions and function in table.TABLE:
            raise UnsupportedFunctionError(f"{name} has no such function.", provider=name, function=function)

    @asynccontextmanager
    async def _alone(self, progress: _Progress) -> AsyncIterator[None]:
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
            error = WaitTooLongError("An identical create was still under way after max_wait.", wait=self._scheduler().eta(progress.lane))
            raise progress.fail(error, self.provider)
        self._under_way.update(names)
        try:
            yield
        finally:
            self._under_way -= Counter(names)  # which also forgets those that are down to none
            lock.release()

    async def _perform(self, progress: _Progress, options: Options) -> Any:
        while True:
            verdict = await self._attempt(progress, options)
            progress.history.record(verdict.ending, anyio.current_time())
            step = next_step(
                verdict.ending,
                progress.row.repeat,
                progress.history,
                options.retry,
                now=anyio.current_time(),
                retry_after=verdict.retry_after,
            )
            if step is Step.RETURN:
                return verdict.data
            if step is Step.RAISE:
                return await self._fail(progress, verdict, options)
            if step is Step.LOOK:
                finding = await self._look(progress, verdict, options)
                if finding.happened:
                    return finding.data
                await self._go_on(progress, verdict, options)
            elif verdict.ending is not Ending.REFUSED and not await self._rest(progress, options):
                return await self._fail(progress, verdict, options)

    async def _attempt(self, progress: _Progress, options: Options) -> Verdict:
        request = await self._request(progress, options)
        slot = await self._acquire(progress)
        progress.place = slot.place
        progress.moment = progress.moment or self._memory.now()
        progress.exchange = self._transport.start(request, slot, options.timeout, self._learner(progress))
        return await progress.exchange.wait(options.timeout)

    def _learner(self, progress: _Progress) -> Callable[[Verdict], None]:
        def learn(verdict: Verdict) -> None:
            if verdict.ending is Ending.DONE:
                self._memory.learn(progress.row.name, verdict.data, progress.wire)

        return learn

    async def _request(self, progress: _Progress, options: Options) -> Request:
        token = await self._resolve_token()
        return build_request(
            self.provider, progress.row.name, progress.wire, token, auth=options.auth, request_format=options.request_format
        )

    async def _resolve_token(self) -> str:
        token = self._token if isinstance(self._token, str) else self._token()
        return checked_token(await token if isawaitable(token) else token)

    async def _acquire(self, progress: _Progress) -> Slot:
        try:
            return await self._scheduler().acquire(progress.lane, progress.left(), progress.place)
        except (SchedulerError, WaitTooLongError) as error:
            raise progress.fail(error, self.provider) from error.__cause__

    async def _rest(self, progress: _Progress, options: Options) -> bool:
        """Let time pass before a repeat, unless that would be longer than what is left of max_wait."""
        longest, left = (options.retry or RetryPolicy()).max_delay, progress.left()
        delay = backoff(progress.history.errors - 1, longest, random.random())  # noqa: S311 -- jitter, not a secret
        if left is not None and delay > left:
            return False
        await self._scheduler().rest(delay)
        return True

    async def _fail(self, progress: _Progress, verdict: Verdict, options: Options) -> Any:
        """Raise the verdict's error, unless a listing shows that the thing is gone, which is what a delete is for."""
        error = verdict.error or CronAPIError(verdict.ending.value)
        failed = progress.fail(error, self.provider)
        if not await self._is_gone(progress, error, options):
            raise failed from failed.__cause__
        if progress.row.repeat is Repeat.GONE and progress.history.lost:
            return None
        raise NotFoundError(error.message, code=getattr(error, "code", 1)).of_call(**_facts(failed)) from failed

    async def _is_gone(self, progress: _Progress, error: CronAPIError, options: Options) -> bool:
        """Whether the service's error means that there is no such thing, which its codes do not tell."""
        asks = progress.row.repeat is Repeat.GONE or progress.row.name in _NAMED
        if type(error) is not APIError or options.retry is None or not asks:
            return False
        try:
            return await is_gone(self._asker(progress, options), progress.row.name, progress.wire.get("id"))
        except CronAPIError as problem:
            logger.debug("%s: looking whether it is gone failed: %s", progress.row.name, type(problem).__name__)
            return False

    async def _go_on(self, progress: _Progress, verdict: Verdict, options: Options) -> None:
        """Send a create again that was proven not to have happened, unless that was tried often enough."""
        progress.history.lost = False
        if is_over(progress.history, options.retry or RetryPolicy(), now=anyio.current_time()):
            await self._fail(progress, verdict, options)

    async def _look(self, progress: _Progress, verdict: Verdict, options: Options) -> Finding:
        """Look a create up whose answer was lost; raise OutcomeUnknownError where that cannot tell."""
        finding = UNCLEAR
        for delay in LOOK_LONG if isinstance(verdict.error, RequestTimeoutError | StatusError) else LOOK_SOON:
            await self._scheduler().rest(delay)
            finding = progress.late() or await self._recover(progress, options)
            if finding.happened is not False:
                break
        if finding.happened is False and progress.exchange is not None and not progress.exchange.event.is_set():
            # The connection is still open: the service may be about to carry it out.
            await progress.exchange.event.wait()
            finding = progress.late() or await self._recover(progress, options)
        if finding.happened is None:
            raise self._unknown(progress) from verdict.error
        return finding

    async def _recover(self, progress: _Progress, options: Options) -> Finding:
        recover = RECOVERY.get(progress.row.name)
        names = namings(progress.row.name, progress.wire)
        if recover is None or not names or any(self._under_way[name] > 1 for name in names):
            return UNCLEAR
        try:
            finding = await recover(self._asker(progress, options), progress.wire, self._memory, progress.moment or 0)
        except CronAPIError as error:
            raise self._unknown(progress) from error
        except (KeyError, TypeError, ValueError):  # a raw call without what it could be found by, or with something odd there
            return UNCLEAR
        if finding.happened:
            self._memory.learn(progress.row.name, finding.data, progress.wire)
        return finding

    def _unknown(self, progress: _Progress) -> CronAPIError:
        return progress.fail(OutcomeUnknownError("It was sent, no usable answer came, and looking it up could not tell."), self.provider)

    def _asker(self, progress: _Progress, options: Options) -> Callable[[Function[Any], dict[str, Any]], Awaitable[Any]]:
        reading = evolve(options, max_wait=None, lane=progress.lane)

        async def ask(row: Function[Any], wire: dict[str, Any]) -> Any:
            return await self.call(row, wire, reading)

        return ask


def checked_token(token: object) -> str:
    """Return a token that can be sent, or say why it cannot, without repeating it."""
    if not isinstance(token, str) or not token:
        raise ConfigurationError("The API token is missing or empty; copy it from the account's profile page.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError("The API token has characters that no token has: white space, control or non-ASCII ones.")
    return token


def _facts(error: CronAPIError) -> Any:
    return {"provider": error.provider, "function": error.function, "attempts": error.attempts, "applied": error.applied}
