"""A bulk that is being carried out by a few workers, in a task of the library."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, suppress
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import anyio
from attrs import Factory, define, field

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.results import Result, fatal_error
from cronapi._calls.admission import Admitted
from cronapi._calls.tasks import loop_of_task, spawn
from cronapi._functions import Repeat
from cronapi._logs.lines import BULK_UNKNOWN, write
from cronapi._protocol.facts import with_facts
from cronapi.bulk.chunks import AHEAD, Chunk, Chunks
from cronapi.bulk.eta import lookup_seconds
from cronapi.bulk.items import Item
from cronapi.bulk.journal import Journal
from cronapi.bulk.operations import Operation
from cronapi.bulk.outcome_buffer import OutcomeBuffer
from cronapi.bulk.outcomes import note_outcome, outcome_of, restored_outcome
from cronapi.bulk.report import NotTried, Outcome
from cronapi.bulk.source import Source
from cronapi.errors import Applied, ConfigurationError, CronAPIError
from cronapi.models import CronJob

T = TypeVar("T")
MOST_UNTRIED = 100 * AHEAD
"""Items that are reported as not tried, of an input without a length."""
_journaled: WeakValueDictionary[Hashable, Run[Any]] = WeakValueDictionary()
"""Runs by event loop and journal.

A cancelled run releases its journal a moment later, and the next run waits for that.
"""


def _key(path: str) -> Hashable:
    """Return a key for a journal on the running event loop. Links are not resolved."""
    with suppress(OSError):  # the working directory may be gone
        path = os.path.abspath(path)  # noqa: PTH100 -- links stay
    return loop_of_task(), path


@define(eq=False)
class Run(Generic[T]):
    """One bulk that is being carried out.

    `error` is the error that broke it off. `stopped_by` is the first error of an item that every
    other item would meet too. In a resumed bulk, `before` is the number of outcomes of an earlier
    run, which come first, and `ahead` is the number of seconds that a lookup of the doubtful items
    takes after them.
    """

    calls: Calls
    operation: Operation[T]
    source: Source[Any]
    path: str | None
    error: Exception | None = None
    stopped_by: CronAPIError | None = None
    before: int = 0
    ahead: float = 0.0
    outcomes: OutcomeBuffer[Outcome[T]] = field(factory=lambda: OutcomeBuffer(AHEAD))
    _journal: Journal | None = None
    applied: Applied = Applied.NO
    """UNKNOWN once items were sent that change something."""
    _unknown: int = 0
    """Outcomes that are unknown, which the log tells at the end."""
    _is_stopped: bool = False
    _chunks: Chunks = Factory(lambda run: Chunks(run.source, run.operation.size), takes_self=True)
    _scope: anyio.CancelScope | None = None
    _ended: anyio.Event = field(factory=anyio.Event)

    def start(self) -> None:
        """Begin, unless it was cancelled before."""
        if not self.outcomes.is_over:
            self._scope = spawn(partial(self._supervise, self.calls.caller.admission.announce()))

    @property
    def has_ended(self) -> bool:
        """Return True if it holds nothing any more."""
        return self._ended.is_set()

    @property
    def is_ending(self) -> bool:
        """Return True if it was cancelled, and has yet to release its journal and input."""
        return self._scope is not None and self._scope.cancel_called and not self.has_ended

    async def wait(self) -> None:
        """Wait until it has ended."""
        await self._ended.wait()

    def cancel(self) -> None:
        """Send nothing more. Requests that were sent end by themselves."""
        self.outcomes.end()
        if self._scope is not None and not self.has_ended:
            self._scope.cancel()

    async def _supervise(self, admitted: Admitted) -> None:
        with ExitStack() as stack:
            try:
                stack.enter_context(admitted)
                await self._carry_out_all()
            except Exception as error:  # noqa: BLE001 -- the caller gets it, not the event loop
                self._break_off(error)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._close()

    async def _carry_out_all(self) -> None:
        self.calls.caller.check_for_many()  # no item is to blame for a client that is closed
        await self._prepare()
        if self._chunks.doubtful.items and not self._is_stopped:
            # Before anything is sent, so that a lookup finds nothing that this run has made.
            await self._carry_out(self._chunks.doubtful)
        async with anyio.create_task_group() as group:
            for _ in range(self.operation.workers()):
                group.start_soon(self._carry_out_chunks)
        await self._give_up_the_rest()

    async def _close(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                if self._journal is not None:
                    stack.push_async_callback(self._journal.close)
                stack.push_async_callback(self.source.aclose)
        except Exception as error:  # noqa: BLE001 -- the caller gets it, not the event loop
            self._break_off(error)
        finally:
            if isinstance(self.error, CronAPIError) and self.applied is Applied.UNKNOWN:
                with_facts(self.error, applied=self.applied)
            if self._unknown:
                provider = self.calls.caller.provider.name
                write(BULK_UNKNOWN, provider, self.operation.name, self._unknown)
            self._ended.set()
            self.outcomes.end()

    def _break_off(self, error: Exception) -> None:
        self.error, self._is_stopped = self.error or error, True
        if isinstance(error, CronAPIError):
            self._stop(error)

    def _stop(self, error: CronAPIError) -> None:
        self.stopped_by, self._is_stopped = self.stopped_by or error, True

    async def _prepare(self) -> None:
        """Restore the outcomes in the journal, and list the ids before anything is sent."""
        if self.path is not None:
            self._journal = await self._open_journal(self.path)
            await self._resume(self._journal)
        has_journal = self._journal is not None
        if not self.operation.lists_ids_first(self.source.total, journal=has_journal):
            return
        try:
            await self._list_ids(self._journal)
        except ConfigurationError:
            raise
        except CronAPIError as error:
            await self._fail_next_chunk(error)

    async def _open_journal(self, path: str) -> Journal:
        key = _key(path)
        while (earlier := _journaled.get(key)) is not None and earlier.is_ending:
            await earlier.wait()
        if earlier is None or earlier.has_ended:
            _journaled[key] = self
        caller = self.calls.caller
        plan = {"bulk": self.operation.name, "provider": caller.provider.base_url}
        return await Journal.open(path, plan, caller.text_token)

    async def _resume(self, journal: Journal) -> None:
        self.before = journal.done
        if journal.known is not None and journal.is_doubtful:
            pages = self.calls.paging.pages_of(len(journal.known))
            self.ahead = lookup_seconds(pages, self.calls.caller.scheduler.rate.interval)
        await self._chunks.resume(journal, self._restore)

    async def _restore(self, item: Item[Any], id: int | None) -> bool:
        """Report an item that an earlier run has done. Return False if its outcome is not known."""
        function = self.operation.function
        if (outcome := restored_outcome(function, item, id)) is None:
            return False
        if id is not None and function is table.CRON_ADD:
            self.calls.caller.memory.mark_created("cron", [id])
        await self._hand_out(outcome)
        return True

    async def _list_ids(self, journal: Journal | None) -> None:
        known = None if journal is None else journal.known
        if known is None and self.operation.list_ids is not None:
            known = frozenset(await self.operation.list_ids())
            if journal is not None:
                await journal.remember(known)
        self.calls.caller.memory.see_earlier("cron", known or ())

    async def _fail_next_chunk(self, error: CronAPIError) -> None:
        """Give the next items an error that keeps them, and all after them, from being sent."""
        items = self._chunks.take_doubtful().items or (await self._next_chunk()).items
        self._stop(error)
        for item in items:
            await self._hand_out(self._outcome(item, Result(error=error)))

    async def _next_chunk(self) -> Chunk:
        # A slot this late delays no other call.
        patience = self.calls.caller.scheduler.rate.interval
        return await self._chunks.next(patience)

    async def _carry_out_chunks(self) -> None:
        """Do the work of one worker."""
        try:
            while not self._is_stopped and (chunk := await self._next_chunk()).items:
                await self._carry_out(chunk)
        except Exception as error:  # noqa: BLE001 -- each worker first finishes its chunk
            self._break_off(error)
        finally:
            if self._is_stopped:
                self.source.stop()  # the other workers need no more items

    async def _carry_out(self, chunk: Chunk) -> None:
        if self.operation.function.repeat is not Repeat.READ:
            self.applied = Applied.UNKNOWN
        payloads = [item.payload for item in chunk.items]
        if self._journal is not None:
            return await self._carry_out_noted(chunk, payloads, self._journal)
        async with aclosing(self.operation.carry_out(payloads, chunk.known)) as results:
            async for index, result in results:
                self.outcomes.put(self._outcome(chunk.items[index], result))
                if self.outcomes.is_full:
                    await self.outcomes.room()
        return await self.outcomes.room()

    async def _carry_out_noted(
        self, chunk: Chunk, payloads: Sequence[Any], journal: Journal
    ) -> None:
        fingerprints = {item.index: journal.fingerprint(item.payload) for item in chunk.items}
        await journal.sending(fingerprints.items())
        outcomes: list[Outcome[T]] = []
        try:
            async with aclosing(self.operation.carry_out(payloads, chunk.known)) as results:
                async for index, result in results:
                    outcomes.append(self._outcome(chunk.items[index], result))
                    note_outcome(journal, outcomes[-1], fingerprints[outcomes[-1].index])
            await journal.flush()
        except BaseException:  # a cancelled chunk is noted too
            self._uncommitted(outcomes)
            raise
        finally:
            for outcome in outcomes:  # also if the disk is full
                self.outcomes.put(outcome)
        await self.outcomes.room()

    def _uncommitted(self, outcomes: Sequence[Outcome[T]]) -> None:
        """Leave jobs to the next run that the journal may not have: it is to find them."""
        if self.operation.function is table.CRON_ADD:
            ids = [outcome.value.id for outcome in outcomes if isinstance(outcome.value, CronJob)]
            self.calls.caller.memory.mark_unreported("cron", ids)

    def _outcome(self, item: Item[Any], result: Result) -> Outcome[T]:
        if (error := fatal_error(result.error)) is not None:
            self._stop(error)
        function = self.operation.function
        outcome = outcome_of(function, item, result)
        self._unknown += outcome.status == "unknown"
        if outcome.error is not None:
            with_facts(
                outcome.error,
                provider=self.calls.caller.provider.name,
                function=outcome.error.function or function.name,
            )
        return outcome

    async def _hand_out(self, outcome: Outcome[T]) -> None:
        self.outcomes.put(outcome)
        await self.outcomes.room()

    async def _give_up_the_rest(self) -> None:
        """Report all items as not tried that a stopped bulk has read, or can still read at once."""
        if not self._is_stopped:
            return
        await self._not_tried((item.index, item.given) for item in self._chunks.lined_up())
        left = MOST_UNTRIED if self.source.total is None else self.source.total
        while self.error is None and left > 0:
            rest = await self._chunks.drain()
            await self._not_tried(rest)
            left = left - AHEAD if len(rest) == AHEAD else 0

    async def _not_tried(self, rest: Iterable[tuple[int, object]]) -> None:
        for index, given in rest:
            self.outcomes.put(NotTried(index, given))
            if self.outcomes.is_full:
                await self.outcomes.room()
        await self.outcomes.room()
