"""The object that `api.cron.add_many(...)` and its like return: to await, iterate, or estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable
from contextlib import suppress
from inspect import iscoroutinefunction
from os import PathLike
from threading import get_ident
from typing import Any, Generic, Self, TypeVar, Unpack
from warnings import warn

import anyio

from cronapi._batch.calls import Calls
from cronapi._calls.caller import OfClient
from cronapi._calls.tasks import loop_of_task
from cronapi._protocol.hints import NoOptions, refuse_options
from cronapi.bulk.append_only_file import checked_path
from cronapi.bulk.eta import Speed, observe, seconds_left
from cronapi.bulk.operations import Operation
from cronapi.bulk.report import Cost, Outcome, Report, counted
from cronapi.bulk.run import Run
from cronapi.bulk.source import Source
from cronapi.errors.concerns import closed_error, setting_error

T = TypeVar("T")
ProgressCallback = Callable[[int, int | None, float | None], object]
"""Called with the number of outcomes, the number of items, and the seconds left.

The last two are None if the input does not know its length.
"""


class Bulk(OfClient, Generic[T]):
    """Many calls as one, which begin when the bulk is awaited or iterated.

    `await bulk` returns the Report. `async for outcome in bulk` yields outcomes as they come. A
    bulk can be begun only once, in either way. `asyncio.create_task` takes a coroutine, so give it
    one that awaits the bulk.

    A loop that breaks out sends nothing more. Requests that were already sent are carried out, but
    their outcomes are no longer reported: use a journal for adds that may be broken off.
    `contextlib.aclosing(bulk)` ends the bulk at the end of its block. `report` has the outcomes of
    an `await` so far, also after an error. It has no outcomes of a loop, which keeps its own.

    A bulk is carried out without max_wait, and in the bulk lane unless the client's options name
    another. A bulk that is neither begun nor closed nor asked for its cost causes a
    RuntimeWarning, like a coroutine that was never awaited.

    The outcome of an item is never raised. A ConfigurationError means that the journal or an item
    cannot be used, or that the input raised. A list is checked from end to end when the bulk is
    made, any other input as it is read: the items before a bad one are carried out.

    An error that concerns every item stops the bulk. The items that were not sent are then
    `not_tried`, as far as they were read or can be read at once. A slow input is not waited for,
    and an input without a length is read on for at most 100,000 items.

    An async input is read and closed by one task, so it may hold a deadline or a task group. While
    a slow one waits, the items that it has given are sent.
    """

    _unused = False  # until __init__ has succeeded, so that a failed one causes no warning

    def __init__(
        self,
        calls: Calls,
        operation: Operation[T],
        items: Iterable[Any] | AsyncIterable[Any],
        check: Callable[[Any, int], Any],
        *,
        journal: str | PathLike[str] | None = None,
        progress: ProgressCallback | None = None,
        **unknown: Unpack[NoOptions],
    ) -> None:
        self._calls = calls
        self._operation = operation
        self._run: Run[T] | None = None
        self._closed = False
        self._counts: Counter[str] = Counter()
        """The outcomes that were awaited or iterated so far, by status."""
        refuse_options(operation.name, unknown, ("journal", "progress"))
        _check_progress(progress)
        self._source: Source[Any] = Source(items, check, operation.name)
        self._progress = progress
        self._path = None if journal is None else checked_path(journal)
        self._begun = False
        self._await_ended = False
        """Set when an `await` has ended, in any way."""
        self._speed: Speed | None = None
        self._outcomes: list[Outcome[T]] = []
        self._unused = True

    def __del__(self) -> None:
        if self._unused:
            warn(
                f"{self._operation.name} was never awaited: nothing was sent.",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )

    def __repr__(self) -> str:
        return f"<Bulk {self._operation.name}: {self._state()}>"

    def _state(self) -> str:
        """Return in words how far it is."""
        total, count, run = self._total, self._counts.total(), self._run
        if run is None:
            items = "" if total is None else f", {total} item{'' if total == 1 else 's'}"
            return f"{'closed' if self._closed else 'not begun'}{items}"
        state = "ended" if run.outcomes.is_over else "under way"
        if self._closed and count != total:
            state = "closed"
        so_far = f"{count} so far" if total is None else f"{count} of {total}"
        return f"{state}, {so_far}: {counted(self._counts, run.stopped_by)}"

    @property
    def _total(self) -> int | None:
        source = getattr(self, "_source", None)  # a bulk that cannot be made is shown too
        return None if source is None else source.total

    @property
    def report(self) -> Report[T]:
        """The outcomes of an awaited bulk so far."""
        if self._run is None:
            return Report((), self._operation.name)
        if self._await_ended:  # a cancelled `await` leaves outcomes that it has not taken
            self._outcomes.extend(self._run.outcomes.take_all())
        return Report(self._outcomes, self._operation.name, self._run.stopped_by)

    def cost(self) -> Cost:
        """Return the cost if all goes well. An input without a length is a ConfigurationError.

        Nothing is sent for this. No journal is read, so its done items are counted too.

        `add_many` of more than one job, or with a journal, reads the list of jobs down and up
        before it sends anything. That list is counted with the pages that this client knows of,
        one at first. Edits with `batch` are counted by their changes if they are a list or another
        sequence. Otherwise they are counted as if all were alike, which is the least they can cost.
        """
        self._unused = False
        total, operation = self._source.total, self._operation
        if total is None:
            raise setting_error(
                f"{operation.name} cannot tell what it costs: the input has no length."
            )
        requests = max(operation.requests(total), operation.at_least(self._source.payloads()))
        if operation.lists_ids_first(total, journal=self._path is not None):
            requests += self._calls.paging.requests_for(self._calls.limits.pages)
        return Cost(requests, requests * self._calls.caller.scheduler.rate.interval)

    def __await__(self) -> Generator[Any, None, Report[T]]:
        return self._finish().__await__()

    def __aiter__(self) -> AsyncIterator[Outcome[T]]:
        return self._begin(lambda _: None)

    async def aclose(self) -> None:
        """Send nothing more. Requests that were sent end by themselves.

        A second call does nothing, and neither does a call after the end.
        """
        self._begun, self._closed, self._unused = True, True, False
        if self._run is not None:
            self._run.cancel()

    def _begin(self, keep: Callable[[Outcome[T]], None]) -> OutcomeIterator[T]:
        if self._begun:
            if self._closed:
                raise closed_error("The bulk was closed; make another.")
            raise setting_error("A bulk is carried out once; make another.")
        self._begun, self._unused = True, False
        run = self._run = Run(self._calls, self._operation, self._source, self._path)

        def report(outcome: Outcome[T], count: int) -> None:
            keep(outcome)
            self._counts[outcome.status] += 1
            self._report_progress(run, count)

        return OutcomeIterator(run, report)

    async def _finish(self) -> Report[T]:
        outcomes = self._begin(self._outcomes.append)
        try:
            async for _ in outcomes:
                pass
        finally:
            self._await_ended = True
        if self._closed and self._run is not None:
            text = "The bulk was closed before its end; its report has the outcomes so far."
            raise closed_error(text, applied=self._run.applied)
        return self.report

    def _report_progress(self, run: Run[T], count: int) -> None:
        if self._progress is None:
            return
        total = self._source.total
        seconds = None if total is None else self._seconds_left(run, count, total)
        self._progress(count, total, seconds)

    def _seconds_left(self, run: Run[T], count: int, total: int) -> float:
        interval = self._calls.caller.scheduler.rate.interval
        requests = self._operation.requests
        speed = self._speed or Speed(requests(max(0, total - run.before)))
        if count <= run.before:  # restored from an earlier run, which took no request
            return run.ahead + seconds_left(speed, interval)
        self._speed = observe(speed, requests(max(0, total - count)), anyio.current_time())
        return seconds_left(self._speed, interval)


def _check_progress(progress: object) -> None:
    if progress is None or (
        callable(progress)
        and not any(map(iscoroutinefunction, (progress, type(progress).__call__)))
    ):
        return
    raise setting_error(
        "progress must be a function, and no `async` one: it is called after each outcome and not "
        "awaited."
    )


class OutcomeIterator(AsyncIterator[Outcome[T]]):
    """The outcomes of a bulk as they come.

    The bulk ends when the loop does, also by `break`, an error or a cancellation. `report` is
    called with each outcome, and the number of outcomes so far.
    """

    def __init__(self, run: Run[T], report: Callable[[Outcome[T], int], None]) -> None:
        self._run = run
        self._report = report
        self._count = 0
        self._is_over = False
        self._home: tuple[Any, int] | None = None
        """The event loop and the thread in which it began."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[T]:
        if self._is_over:
            raise StopAsyncIteration
        try:
            return await self._next()
        except BaseException:  # a cancelled loop ends the bulk too
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Send nothing more. Requests that were sent end by themselves."""
        self._is_over = True
        self._run.cancel()

    def __del__(self) -> None:
        if self._home is None or self._is_over:
            return
        loop, thread = self._home
        with suppress(RuntimeError):  # the loop has ended, and its tasks with it
            if get_ident() == thread:
                self._run.cancel()
            elif hasattr(loop, "run_sync_soon"):  # trio
                loop.run_sync_soon(self._run.cancel)
            else:
                loop.call_soon_threadsafe(self._run.cancel)

    async def _next(self) -> Outcome[T]:
        if self._home is None:
            self._home = loop_of_task(), get_ident()
            self._run.start()
        outcome = await self._run.outcomes.take()
        if outcome is None:
            if self._run.error is not None:
                raise self._run.error
            raise StopAsyncIteration
        self._count += 1
        self._report(outcome, self._count)
        return outcome
