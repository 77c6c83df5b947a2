"""The input of a bulk: a list, any iterable or an async one, read as far as it is needed and checked item by item."""

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
    Mapping,
    Sequence,
    Sized,
)
from typing import Any, Generic, TypeVar

import anyio
from attrs import frozen

from cronapi.bulk.reader import Reader
from cronapi.errors import ConfigurationError

P = TypeVar("P")
Check = Callable[[Any, int], P]
"""Returns the payload of what was given at an index; a ConfigurationError where it cannot be used need not name the index."""


@frozen(eq=False)
class Item(Generic[P]):
    """One item: its position in the input, what the caller gave, and what the check made of it."""

    index: int
    given: object
    payload: P


def checked(check: Check[P], given: object, index: int, what: str) -> P:
    """Return what `check` makes of an item; whatever it raises becomes a ConfigurationError that names call and item."""
    try:
        return check(given, index)
    except ConfigurationError as error:
        raise ConfigurationError(f"{what}: item {index}: {error.message}") from error
    except Exception as error:
        raise ConfigurationError(
            f"{what}: item {index} cannot be used ({type(error).__name__})."
        ) from error


class Source(Generic[P]):
    """The items of an input, which is read once, in order, and no further than somebody takes.

    `total` is the number of items where the input knows it, else None. `check` returns the payload of an item, or raises; a sequence
    is checked from end to end here, so that nothing is sent where one item is bad, and any other input item by item as it is read: it
    may change and yield the same object again. `what` begins the text of the errors. An input that is no iterable of items, or a sized
    one that is empty, is a ConfigurationError. A sync input is read on the event loop: it should not block. An async one is read by a
    task of its own, and by that alone.
    """

    def __init__(
        self, items: Iterable[object] | AsyncIterable[object], check: Check[P], what: str
    ) -> None:
        if isinstance(items, str | bytes | bytearray | memoryview | Mapping):
            raise ConfigurationError(
                f"{what} takes a list or another iterable of items, not a {type(items).__name__}."
            )
        # A copy: what a caller does to the list meanwhile changes neither the positions nor what has been checked.
        items = (
            tuple(items) if isinstance(items, Sequence) and not isinstance(items, range) else items
        )
        self._check = check
        self._what = what
        self.total: int | None = _length(items)
        if self.total == 0:
            raise self._empty()
        if isinstance(items, Sequence):
            for index, given in enumerate(items):
                checked(check, given, index, what)
        self._given: Sequence[object] = items if isinstance(items, Sequence) else ()
        iterator = self._iterator(items)
        self._items: Iterator[object] = (
            iter(()) if isinstance(iterator, AsyncIterator) else iterator
        )
        self._reader = (
            Reader(iterator, self._keep, self._end) if isinstance(iterator, AsyncIterator) else None
        )
        self._lock = anyio.Lock()
        self._good: deque[Item[P]] = deque()
        """What was read and not yet taken; a task that is cancelled leaves here what it has read."""
        self._rest: deque[Item[None]] = deque()
        """What was read from the first bad item on: nobody takes it."""
        self._read = 0
        self._ended = False
        self._stopped = False
        self._fault: tuple[str, BaseException | None] | None = None
        """The text and cause of the error for who takes on: that of the first bad item, or what ended the reading."""

    def payloads(self) -> Iterator[P]:
        """Yield what the check makes of a sequence, all of it, and of any other input nothing; nothing is taken."""
        return (self._check(given, index) for index, given in enumerate(self._given))

    async def take(self, most: int, patience: float = math.inf) -> list[Item[P]]:
        """Return the next items, `most` of them or fewer; none at the end.

        The first is waited for, the others for as long as not `patience` seconds pass without one. ConfigurationError where the next
        item is bad or could not be read, or where there never was one; what comes before it is returned first. Several tasks may take:
        each item goes to one of them. Who is cancelled takes no item away; but an async input that is cancelled while it makes an item
        is not read any further, since it may have lost one: the next `take` says so.
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
        """Let nobody take any more; who waits for an item gets none."""
        self._stopped = True
        if self._reader is not None:
            self._reader.release()

    async def drain(
        self, most: int = sys.maxsize, seconds: float = math.inf
    ) -> list[tuple[int, object]]:
        """Return the next pairs of index and what was given, all of them or `most`, or those that come in so many seconds.

        They are those that no `take` returned, a bad item among them. An input that breaks off is no error here.
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
        """Close the input where it is a generator; nothing more is read. Closing twice is harmless."""
        try:
            self._lock.acquire_nowait()  # before the other, so that a task that is being cancelled closes too
        except anyio.WouldBlock:
            await self._lock.acquire()
        try:
            await self._close()
        finally:
            self._lock.release()

    async def _close(self) -> None:
        if not self._ended:
            self._break_off("the input was closed before its end.")
        try:
            if self._reader is not None:
                await self._reader.aclose()
            elif isinstance(self._items, Generator):
                self._items.close()
        except Exception as error:
            raise ConfigurationError(
                f"{self._what}: the input could not be closed ({type(error).__name__})."
            ) from error

    async def _gather(self, most: int, patience: float) -> None:
        await self._read_until(lambda: self._has(1), math.inf)
        seen = 0
        while seen < len(self._good) and not self._has(most):
            seen = len(self._good)
            await self._read_until(lambda: self._has(most), patience)

    def _has(self, count: int) -> bool:
        """Whether so many can be taken, or no more will come."""
        return len(self._good) >= count or self._ended or self._stopped or self._fault is not None

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
        except BaseException as error:
            self._end(error)
            if not isinstance(error, Exception):
                raise
        else:
            self._keep(given)

    def _keep(self, given: object) -> None:
        index, self._read = self._read, self._read + 1
        if self._fault is None:
            try:
                return self._good.append(
                    Item(index, given, checked(self._check, given, index, self._what))
                )
            except ConfigurationError as error:
                self._fault = error.message, error.__cause__
        return self._rest.append(Item(index, given, None))

    def _end(self, error: BaseException) -> None:
        """Learn what the input raised: its end, an error, or, where it was cancelled, what would seem to be its end from now on."""
        self._ended = True
        if isinstance(error, StopIteration | StopAsyncIteration):
            return
        if isinstance(error, Exception):
            self._break_off(f"item {self._read} could not be read ({type(error).__name__}).", error)
        else:
            self._break_off(
                f"the reading was cancelled at item {self._read}, so the input cannot be read any further."
            )

    def _complain(self) -> None:
        """Raise what is wrong with the input, if anything is: each time anew, so that no task mistakes it for the end."""
        if self._fault is not None:
            text, cause = self._fault
            raise ConfigurationError(text) from cause
        if not self._read:
            raise self._empty()

    def _break_off(self, text: str, cause: BaseException | None = None) -> None:
        self._ended = True
        self._fault = self._fault or (f"{self._what}: {text}", cause)

    def _empty(self) -> ConfigurationError:
        return ConfigurationError(f"{self._what} needs at least one item.")

    def _iterator(self, items: object) -> Iterator[object] | AsyncIterator[object]:
        try:
            return aiter(items) if isinstance(items, AsyncIterable) else iter(items)  # type: ignore[call-overload]  # anything else is the TypeError below
        except TypeError as error:
            text = f"{self._what} takes a list or another iterable of items, sync or async, not a {type(items).__name__}."
            raise ConfigurationError(text) from error
        except Exception as error:
            raise ConfigurationError(
                f"{self._what}: item 0 could not be read ({type(error).__name__})."
            ) from error


def _length(items: object) -> int | None:
    try:
        return len(items) if isinstance(items, Sized) else None
    except TypeError:  # how an object says that it does not know
        return None
