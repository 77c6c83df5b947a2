"""The input of a bulk: a list, any iterable or an async one, read as far as it is needed and checked item by item."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Generic, TypeVar

import anyio
from attrs import frozen

from cronapi.errors import ConfigurationError

P = TypeVar("P")


@frozen(eq=False)
class Item(Generic[P]):
    """One item: its position in the input, what the caller gave, and what the check made of it."""

    index: int
    given: object
    payload: P


class Source(Generic[P]):
    """The items of an input, which is read once, in order, and no further than somebody takes.

    `total` is the number of items where the input knows it, else None. `check` returns the payload of an item, or raises
    ConfigurationError with the item's index; a sequence is checked from end to end here, so that nothing is sent where one item is bad,
    and any other input as it is read. `what` begins the text of the errors. An input that is no iterable of items, or a sized one that
    is empty, is a ConfigurationError. A sync input is read on the event loop: it should not block.
    """

    def __init__(self, items: Iterable[object] | AsyncIterable[object], check: Callable[[object, int], P], what: str) -> None:
        if isinstance(items, str | bytes | bytearray | memoryview | Mapping):
            raise ConfigurationError(f"{what} takes a list or another iterable of items, not a {type(items).__name__}.")
        # A copy: what a caller does to the list meanwhile changes neither the positions nor what has been checked.
        items = tuple(items) if isinstance(items, Sequence) and not isinstance(items, range) else items
        self._check = check
        self._what = what
        self.total: int | None = _length(items)
        if self.total == 0:
            raise self._empty()
        if isinstance(items, Sequence):
            for index, given in enumerate(items):
                check(given, index)
        self._items = self._iterator(items)
        self._lock = anyio.Lock()
        self._unchecked: deque[tuple[int, object]] = deque()
        """What was read and not yet taken; a task that is cancelled leaves here what it has read."""
        self._read = 0
        self._ended = False
        self._broken: tuple[str, BaseException | None] | None = None
        """The text and cause of the error that ended the reading."""

    async def take(self, most: int) -> list[Item[P]]:
        """Return the next items, `most` of them or fewer; none at the end.

        ConfigurationError where the next item is bad or could not be read, or where there never was one; what comes before it is
        returned first. Several tasks may take: each item goes to one of them. Who is cancelled takes no item away; but an async
        input that is cancelled while it makes an item is not read any further, since it may have lost one: the next `take` says so.
        """
        async with self._lock:
            await self._fill(most)
            items = self._checked(most)
            if not items and self._ended:
                self._complain()
            return items

    async def drain(self, most: int | None = None) -> list[tuple[int, object]]:
        """Return the next pairs of index and what was given, all of them or `most`, without a check; none at the end.

        They are those that no `take` returned, a bad item among them. An input that breaks off is no error here.
        """
        async with self._lock:
            await self._fill(most)
            count = len(self._unchecked) if most is None else min(most, len(self._unchecked))
            return [self._unchecked.popleft() for _ in range(count)]

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
        items, self._items = self._items, iter(())
        try:
            if isinstance(items, AsyncGenerator):
                await items.aclose()
            elif isinstance(items, Generator):
                items.close()
        except Exception as error:
            raise ConfigurationError(f"{self._what}: the input could not be closed ({type(error).__name__}).") from error

    async def _fill(self, most: int | None) -> None:
        while not self._ended and (most is None or len(self._unchecked) < most):
            await self._read_one()

    async def _read_one(self) -> None:
        items = self._items
        try:
            given = await anext(items) if isinstance(items, AsyncIterator) else next(items)
        except (StopIteration, StopAsyncIteration):
            self._ended = True
        except Exception as error:  # noqa: BLE001 -- the input is the caller's code, which may raise anything
            self._break_off(f"item {self._read} could not be read ({type(error).__name__}).", error)
        except BaseException:
            # A generator is over now and would seem to have ended well.
            self._break_off(f"the reading was cancelled at item {self._read}, so the input cannot be read any further.")
            raise
        else:
            self._unchecked.append((self._read, given))
            self._read += 1

    def _checked(self, most: int) -> list[Item[P]]:
        """Return items up to the first bad one, which stays; where it is the first of all, its error is raised."""
        items: list[Item[P]] = []
        while self._unchecked and len(items) < most:
            index, given = self._unchecked[0]
            try:
                items.append(Item(index, given, self._check(given, index)))
            except ConfigurationError:
                if items:
                    break
                raise
            self._unchecked.popleft()
        return items

    def _complain(self) -> None:
        """Raise what is wrong with an input that ended, if anything is: each time anew, so that no task mistakes it for the end."""
        if self._broken is not None:
            text, cause = self._broken
            raise ConfigurationError(f"{self._what}: {text}") from cause
        if not self._read:
            raise self._empty()

    def _break_off(self, text: str, cause: BaseException | None = None) -> None:
        self._ended = True
        self._broken = text, cause

    def _empty(self) -> ConfigurationError:
        return ConfigurationError(f"{self._what} needs at least one item.")

    def _iterator(self, items: object) -> Iterator[object] | AsyncIterator[object]:
        try:
            return aiter(items) if isinstance(items, AsyncIterable) else iter(items)  # type: ignore[call-overload]  # anything else is the TypeError below
        except TypeError as error:
            text = f"{self._what} takes a list or another iterable of items, sync or async, not a {type(items).__name__}."
            raise ConfigurationError(text) from error
        except Exception as error:
            raise ConfigurationError(f"{self._what}: item 0 could not be read ({type(error).__name__}).") from error


def _length(items: object) -> int | None:
    try:
        return len(items) if isinstance(items, Sized) else None
    except TypeError:  # how an object says that it does not know
        return None
