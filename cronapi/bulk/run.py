"""A bulk under way: a few workers in one task of the library's own, which hands out the outcomes as they come."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from os import PathLike
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import current_token
from attrs import define, field, frozen

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.results import Result, fatal_error
from cronapi._calls.tasks import is_cancelled, spawn
from cronapi._functions import PAGE
from cronapi.bulk.eta import seconds_of_a_look
from cronapi.bulk.journal import Journal
from cronapi.bulk.operations import Known, Work
from cronapi.bulk.outcome_buffer import Tray
from cronapi.bulk.outcomes import judge, note, restored
from cronapi.bulk.report import NotTried, Outcome
from cronapi.bulk.source import Item, Source
from cronapi.errors import ConfigurationError, CronAPIError

T = TypeVar("T")
P = TypeVar("P")
AHEAD = 1000
"""Outcomes that wait for whoever iterates, before the workers do."""
REST, A_MOMENT = 100 * AHEAD, 1.0
"""How many items of an input without a length are told that they were not tried, and the seconds that each `AHEAD` of them may take."""
_journaled: WeakValueDictionary[Hashable, Run[Any]] = WeakValueDictionary()
"""Runs by event loop and journal: one that was cancelled lets go of its journal a moment later, which the next waits for."""


def _key(path: str | PathLike[str]) -> Hashable:
    """Name a journal on the running event loop."""
    return current_token().native_token, os.path.abspath(os.fspath(path)) if isinstance(
        path, str | PathLike
    ) else path  # noqa: PTH100 -- links stay


@frozen
class Step:
    """Items that are carried out together; with `known` an earlier run may have carried them out."""

    items: Sequence[Item[Any]]
    known: Known = None


@define(eq=False)
class Run(Generic[T]):
    """One bulk under way.

    `error` is what broke it off, `stopped_by` the first error of an item that would be every other's too. Of a bulk that goes on,
    `before` is how many outcomes come first that an earlier run had, and `ahead` the seconds that a look at what it left takes after them.
    """

    calls: Calls
    work: Work[T]
    source: Source[Any]
    path: str | PathLike[str] | None
    error: Exception | None = None
    stopped_by: CronAPIError | None = None
    before: int = 0
    ahead: float = 0.0
    _journal: Journal | None = None
    _stopped: bool = False
    _steps: deque[Step] = field(factory=deque)
    _doubtful: Step = Step(())
    _scope: anyio.CancelScope | None = None
    _ended: anyio.Event = field(factory=anyio.Event)
    outcomes: Tray[Outcome[T]] = field(factory=lambda: Tray(AHEAD))

    def start(self) -> None:
        """Begin, unless it was cancelled before."""
        if not self.outcomes.is_over:
            self._scope = spawn(self._supervise)

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is left."""
        return self._ended.is_set()

    @property
    def is_ending(self) -> bool:
        """Whether it was cancelled and has not yet let go of what it holds."""
        return self._scope is not None and self._scope.cancel_called and not self.has_ended

    async def wait(self) -> None:
        """Wait until it has ended."""
        await self._ended.wait()

    def cancel(self) -> None:
        """Send nothing more; what is on its way ends by itself."""
        self.outcomes.end()
        if self._scope is not None and not self.has_ended:
            self._scope.cancel()

    async def _supervise(self) -> None:
        try:
            await self._prepare()
            if self._doubtful.items and not self._stopped:
                await self._carry_out(
                    self._doubtful
                )  # before anything is sent, so that what is found can be nothing of this run's own
            async with anyio.create_task_group() as group:
                for _ in range(self.work.workers):
                    group.start_soon(self._work)
            await self._give_up_the_rest()
        except Exception as error:  # noqa: BLE001 -- whoever iterates gets it, not the event loop
            self._break(error)
        finally:
            with anyio.CancelScope(shield=True):
                await self._close()

    async def _close(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                if self._journal is not None:
                    stack.push_async_callback(self._journal.close)
                stack.push_async_callback(self.source.aclose)
        except Exception as error:  # noqa: BLE001 -- the same
            self._break(error)
        finally:
            self._ended.set()
            self.outcomes.end()

    def _break(self, error: Exception) -> None:
        self.error, self._stopped = self.error or error, True
        if isinstance(error, CronAPIError):
            self._stop(error)

    def _stop(self, error: CronAPIError) -> None:
        self.stopped_by, self._stopped = self.stopped_by or error, True

    async def _prepare(self) -> None:
        """Take over what the journal has, and learn what is there before anything is sent."""
        if self.path is not None:
            self._journal = await self._open(self.path)
            await self._resume(self._journal)
        if not self.work.looks_around(self.source.total, journal=self._journal is not None):
            return
        try:
            await self._look_around(self._journal)
        except ConfigurationError:
            raise
        except CronAPIError as error:
            await self._fail_the_next(error)

    async def _open(self, path: str | PathLike[str]) -> Journal:
        key = _key(path)
        while (earlier := _journaled.get(key)) is not None and earlier.is_ending:
            await earlier.wait()
        if earlier is None or earlier.has_ended:
            _journaled[key] = self
        caller = self.calls.caller
        return await Journal.open(
            path, {"bulk": self.work.name, "provider": caller.provider.base_url}, caller.text_token
        )

    async def _look_around(self, journal: Journal | None) -> None:
        known = None if journal is None else journal.known
        if known is None and self.work.prepare is not None:
            known = frozenset(await self.work.prepare())
            if journal is not None:
                await journal.remember(known)
        self.calls.caller.memory.see_earlier("cron", known or ())

    async def _fail_the_next(self, error: CronAPIError) -> None:
        """Give an item the error that kept it, and all after it, from being sent."""
        items = self._doubtful.items or (await self._next_step()).items
        self._doubtful = Step(())
        self._stop(error)
        for item in items:
            await self._hand_out(self._outcome(item, Result(error=error)))

    async def _resume(self, journal: Journal) -> None:
        """Read the input as far as the journal goes: hand out what is done, and line up what is not."""
        again: list[Item[Any]] = []
        doubtful: list[Item[Any]] = []
        settled: set[int] = set()
        read = -1
        self.before = journal.done
        if journal.known is not None and journal.is_doubtful:
            self.ahead = seconds_of_a_look(
                len(journal.known) // PAGE + 1, self.calls.caller.scheduler.rate.interval
            )
        while read < journal.last and (
            items := await _read(partial(self.source.take, min(AHEAD, journal.last - read)))
        ):
            read = items[-1].index
            for item in items:
                entry = journal.recall(item.index, journal.fingerprint(item.payload))
                if entry is not None and entry.status == "done":
                    settled |= set() if entry.id is None else {entry.id}
                    await self._hand_out(self._restored(item, entry.id))
                elif entry is not None and entry.status in ("sending", "unknown"):
                    doubtful.append(item)
                else:
                    again.append(item)
        if read < journal.last:
            raise journal.other(f"it has item {journal.last}, and there is none now")
        self._doubtful = Step(
            doubtful, (journal.known or frozenset()) | settled
        )  # a job belongs to one item
        size = self.work.size()
        self._steps += [Step(again[begin : begin + size]) for begin in range(0, len(again), size)]

    def _restored(self, item: Item[Any], number: int | None) -> Outcome[T]:
        if number is not None and self.work.row is table.CRON_ADD:
            self.calls.caller.memory.mark_created("cron", [number])
        return restored(self.work.row, item, number)

    async def _work(self) -> None:
        try:
            while not self._stopped and (step := await self._next_step()).items:
                await self._carry_out(step)
        except Exception as error:  # noqa: BLE001 -- one worker's error ends them all, after what they have in hand
            self._break(error)
        finally:
            if self._stopped:
                self.source.stop()  # nobody need wait for an item any more

    async def _next_step(self) -> Step:
        if self._steps:
            return self._steps.popleft()
        patience = self.calls.caller.scheduler.rate.interval  # then a request costs nobody a slot
        return Step(await _read(partial(self.source.take, self.work.size(), patience)))

    async def _carry_out(self, step: Step) -> None:
        payloads = [item.payload for item in step.items]
        if self._journal is not None:
            return await self._carry_out_noted(step, payloads, self._journal)
        async with aclosing(self.work.carry_out(payloads, step.known)) as results:
            async for place, result in results:
                self.outcomes.put(self._outcome(step.items[place], result))
                if self.outcomes.is_full:
                    await self.outcomes.room()
        return await self.outcomes.room()

    async def _carry_out_noted(self, step: Step, payloads: Sequence[Any], journal: Journal) -> None:
        prints = {item.index: journal.fingerprint(item.payload) for item in step.items}
        await journal.sending(prints.items())
        outcomes: list[Outcome[T]] = []
        try:
            async with aclosing(self.work.carry_out(payloads, step.known)) as results:
                async for place, result in results:
                    outcomes.append(self._outcome(step.items[place], result))
                    note(journal, outcomes[-1], prints[outcomes[-1].index])
            await journal.flush()
        finally:
            for outcome in outcomes:  # also where the disk is full
                self.outcomes.put(outcome)
        await self.outcomes.room()

    def _outcome(self, item: Item[Any], result: Result) -> Outcome[T]:
        if (error := fatal_error(result.error)) is not None:
            self._stop(error)
        outcome = judge(self.work.row, item, result)
        if outcome.error is not None:
            outcome.error.of_call(
                provider=self.calls.caller.provider.name,
                function=outcome.error.function or self.work.row.name,
            )
        return outcome

    async def _hand_out(self, outcome: Outcome[T]) -> None:
        self.outcomes.put(outcome)
        await self.outcomes.room()

    async def _give_up_the_rest(self) -> None:
        """Also when the bulk stops, what was read has an outcome, and so has what can still be read at once: it was not tried."""
        if not self._stopped:
            return
        for step in self._steps:
            for item in step.items:
                await self._hand_out(NotTried(item.index, item.given))
        left = REST if self.source.total is None else self.source.total
        while self.error is None and left > 0:
            rest = await _read(partial(self.source.drain, AHEAD, A_MOMENT))
            for index, given in rest:
                await self._hand_out(NotTried(index, given))
            left = left - AHEAD if len(rest) == AHEAD else 0


async def _read(read: Callable[[], Awaitable[list[P]]]) -> list[P]:
    """Read on in the input; where it awaits something that was cancelled, that cancels it and not us: the next read says so."""
    try:
        return await read()
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        return await read()
