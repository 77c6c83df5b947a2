"""One call: through the queue, out and back, repeated if that is safe, looked up if it is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
from attrs import evolve, frozen

from cronapi._calls import lookup
from cronapi._calls.absence import get_of, is_missing, may_be_missing
from cronapi._calls.answer import Answer
from cronapi._calls.caller import Caller
from cronapi._calls.failures import Failures
from cronapi._calls.lookup import LAST_LOOK, LOOKS, RECOVERY, UNCLEAR, Finding, Look
from cronapi._calls.matching import lookup_keys
from cronapi._calls.memory import learn, learn_gone, learn_unreported
from cronapi._calls.options import DeferredRequest, Options, changed
from cronapi._calls.pages import Paging
from cronapi._calls.retry import History, RetryPolicy, Step, backoff, is_over, next_step
from cronapi._calls.sender import Sender
from cronapi._functions import CRON_BATCH_DELETE, Function, Repeat
from cronapi._logs.lines import LOOKED_UP, REFUSED, REPEATED
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
        self._was_repeated = False
        self._twin: int | None = None
        lane = options.lane or lane
        self._sender = Sender(caller, function, sent, options, lane, deferred)
        self._failures = Failures(self._sender, self._history)

    async def answer(self) -> Answer:
        """Return the answer, or raise one of our errors."""
        self._caller.check_function(self._sender.function.name)
        self._caller.check()
        if self._options.max_wait is not None:
            self._sender.deadline = anyio.current_time() + self._options.max_wait
        try:
            data = await self._perform_alone()
            return Answer(data, self._history.attempts, self._twin)
        except ConfigurationError as error:  # from a token function, perhaps after a first attempt
            raise self._failures.of_call(error) from error.__cause__
        finally:
            self._sender.end()

    async def _perform_alone(self) -> Any:
        """Perform a create while no other is under way that a lookup could not tell from it."""
        sender, keys = self._sender, self._sender.keys_of_create
        if not keys:
            return await self._perform()
        lock = await self._caller.creates.lock(keys, sender.left())
        if lock is None:
            text = "An identical create was still under way after max_wait."
            wait = self._caller.scheduler.eta(sender.lane)
            raise self._failures.of_call(WaitTooLongError(text, wait=wait))
        self._caller.creates.track(sender, keys)
        try:
            return await self._perform()
        finally:
            lock.release()

    async def _perform(self) -> Any:
        while True:
            verdict = await self._attempt()
            step = self._next_step(verdict)
            if step is Step.RETURN:
                return await self._without_twin(verdict.data)
            if step is Step.RAISE:
                return await self._fail(verdict)
            if step is Step.LOOK:
                finding = await self._look_up(verdict)
                if finding.happened:
                    return finding.data
                await self._repeat_create(verdict)
            elif verdict.ending is Ending.REFUSED:
                self._sender.tell(REFUSED, self._history.attempts, verdict.error)
            elif not await self._back_off():
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

    async def _without_twin(self, data: Any) -> Any:
        """Look for a twin of a create that was sent again, and return the older of the two.

        The first request may have been carried out late. No twin is deleted, since two callers that
        create equal jobs look the same.
        """
        if not self._was_repeated or not self._options.look:
            return data
        sender, memory = self._sender, self._caller.memory
        function = sender.function.name
        try:
            await self._caller.wait(LAST_LOOK)
            twin = await lookup.find_twin(self._look(), function, sender.sent, data)
        except BaseException:  # no caller learns of the job
            learn_unreported(memory, function, data)
            raise
        if twin is None or self._caller.may_be_of_another(function, sender.sent, batched=False):
            return data
        learn(memory, function, twin, sender.sent)
        older, self._twin = lookup.tell_older(self._caller.provider.name, function, data, twin)
        return older

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
        options = changed(options, max_wait=None, lane=sender.lane)
        ask_from = partial(asker, caller, options, sender.lane)
        return await is_missing(sender.function, wanted, options, ask_from, caller.listings)

    async def _repeat_create(self, verdict: Verdict) -> None:
        """Let a create that did not happen be sent again. Fail if that was tried often enough."""
        self._history.lost, self._was_repeated = False, True
        policy, now = self._options.retry or RetryPolicy(), anyio.current_time()
        if is_over(self._history, policy, now=now, retry_after=verdict.retry_after):
            await self._fail(verdict)

    async def _look_up(self, verdict: Verdict) -> Finding:
        """Look up a create whose answer was lost. OutcomeUnknownError if that cannot tell."""
        if not self._options.look:
            return await self._wait_for_the_end(verdict)
        sender, finding = self._sender, UNCLEAR
        sender.tell(LOOKED_UP, verdict.error, 1)
        for delay in LOOKS:
            await self._caller.wait(delay)
            finding = sender.late_answer() or await self._recover()
            if finding.happened is not False:
                break
        if finding.happened is False and sender.is_under_way:
            # The connection is still open: the service may be about to carry it out.
            await sender.wait_for_the_end()
            finding = sender.late_answer() or await self._recover()
        if finding.happened is None:
            raise self._failures.unknown() from verdict.error
        sender.tell_of(finding)
        return finding

    async def _wait_for_the_end(self, verdict: Verdict) -> Finding:
        """Return an answer that comes late. OutcomeUnknownError once it can no longer come."""
        await self._sender.wait_for_the_end()
        late = self._sender.late_answer()
        if late is None:
            raise self._failures.unknown() from verdict.error
        return late

    async def _recover(self) -> Finding:
        sender, memory = self._sender, self._caller.memory
        recover = RECOVERY.get(sender.function.name)
        keys = lookup_keys(sender.function.name, sender.sent)
        shared = self._caller.creates.most_sharing(keys) > 1
        if recover is None or not sender.epoch or not keys or shared:
            return UNCLEAR
        try:
            finding = await recover(self._look(), sender.sent)
        except CronAPIError as error:
            raise self._failures.unknown(error) from error
        except (KeyError, TypeError, ValueError):  # a raw call with nothing to find it by
            return UNCLEAR
        if finding.happened:
            learn(memory, sender.function.name, finding.data, sender.sent)
        return finding

    def _look(self) -> Look:
        caller, sender = self._caller, self._sender
        ask = asker(caller, self._options, sender.lane)
        return Look(ask, caller.memory, sender.epoch, caller.expects)


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
    return Asker(caller, changed(options, max_wait=None, lane=lane, look=True), begin)
