"""One call: through the queue, out and back, repeated if that is safe, looked up if it is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
from attrs import evolve, frozen

from cronapi._calls.absence import get_of, is_missing, may_be_missing
from cronapi._calls.answer import Answer
from cronapi._calls.caller import Caller
from cronapi._calls.creates import Keys
from cronapi._calls.failures import Failures
from cronapi._calls.lookup import LOOKS
from cronapi._calls.lost_create import LostCreate
from cronapi._calls.memory import learn_gone
from cronapi._calls.options import Before, DeferredRequest, Options, none_before
from cronapi._calls.pages import Paging
from cronapi._calls.retry import History, RetryPolicy, Step, backoff, is_over, next_step
from cronapi._calls.sender import Sender
from cronapi._functions import CRON_BATCH_DELETE, Function, Repeat
from cronapi._logs.lines import REFUSED, REPEATED
from cronapi._protocol.facts import facts_of, with_facts
from cronapi._protocol.response import Ending, Verdict
from cronapi.errors import (
    APIError,
    ConfigurationError,
    CronAPIError,
    NotFoundError,
    SchedulerError,
    WaitTooLongError,
)
from cronapi.scheduler import Lane


class Call:
    """One call, made once with `answer()`.

    With a `deferred` request, the function and what is `sent` are those that it builds when a slot
    has come. Nothing is sent while there is a call `before` it.
    """

    def __init__(
        self,
        caller: Caller,
        function: Function[Any],
        sent: Mapping[str, Any],
        options: Options,
        lane: Lane = "interactive",
        deferred: DeferredRequest | None = None,
        before: Before = none_before,
    ) -> None:
        if function.repeat is Repeat.SAME and sent.get("run"):
            function = evolve(function, repeat=Repeat.CREATE)
        self._caller = caller
        self._options = options
        self._history = History()
        self._was_repeated = False
        self._twin: int | None = None
        lane, before = options.lane or lane, before if deferred is None else deferred.before
        self._sender = Sender(caller, function, sent, options, lane, deferred, before)
        self._failures = Failures(self._sender, self._history)

    async def answer(self) -> Answer:
        """Return the answer, or raise one of our errors."""
        self._caller.check_function(self._sender.function.name)
        self._caller.check()
        if self._options.max_wait is not None:
            self._sender.deadline = anyio.current_time() + self._options.max_wait
        try:
            keys = self._sender.keys_of_create
            data = await (self._perform_alone(keys) if keys else self._perform())
            return Answer(data, self._history.attempts, self._twin)
        except ConfigurationError as error:  # from a token function, perhaps after a first attempt
            raise self._failures.of_call(error) from error.__cause__
        finally:
            self._sender.end()

    async def _perform_alone(self, keys: Keys) -> Any:
        """Perform a create while no other is under way that a lookup could not tell from it."""
        sender, creates = self._sender, self._caller.creates
        if not await creates.turns.take(keys, sender.left()):
            text = "An identical create was still under way after max_wait."
            wait = self._caller.scheduler.eta(sender.lane)
            raise self._failures.of_call(WaitTooLongError(text, wait=wait))
        creates.track(sender, keys)
        try:
            return await self._perform()
        finally:
            creates.turns.end(keys)

    async def _perform(self) -> Any:
        while True:
            verdict = await self._attempt()
            step = self._next_step(verdict)
            if step in (Step.RETURN, Step.RAISE):
                return await self._settle(verdict, step)
            if step is Step.LOOK:
                find = self._lost().find if self._options.look else self._lost().answer_at_end
                finding = await find(verdict)
                if finding.happened:
                    return finding.data
                await self._repeat_create(verdict)
            elif verdict.ending is Ending.REFUSED:
                self._sender.tell(REFUSED, self._history.attempts, verdict.error)
            elif not await self._back_off():
                return await self._fail(verdict)

    async def _settle(self, verdict: Verdict, step: Step) -> Any:
        """Return the data or fail. A create that was sent again may be there twice, or late."""
        may_be_late = self._was_repeated and self._options.look
        if step is Step.RETURN:
            if not may_be_late:
                return verdict.data
            data, self._twin = await self._lost().without_twin(verdict.data)
            return data
        if may_be_late and type(verdict.error) is APIError:
            finding = await self._lost().find_late(verdict)
            if finding.happened:
                return finding.data
        return await self._fail(verdict)

    async def _attempt(self) -> Verdict:
        try:
            return await self._sender.attempt()
        except SchedulerError as error:
            raise self._failures.of_call(error) from error.__cause__
        except WaitTooLongError as error:
            raise self._failures.too_long(error) from self._failures.last

    def _next_step(self, verdict: Verdict) -> Step:
        history = self._history
        if verdict.ending is Ending.DONE:  # most are, and need no clock
            history.attempts += 1
            return Step.RETURN
        now = anyio.current_time()
        history.record(verdict.ending, now, did_nothing=verdict.did_nothing)
        self._failures.last = verdict.error or self._failures.last
        if verdict.ending in (Ending.REFUSED, Ending.NOT_SENT) and not history.lost:
            self._sender.release_deferred()
        return next_step(
            verdict.ending,
            self._sender.function.repeat,
            history,
            self._options.retry,
            now=now,
            retry_after=verdict.retry_after,
            did_nothing=verdict.did_nothing,
        )

    async def _back_off(self) -> bool:
        """Wait before a repeat. Return False if that would exceed max_wait."""
        longest, left = (self._options.retry or RetryPolicy()).max_delay, self._sender.left()
        chance = random.random()  # noqa: S311 -- jitter, not a secret
        delay = backoff(self._history.errors - 1, longest, chance)
        if left is not None and delay > left:
            return False
        self._sender.tell(REPEATED, self._history.attempts, self._failures.last, delay)
        await self._caller.wait(delay)
        return True

    async def _fail(self, verdict: Verdict) -> Any:
        """Raise the verdict's error, unless a listing shows that a delete has reached its end."""
        error, function = verdict.error or CronAPIError(verdict.ending.value), self._sender.function
        failed = self._failures.of_call(error)
        if not await self._is_missing(error):
            self._failures.tell(failed)
            raise failed from failed.__cause__
        learn_gone(self._caller.memory, get_of(function).name, self._sender.sent)
        if function.repeat is Repeat.GONE and self._history.lost:
            return None
        absent = NotFoundError(error.message, code=getattr(error, "code", 1))
        absent.says_code = True
        raise with_facts(absent, **facts_of(failed)) from None  # its text says the same

    async def _is_missing(self, error: CronAPIError) -> bool:
        """Return True if the service's error means that there is no such job or group.

        Its codes do not tell, so a listing does. Senders of a batch look it up item by item.
        """
        sender, options, caller = self._sender, self._options, self._caller
        batch = sender.deferred is not None and sender.function is CRON_BATCH_DELETE
        looks = options.look and options.retry is not None and not batch
        wanted = sender.sent.get("id")
        if type(error) is not APIError or not looks or not may_be_missing(sender.function, wanted):
            return False
        options = evolve(options, max_wait=None, lane=sender.lane)
        ask_from = partial(asker, caller, options, sender.lane)
        look = partial(is_missing, sender.function, wanted, options, ask_from, caller.listings)
        try:
            found = await look()
            # An earlier attempt may have deleted it, and lists may lag behind.
            may_be_gone = sender.function.repeat is Repeat.GONE and self._history.lost
            for delay in LOOKS if may_be_gone and not found else ():
                await caller.wait(delay)
                if found := await look():
                    break
        except Exception:  # noqa: BLE001 -- a token function may raise anything
            return False
        return found

    async def _repeat_create(self, verdict: Verdict) -> None:
        """Let a create that did not happen be sent again. Fail if that was tried often enough."""
        self._history.lost, self._was_repeated = False, True
        policy, now = self._options.retry or RetryPolicy(), anyio.current_time()
        if is_over(self._history, policy, now=now, retry_after=verdict.retry_after):
            await self._fail(verdict)

    def _lost(self) -> LostCreate:
        ask = asker(self._caller, self._options, self._sender.lane)
        return LostCreate(self._caller, self._sender, self._failures, ask)


@frozen
class Asker:
    """A way to make reads with these options but without a max_wait.

    `begin` is called when a read gets its slot.
    """

    caller: Caller
    options: Options
    begin: Callable[[], None] | None = None

    @property
    def paging(self) -> Paging:
        """The pages that the client has seen."""
        return self.caller.paging

    async def __call__(self, function: Function[Any], sent: dict[str, Any], /) -> Any:
        """Return the raw data of a read."""

        def build() -> tuple[Function[Any], dict[str, Any]]:
            if self.begin is not None:
                self.begin()
            return function, sent

        deferred = None if self.begin is None else DeferredRequest(build)
        call = Call(self.caller, function, sent, self.options, deferred=deferred)
        return (await call.answer()).data


def asker(
    caller: Caller, options: Options, lane: Lane, begin: Callable[[], None] | None = None
) -> Asker:
    """Return a way to make reads in a lane."""
    return Asker(caller, evolve(options, max_wait=None, lane=lane, look=True), begin)
