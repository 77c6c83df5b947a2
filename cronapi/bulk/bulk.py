"""`api.cron.add_many(...)` and its like: something to await, to iterate, or to ask what it will cost."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable
from contextlib import suppress
from inspect import iscoroutinefunction
from os import PathLike
from threading import get_ident
from typing import Any, Generic, Self, TypeVar
from warnings import warn

import anyio
from anyio.lowlevel import current_token

from cronapi._batch.calls import Calls
from cronapi.bulk.eta import Speed, seconds_left, see
from cronapi.bulk.operations import Work
from cronapi.bulk.report import Cost, Outcome, Report
from cronapi.bulk.run import Run
from cronapi.bulk.source import Source
from cronapi.errors import ConfigurationError

T = TypeVar("T")
Progress = Callable[[int, int | None, float | None], object]
"""Called with how many are done, how many there are (None where the input does not know) and the seconds left (None likewise)."""


class Bulk(Generic[T]):
    """Many calls as one, not begun yet.

    `await bulk` returns the Report; `asyncio.create_task` takes a coroutine, so give it one that awaits the bulk. `async for outcome in
    bulk` yields outcomes as they come; breaking out sends nothing more. Either begins it, once. `report` has what an `await` has learnt
    so far, also after an error; who iterates keeps what is needed. What was on its way at a break is carried out all the same and no
    longer told: use a journal where a bulk of adds may be broken off. `contextlib.aclosing(bulk)` ends it at the end of its block.

    A bulk is carried out in the bulk lane, unless the client's options name another, and without max_wait. One that is neither begun
    nor closed nor asked for its cost causes a RuntimeWarning, like a coroutine that was never awaited.

    Raises ConfigurationError where an item cannot be used or the input raises (what was read before is carried out), and where the
    journal cannot be used. A list is checked from end to end when the bulk is made, any other input as it is read. What becomes of an
    item is in its outcome, never raised. An error that concerns every item stops a bulk; then what was not sent is `not_tried`, as far
    as it was read or comes at once: a slow input is not waited for, and one that does not know its length is read on for no more than
    100,000 items.

    An async input is read and closed by one task, so that it may hold a deadline or a task group; where it is slow, what it has given
    is sent meanwhile.
    """

    _unused = False  # not before it is made: one that cannot be made was not forgotten

    def __init__(
        self,
        calls: Calls,
        work: Work[T],
        items: Iterable[Any] | AsyncIterable[Any],
        check: Callable[[Any, int], Any],
        *,
        journal: str | PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        _check_progress(progress)
        self._calls = calls
        self._work = work
        self._source: Source[Any] = Source(items, check, work.name)
        self._progress = progress
        self._path = journal
        self._run: Run[T] | None = None
        self._begun = False
        self._over = False
        """Whether an `await` of it has ended, well or not."""
        self._closed = False
        self._speed: Speed | None = None
        self._outcomes: list[Outcome[T]] = []
        self._unused = True

    def __del__(self) -> None:
        if self._unused:
            warn(
                f"{self._work.name} was never awaited: nothing was sent.",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )

    @property
    def report(self) -> Report[T]:
        """The outcomes so far of a bulk that is awaited."""
        if self._run is None:
            return Report((), self._work.name)
        if self._over:
            self._outcomes.extend(
                self._run.outcomes.take_all()
            )  # known when the `await` was broken off
        return Report(self._outcomes, self._work.name, self._run.stopped_by)

    def cost(self) -> Cost:
        """Return what it needs if all goes well; ConfigurationError where the input does not know its length.

        Nothing is asked for this, and no journal read: what that has as done is counted all the same. The list, which `add_many` of more
        than one job, or with a journal, reads down and up before it sends anything, is counted with as many pages as this client knows of,
        one at first. Edits with `batch` are counted by what they change where they are a list or another sequence, else as if all were
        alike: that is the least they take.
        """
        self._unused = False
        if self._source.total is None:
            raise ConfigurationError(
                f"{self._work.name} cannot tell what it costs: the input has no length."
            )
        looks = self._work.looks_around(self._source.total, journal=self._path is not None)
        requests = max(
            self._work.requests(self._source.total), self._work.at_least(self._source.payloads())
        )
        requests += self._calls.paging.requests_for(self._calls.limits.pages) if looks else 0
        return Cost(requests, requests * self._calls.caller.scheduler.rate.interval)

    def __await__(self) -> Generator[Any, None, Report[T]]:
        return self._finish().__await__()

    def __aiter__(self) -> AsyncIterator[Outcome[T]]:
        return self._begin(lambda _: None)

    async def aclose(self) -> None:
        """Send nothing more; what is on its way ends by itself. Closing twice, or what is over, is harmless."""
        self._begun, self._closed, self._unused = True, True, False
        if self._run is not None:
            self._run.cancel()

    def _begin(self, keep: Callable[[Outcome[T]], None]) -> Outcomes[T]:
        if self._begun:
            raise ConfigurationError("A bulk is carried out once; make another.")
        self._begun, self._unused = True, False
        run = self._run = Run(self._calls, self._work, self._source, self._path)

        def tell(outcome: Outcome[T], count: int) -> None:
            keep(outcome)
            self._tell(run, count)

        return Outcomes(run, tell)

    async def _finish(self) -> Report[T]:
        outcomes = self._begin(self._outcomes.append)
        try:
            async for _ in outcomes:
                pass
        finally:
            self._over = True
        if self._closed:
            raise ConfigurationError(
                "The bulk was closed before its end; its report has what is known."
            )
        return self.report

    def _tell(self, run: Run[T], count: int) -> None:
        if self._progress is not None:
            total = self._source.total
            self._progress(count, total, None if total is None else self._left(run, count, total))

    def _left(self, run: Run[T], count: int, total: int) -> float:
        interval = self._calls.caller.scheduler.rate.interval
        speed = self._speed or Speed(self._work.requests(max(0, total - run.before)))
        if count <= run.before:  # an earlier run's: no request was made for it
            return run.ahead + seconds_left(speed, interval)
        self._speed = see(speed, self._work.requests(max(0, total - count)), anyio.current_time())
        return seconds_left(self._speed, interval)


def _check_progress(progress: object) -> None:
    if progress is None or (
        callable(progress)
        and not any(map(iscoroutinefunction, (progress, type(progress).__call__)))
    ):
        return
    raise ConfigurationError(
        "progress must be a function, and no `async` one: it is called after each outcome and not awaited."
    )


class Outcomes(AsyncIterator[Outcome[T]]):
    """The outcomes of a bulk as they come; whoever lets go of it, by `break`, an error or a cancellation, ends the bulk."""

    def __init__(self, run: Run[T], tell: Callable[[Outcome[T], int], None]) -> None:
        self._run = run
        self._tell = tell
        self._count = 0
        self._over = False
        self._home: tuple[Any, int] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[T]:
        if self._over:
            raise StopAsyncIteration
        try:
            return await self._next()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Send nothing more; what is on its way ends by itself."""
        self._over = True
        self._run.cancel()

    def __del__(self) -> None:
        if self._home is None or self._over:
            return
        loop, thread = self._home
        with suppress(RuntimeError):  # the loop is over, and its tasks with it
            if get_ident() == thread:
                self._run.cancel()
            else:
                (
                    loop.run_sync_soon
                    if hasattr(loop, "run_sync_soon")
                    else loop.call_soon_threadsafe
                )(self._run.cancel)

    async def _next(self) -> Outcome[T]:
        if self._home is None:
            self._home = current_token().native_token, get_ident()
            self._run.start()
        outcome = await self._run.outcomes.take()
        if outcome is None:
            if self._run.error is not None:
                raise self._run.error
            raise StopAsyncIteration
        self._count += 1
        self._tell(outcome, self._count)
        return outcome
