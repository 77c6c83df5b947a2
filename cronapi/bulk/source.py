"""The input of a bulk: a list, another iterable or an async one, read and checked as needed."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
    Sized,
)
from typing import Generic, TypeVar

import anyio

from cronapi._protocol.facts import copied
from cronapi.bulk.items import Check, Item, checked, copy_of, refuse_no_items, unread
from cronapi.bulk.reader import Reader
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import closed_error, input_error, setting_error

P = TypeVar("P")
_CLOSED = "the input was closed before its end."


class Source(Generic[P]):
    """The items of an input, which is read once, in order, and no further than they are taken.

    `total` is the number of items, or None if the input does not know it. `check` returns the
    payload of an item, or raises. `function` begins the text of the errors.

    A sequence is checked from end to end when the source is made, so that one bad item keeps all
    from being sent. Any other input is checked item by item as it is read, because it may change
    and yield the same object again.

    A ConfigurationError means that the input is no iterable of items, or is sized and empty. A
    sync input is read on the event loop, so it should not block. An async input is read by a task
    of its own, and by no other.
    """

    def __init__(
        self, items: Iterable[object] | AsyncIterable[object], check: Check[P], function: str
    ) -> None:
        refuse_no_items(items, function)
        if isinstance(items, Sequence) and not isinstance(items, range):
            # Later changes to the list move no item and escape no check.
            items = tuple(copy_of(items, function))
        self._check = check
        self._function = function
        self.total: int | None = _length(items, function)
        if self.total == 0:
            raise self._empty()
        self._given: Sequence[object] = ()
        if isinstance(items, Sequence) and self.total is not None:
            self._given = items
        for index, given in enumerate(self._given):
            checked(check, given, index, function)
        iterator = self._iterator(items)
        self._items: Iterator[object] = iter(())
        self._reader: Reader | None = None
        if isinstance(iterator, AsyncIterator):
            self._reader = Reader(iterator, self._keep, self._end)
        else:
            self._items = iterator
        self._lock = anyio.Lock()
        self._good: deque[Item[P]] = deque()
        """Items to be taken. A cancelled task leaves here the items that it has read."""
        self._rest: deque[Item[None]] = deque()
        """The items from the first bad one on, which cannot be taken."""
        self._read = 0
        self._ended = False
        self._stopped = False
        self._fault: ConfigurationError | None = None
        """The error of the next `take`: of a bad item, or of the reading."""

    def payloads(self) -> Iterator[P]:
        """Yield the payloads of a sequence, none of any other input, and take nothing."""
        return (self._check(given, index) for index, given in enumerate(self._given))

    async def take(self, most: int, patience: float = math.inf) -> list[Item[P]]:
        """Return the next items, at most `most` of them, and none at the end.

        It waits for the first item. It waits for the others until `patience` seconds pass without
        one. An input that is reading the job list is read on until it has read all of that. A
        ConfigurationError means that the next item is bad or could not be read, or that the
        input has no items at all, unless it has read the job list. The items before a bad one are
        returned first.

        Several tasks may take, and each item goes to one of them. A cancelled `take` removes no
        item. An async input that is cancelled while it makes an item may have lost that one, so it
        is not read any further, and the next `take` raises a ConfigurationError.
        """
        async with self._lock:
            await self._gather(most, patience)
            if self._stopped:
                return []
            items = [self._good.popleft() for _ in range(min(most, len(self._good)))]
            if not items:
                self._complain()
            return items

    def stop(self) -> None:
        """End all waiting and later calls of `take`: they return no items."""
        self._stopped = True
        if self._reader is not None:
            self._reader.release()

    async def drain(
        self, most: int = sys.maxsize, seconds: float = math.inf
    ) -> list[tuple[int, object]]:
        """Return index and given value of the items that no `take` returned, including bad ones.

        It returns at most `most` of them, and reads for at most `seconds`. An input that breaks
        off is no error here.
        """
        async with self._lock:
            await self._read_until(
                lambda: self._ended or len(self._good) + len(self._rest) >= most, seconds
            )
            pairs: list[tuple[int, object]] = []
            while (left := self._good or self._rest) and len(pairs) < most:
                item = left.popleft()
                pairs.append((item.index, item.given))
            return pairs

    async def aclose(self) -> None:
        """Close the input if it is a generator, and read nothing more.

        A second call does nothing.
        """
        try:
            self._lock.acquire_nowait()  # works in a cancelled task, where `acquire` raises
        except anyio.WouldBlock:
            await self._lock.acquire()
        try:
            await self._close()
        finally:
            self._lock.release()

    async def _close(self) -> None:
        if not self._ended:
            self._break_off(closed_error(f"{self._function}: {_CLOSED}"))
        try:
            if self._reader is not None:
                await self._reader.aclose()
            elif isinstance(self._items, Generator):
                self._items.close()
        except Exception as error:  # the caller's code may raise anything
            raise setting_error(
                f"{self._function}: the input could not be closed ({type(error).__name__})."
            ) from error

    async def _gather(self, most: int, patience: float) -> None:
        await self._read_one_that_may_be_sent()
        seen = 0
        while seen < len(self._good) and not self._has(most):
            seen = len(self._good)
            await self._read_until(lambda: self._has(most), patience)
        await self._read_one_that_may_be_sent()

    async def _read_one_that_may_be_sent(self) -> None:
        """Read until an item can be taken. A reading of the list that rests for long is over."""
        if self._reader is None:
            return await self._read_until(lambda: self._has(1), math.inf)
        readings = self._reader.readings
        while not self._has(1):
            await self._read_until(lambda: self._has(1), readings.patience(anyio.current_time()))
            readings.end_rested(anyio.current_time())
        return None

    @property
    def _reads_the_list(self) -> bool:
        """True if the input chooses from the job list, so that it may find nothing."""
        return self._reader is not None and self._reader.readings.were_any

    def _has(self, count: int) -> bool:
        """Return True if `count` items can be taken, or no more will come."""
        is_reading = self._reader is not None and self._reader.readings.are_open
        are_there = len(self._good) >= count and not is_reading
        return are_there or self._ended or self._stopped or self._fault is not None

    async def _read_until(self, enough: Callable[[], bool], seconds: float) -> None:
        if self._reader is not None:
            return await self._reader.read(enough, seconds)
        begun = anyio.current_time()
        while not enough() and anyio.current_time() - begun <= seconds:
            self._read_one()
        return None

    def _read_one(self) -> None:
        try:
            given = next(self._items)
        except BaseException as error:  # a generator is at its end after any of them
            self._end(error)
            if not isinstance(error, Exception):
                raise
        else:
            self._keep(given)

    def _keep(self, given: object) -> None:
        index, self._read = self._read, self._read + 1
        if self._fault is None:
            try:
                payload = checked(self._check, given, index, self._function)
                return self._good.append(Item(index, given, payload))
            except ConfigurationError as error:
                self._fault = error.with_traceback(None)
        return self._rest.append(Item(index, given, None))

    def _end(self, error: BaseException) -> None:
        """Take note that the input has ended, with an error, or in a cancellation.

        A generator that was cancelled would seem to be at its end from then on.
        """
        self._ended = True
        if isinstance(error, StopIteration | StopAsyncIteration):
            return
        if isinstance(error, Exception):
            fault = unread(self._function, self._read, error)
            fault.__cause__ = error
        else:
            fault = setting_error(
                f"{self._function}: the reading was cancelled at item {self._read}, "
                "so the input cannot be read any further."
            )
        self._break_off(fault)

    def _complain(self) -> None:
        """Raise the error of the input, if it has one.

        Each call raises anew, so that no task mistakes the error for the end.
        """
        if self._fault is not None:
            raise copied(self._fault)
        if not self._read and not self._reads_the_list:
            raise self._empty()

    def _break_off(self, fault: ConfigurationError) -> None:
        self._ended = True
        self._fault = self._fault or fault

    def _empty(self) -> ConfigurationError:
        return input_error(f"{self._function} needs at least one item.")

    def _iterator(self, items: object) -> Iterator[object] | AsyncIterator[object]:
        try:
            if isinstance(items, AsyncIterable):
                return aiter(items)
            # Anything but an iterable is the TypeError below.
            return iter(items)  # type: ignore[call-overload, no-any-return]
        except TypeError as error:
            raise input_error(
                f"{self._function} takes a list or another iterable of items, sync or async, "
                f"not a {type(items).__name__}."
            ) from error
        except Exception as error:  # the caller's code may raise anything
            raise unread(self._function, 0, error) from error


def _length(items: object, function: str) -> int | None:
    """Return the length of an input, None for one that does not know it or has too long a one."""
    try:
        return len(items) if isinstance(items, Sized) else None
    except (TypeError, OverflowError):  # how an object says so
        return None
    except Exception as error:  # the caller's code may raise anything
        raise unread(function, 0, error) from error
