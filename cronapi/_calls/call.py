"""One call: through the queue, out and back, repeated if that is safe, looked up if it is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
from attrs import evolve, frozen

from cronapi._calls.absence import may_be_gone
from cronapi._calls.caller import Caller
from cronapi._calls.creates import Keys
from cronapi._calls.lookup import LONG_LOOK, RECOVERY, SHORT_LOOK, UNCLEAR, Finding
from cronapi._calls.matching import lookup_keys
from cronapi._calls.memory import learn, learn_gone
from cronapi._calls.options import DeferredRequest, Options
from cronapi._calls.pages import Ask
from cronapi._calls.retry import History, RetryPolicy, Step, backoff, is_over, next_step
from cronapi._calls.sender import Sender
from cronapi._facts import facts_of, with_facts
from cronapi._functions import CRON_BATCH_DELETE, Function, Repeat
from cronapi._protocol.response import Ending, Verdict
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
    WaitTooLongError,
)
from cronapi.scheduler import Lane

SHARE = "Ask again later, allow a longer max_wait, or make the client with coalesce=True."


@frozen
class Answer:
    """The raw `data` of a call that the service carried out, and the requests started for it."""

    data: Any
    attempts: int


class Call:
    """One call, made once with `answer()`.

    With a `deferred` request, the function and what is `sent` are those that it builds when a slot
    has come.
    """

    def __init__(
        self,
        caller: Caller,
        function: Function[Any],
        sent: Mapping[str, Any],
        options: Options,
        lane: Lane = "interactive",
        deferred: DeferredRequest | None = None,
    ) -> None:
        if function.repeat is Repeat.SAME and sent.get("run"):
            function = evolve(function, repeat=Repeat.CREATE)
        self._caller = caller
        self._options = options
        self._history = History()
        lane = options.lane or lane
        self._sender = Sender(caller, function, sent, options, lane, deferred)

    async def answer(self) -> Answer:
        """Return the answer, or raise one of our errors."""
        self._caller.check_function(self._sender.function.name)
        self._caller.check()
        if self._options.max_wait is not None:
            self._sender.deadline = anyio.current_time() + self._options.max_wait
        try:
            data = await self._perform_alone()
            return Answer(data, self._history.attempts)
        except ConfigurationError as error:  # from a token function, perhaps after a first attempt
            raise self._failed(error) from error.__cause__
        finally:
            self._sender.end()

    async def _perform_alone(self) -> Any:
        """Perform a create while no other is under way that a lookup could not tell from it."""
        sender, keys = self._sender, self._keys_of_a_create()
        if not keys:
            return await self._perform()
        lock = await self._caller.creates.lock(keys, sender.left())
        if lock is None:
            text = "An identical create was still under way after max_wait."
            wait = self._caller.scheduler.eta(sender.lane)
            raise self._failed(WaitTooLongError(text, wait=wait))
        self._caller.creates.track(sender, keys)
        try:
            return await self._perform()
        finally:
            lock.release()

    def _keys_of_a_create(self) -> Keys:
        function, sender = self._sender.function, self._sender
        is_create = function.repeat is Repeat.CREATE and function.name in RECOVERY
        if not is_create or sender.deferred is not None:
            return frozenset()
        return lookup_keys(function.name, sender.sent)

    async def _perform(self) -> Any:
        while True:
            verdict = await self._attempt()
            step = self._next_step(verdict)
            if step is Step.RETURN:
                return verdict.data
            if step is Step.RAISE:
                return await self._fail(verdict)
            if step is Step.LOOK:
                finding = await self._look_up(verdict)
                if finding.happened:
                    return finding.data
                await self._repeat_create(verdict)
            elif verdict.ending is not Ending.REFUSED and not await self._back_off():
                return await self._fail(verdict)

    async def _attempt(self) -> Verdict:
        try:
            return await self._sender.attempt()
        except (SchedulerError, WaitTooLongError) as error:
            if isinstance(error, WaitTooLongError) and not self._caller.coalesces:
                error.advice = SHARE
            raise self._failed(error) from error.__cause__

    def _next_step(self, verdict: Verdict) -> Step:
        now, history = anyio.current_time(), self._history
        history.record(verdict.ending, now)
        if verdict.ending in (Ending.REFUSED, Ending.NOT_SENT) and not history.lost:
            self._sender.release_deferred()
        return next_step(
            verdict.ending,
            self._sender.function.repeat,
            history,
            self._options.retry,
            now=now,
            retry_after=verdict.retry_after,
        )

    async def _back_off(self) -> bool:
        """Wait before a repeat. Return False if that would exceed max_wait."""
        longest, left = (self._options.retry or RetryPolicy()).max_delay, self._sender.left()
        chance = random.random()  # noqa: S311 -- jitter, not a secret
        delay = backoff(self._history.errors - 1, longest, chance)
        if left is not None and delay > left:
            return False
        await self._caller.wait(delay)
        return True

    def _failed(self, error: CronAPIError) -> CronAPIError:
        """Return the error with the facts of this call."""
        applied, function = error.applied, self._sender.function
        if applied is Applied.NO:
            applied = self._history.applied(function.repeat)
        return with_facts(
            error,
            provider=self._caller.provider.name,
            function=function.name,
            attempts=self._history.attempts,
            applied=applied,
        )

    async def _fail(self, verdict: Verdict) -> Any:
        """Raise the verdict's error, unless a listing shows that a delete has reached its end."""
        error, function = verdict.error or CronAPIError(verdict.ending.value), self._sender.function
        failed = self._failed(error)
        if not await self._is_gone(error):
            raise failed from failed.__cause__
        learn_gone(self._caller.memory, function.name, self._sender.sent)
        if function.repeat is Repeat.GONE and self._history.lost:
            return None
        absent = NotFoundError(error.message, code=getattr(error, "code", 1))
        raise with_facts(absent, **facts_of(failed)) from failed

    async def _is_gone(self, error: CronAPIError) -> bool:
        """Return True if the service's error means that there is no such job or group.

        Its codes do not tell, so a listing does. Senders of a batch look it up item by item.
        """
        sender, options = self._sender, self._options
        batch = sender.deferred is not None and sender.function is CRON_BATCH_DELETE
        looks = options.look and options.retry is not None and not batch
        if type(error) is not APIError or not looks or not may_be_gone(sender.function):
            return False
        options = evolve(options, max_wait=None, lane=sender.lane)
        ask_from = partial(asker, self._caller, options, sender.lane)
        wanted = sender.sent.get("id")
        return await self._caller.listings.is_gone(sender.function.name, wanted, options, ask_from)

    async def _repeat_create(self, verdict: Verdict) -> None:
        """Let a create that did not happen be sent again. Fail if that was tried often enough."""
        self._history.lost = False
        policy = self._options.retry or RetryPolicy()
        if is_over(self._history, policy, now=anyio.current_time()):
            await self._fail(verdict)

    async def _look_up(self, verdict: Verdict) -> Finding:
        """Look up a create whose answer was lost. OutcomeUnknownError if that cannot tell."""
        if not self._options.look:
            return await self._wait_for_the_end(verdict)
        sender, finding = self._sender, UNCLEAR
        slow = isinstance(verdict.error, RequestTimeoutError | StatusError)
        for delay in LONG_LOOK if slow else SHORT_LOOK:
            await self._caller.wait(delay)
            finding = sender.late_answer() or await self._recover()
            if finding.happened is not False:
                break
        if finding.happened is False and sender.is_under_way:
            # The connection is still open: the service may be about to carry it out.
            await sender.wait_for_the_end()
            finding = sender.late_answer() or await self._recover()
        if finding.happened is None:
            raise self._unknown() from verdict.error
        return finding

    async def _wait_for_the_end(self, verdict: Verdict) -> Finding:
        """Return an answer that comes late. OutcomeUnknownError once it can no longer come."""
        await self._sender.wait_for_the_end()
        late = self._sender.late_answer()
        if late is None:
            raise self._unknown() from verdict.error
        return late

    async def _recover(self) -> Finding:
        sender, memory = self._sender, self._caller.memory
        recover = RECOVERY.get(sender.function.name)
        keys = lookup_keys(sender.function.name, sender.sent)
        shared = self._caller.creates.most_sharing(keys) > 1
        if recover is None or not sender.epoch or not keys or shared:
            return UNCLEAR
        ask = asker(self._caller, self._options, sender.lane)
        try:
            finding = await recover(ask, sender.sent, memory, sender.epoch)
        except CronAPIError as error:
            raise self._unknown() from error
        except (KeyError, TypeError, ValueError):  # a raw call with nothing to find it by
            return UNCLEAR
        if finding.happened:
            learn(memory, sender.function.name, finding.data, sender.sent)
        return finding

    def _unknown(self) -> CronAPIError:
        text = "It was sent, no usable answer came, and looking it up could not tell."
        return self._failed(OutcomeUnknownError(text))


def asker(
    caller: Caller, options: Options, lane: Lane, begin: Callable[[], None] | None = None
) -> Ask:
    """Return a way to make reads with these options but without a max_wait.

    `begin` is called when a read gets its slot.
    """
    reading = evolve(options, max_wait=None, lane=lane, look=True)

    async def ask(function: Function[Any], sent: dict[str, Any]) -> Any:
        def build() -> tuple[Function[Any], dict[str, Any]]:
            if begin is not None:
                begin()
            return function, sent

        deferred = None if begin is None else DeferredRequest(build)
        call = Call(caller, function, sent, reading, deferred=deferred)
        return (await call.answer()).data

    return ask
