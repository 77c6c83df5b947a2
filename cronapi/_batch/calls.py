"""A way to call, and what a client has learnt of a service's batches."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeGuard
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import RunVar
from attrs import define, evolve, field, frozen

from cronapi._calls.caller import Caller
from cronapi._calls.exchange import Exchange
from cronapi._calls.lookup import LOOK_LONG, Ask, every_job, ids_of
from cronapi._calls.options import Options, Seal
from cronapi._calls.retry import History
from cronapi._calls.tasks import spawn
from cronapi._functions import Function, Repeat
from cronapi._protocol.response import Ending
from cronapi.errors import (
    APIError,
    Applied,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    CronAPIError,
    OutcomeUnknownError,
    SchedulerError,
    ServiceUnavailableError,
    UnsupportedFunctionError,
    WaitTooLongError,
)
from cronapi.scheduler import Lane

_ensuring: RunVar[WeakValueDictionary[tuple[str, str], anyio.Semaphore]] = RunVar(
    "cronapi_ensuring"
)

FIRST_SIZE = 100
"""Items of the first batch: no documentation names the most that a service takes."""
FOR_ALL = (
    *(AuthenticationError, ConfigurationError, UnsupportedFunctionError),
    *(SchedulerError, ServiceUnavailableError, ConnectionFailedError),
)
"""Errors that say nothing about the item: the next would meet the same, after the same long patience."""


class Gate:
    """Many may send at the same time, but whoever looks what became of a batch looks alone: nothing new appears meanwhile."""

    def __init__(self) -> None:
        self._senders = 0
        self._lookers = 0
        self._looking = anyio.Lock()
        self._changed = anyio.Event()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send beside others, while nobody looks."""
        while self._lookers:
            await self._changed.wait()
        self._senders += 1
        try:
            yield
        finally:
            self._senders -= 1
            self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nobody sends any more, and let nobody send."""
        self._lookers += 1
        try:
            while self._senders:
                await self._changed.wait()
            async with self._looking:
                yield
        finally:
            self._lookers -= 1
            self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


@define
class Batches:
    """What one client has learnt: how many items a batch may have, whether a refused one did nothing, how many pages the list has."""

    most: int = FIRST_SIZE
    atomic: bool = False
    pages: int = 1
    gate: Gate = field(factory=Gate)

    def learn(self, refused: int) -> None:
        """Take note that so many items were refused together, and all accepted in halves: it was the size."""
        self.most = min(self.most, (refused + 1) // 2)


@frozen
class Result:
    """What the service answered for one item, or the error."""

    data: Any = None
    error: CronAPIError | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can tell if the service did it."""
        return isinstance(self.error, OutcomeUnknownError) or (
            self.error is not None and self.error.applied is Applied.UNKNOWN
        )


@frozen
class Calls:
    """Makes calls with the options of one client."""

    caller: Caller
    options: Options
    batches: Batches
    lane: Lane = "bulk"
    made: list[int] = field(factory=list)
    """Ids of what was made so far of the step that these calls are for."""

    def has(self, row: Function[Any]) -> bool:
        """Whether the service has this function."""
        return row.name in self.caller.provider.functions

    @property
    def seats(self) -> int:
        """How many requests may be under way at once."""
        return self.caller.scheduler.max_in_flight

    @property
    def ask(self) -> Ask:
        """A way to make reads."""
        return self.caller.asker(self.options, self.options.lane or self.lane)

    async def __call__(
        self,
        row: Function[Any],
        wire: Mapping[str, Any],
        *,
        history: History | None = None,
        seal: Seal | None = None,
        look: bool = True,
    ) -> Any:
        """Return the raw data, or raise one of our errors."""
        data = await self.caller.call(
            row, wire, evolve(self.options, look=look), self.lane, history, seal
        )
        if row.repeat is Repeat.CREATE:
            self.made.extend(ids_of(data))
        return data

    def may_insist(self, error: CronAPIError) -> bool:
        """Whether to send many items once more that nobody would ever know of: its repeats failed, but one more does no harm."""
        lost = error.applied is Applied.UNKNOWN and not isinstance(error, AuthenticationError)
        return lost and self.options.retry is not None

    @asynccontextmanager
    async def ensuring(self, name: str) -> AsyncIterator[None]:
        """Be the only one on this event loop, with whatever client, that makes sure there is a job of this name, or has just left."""
        locks = _ensuring.get(None)
        if locks is None:
            locks = WeakValueDictionary()
            _ensuring.set(locks)
        lock, mine = (
            locks.setdefault((self.caller.provider.base_url, name), anyio.Semaphore(1)),
            False,
        )
        with anyio.move_on_after(self.options.max_wait):
            await lock.acquire()
            mine = True
        if not mine:
            raise WaitTooLongError(
                "Another task was still ensuring this name after max_wait.",
                wait=self.caller.scheduler.eta(self.lane),
            )
        try:
            yield
        finally:
            if left := self.caller.creates.sent_for(
                name
            ):  # a caller that is cancelled leaves behind what was sent
                spawn(partial(self._release, lock, left))
            else:
                lock.release()

    async def _release(self, lock: anyio.Semaphore, left: Iterable[Exchange]) -> None:
        try:
            for exchange in left:
                await exchange.event.wait()
            if any(
                exchange.verdict.ending is Ending.LOST for exchange in left
            ):  # the service may still hold it back
                await self.caller.rest(sum(LOOK_LONG))
        finally:
            lock.release()

    async def find(self, name: str) -> dict[str, Any] | None:
        """Return the job of exactly this name, the one with the lowest id, from all pages of a search."""
        found = [row for row in await every_job(self, name) if row.get("name") == name]
        return min(found, key=lambda row: int(row["id"]), default=None)

    async def one(self, row: Function[Any], wire: Mapping[str, Any]) -> Result:
        """Make a call for one item."""
        try:
            return Result(await self(row, wire))
        except CronAPIError as error:
            return Result(error=error)

    async def again(self, row: Function[Any], wire: Mapping[str, Any], *, lost: bool) -> Result:
        """Make a call for one item, which an earlier one may have carried out where it was `lost`; a refusal proves that it has not."""
        result = await self.one(row, wire)
        if not lost or result.error is None or is_refusal(result.error):
            return result
        return Result(error=doubted(result.error))


def is_refusal(error: CronAPIError) -> TypeGuard[APIError]:
    """Whether the service itself says no to what was sent, and not to whoever sent it."""
    return isinstance(error, APIError) and not isinstance(error, AuthenticationError)


def doubted(error: CronAPIError, first: CronAPIError | None = None) -> CronAPIError:
    """Return the error for an item that an earlier request, which ended in `first`, may have carried out."""
    attempts = error.attempts + (first.attempts if first else 0)
    twin = copy.copy(error).of_call(applied=Applied.UNKNOWN, attempts=attempts)
    twin.__cause__ = first or error.__cause__
    return twin


Send = Callable[[Sequence[Any]], Awaitable[list[Result]]]


def all_failed(error: CronAPIError, items: Iterable[object]) -> list[Result]:
    """Return the same error for every item."""
    return [Result(error=error) for _ in items]


@frozen
class Ends:
    """What a request for several items came to: what is `told` of each by its place, and the `parts` in which the others go on.

    For those the service has proven to have done nothing, and nobody did before.
    """

    told: Mapping[int, Result]
    parts: Sequence[Sequence[int]] = ()


def told(results: Iterable[Result]) -> Ends:
    """Return the end of all items."""
    return Ends(dict(enumerate(results)))


def halves(count: int) -> Ends:
    """Return how a batch goes on that was refused as a whole: in two, until what is refused is alone."""
    middle = (count + 1) // 2
    return Ends({}, (range(middle), range(middle, count)))


def everybodys(error: CronAPIError | None) -> CronAPIError | None:
    """Return the error that every other item would meet too: this one, or what kept it from being looked up."""
    return next(
        (found for found in (error, error and error.__cause__) if isinstance(found, FOR_ALL)), None
    )


def hopeless(results: Iterable[Result], *, lost: bool = False) -> CronAPIError | None:
    """Return the error for what is not sent any more, where one shows that it would fare no better.

    `lost` says that an earlier request for all of it got no answer.
    """
    error = next((found for result in results if (found := everybodys(result.error))), None)
    return (
        None
        if error is None
        else doubted(error).of_call(applied=Applied.UNKNOWN if lost else Applied.NO)
    )


@define
class Series:
    """Sends items part by part, until one shows that the others would fare no better; `lost` as in `hopeless`."""

    lost: bool = False
    error: CronAPIError | None = None

    async def send(self, items: Sequence[Any], send: Send) -> list[Result]:
        """Return what became of the next items."""
        if self.error is not None:
            return all_failed(self.error, items)
        results = await send(items)
        self.error = hopeless(results, lost=self.lost)
        return results


async def in_parts(
    items: Sequence[Any], most: int, send: Send, *, lost: bool = False
) -> list[Result]:
    """Send items, so many at a time, as a Series."""
    series, results = Series(lost), list[Result]()
    while len(results) < len(items):
        results += await series.send(items[len(results) : len(results) + most], send)
    return results


async def go_on(
    calls: Calls, items: Sequence[Any], ends: Ends, send: Send, *, lost: bool = False
) -> list[Result]:
    """Send the parts one after the other, as a Series, and learn where it was the size."""
    series, results = Series(lost, hopeless(ends.told.values(), lost=lost)), dict(ends.told)
    for part in ends.parts:
        results |= zip(part, await series.send([items[place] for place in part], send), strict=True)
    if len(ends.parts) > 1 and all(result.error is None for result in results.values()):
        calls.batches.learn(len(items))
    return [results[place] for place in range(len(items))]
