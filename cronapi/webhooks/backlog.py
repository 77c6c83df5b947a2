"""Work that was taken on and answered for: some at a time, and that of one job in order."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

import anyio

from cronapi._calls.tasks import begin

T = TypeVar("T")


class Entry(Generic[T]):
    """One piece of work, its key if it has one, and the context of the request that brought it."""

    __slots__ = ("_ended", "context", "item", "key", "succeeded")

    def __init__(self, item: T, key: str | None) -> None:
        self.item: T = item
        self.key: str | None = key
        self.context: contextvars.Context = contextvars.copy_context()
        self.succeeded: bool = False
        self._ended = anyio.Event()

    async def ended(self) -> bool:
        """Wait for its end, and return True if it was done well. The work outlives its waiter."""
        await self._ended.wait()
        return self.succeeded

    def end(self) -> None:
        """Wake the waiter."""
        self._ended.set()


class Backlog(Generic[T]):
    """The work of one event loop, in tasks of the library's own.

    `handle` says if an item was done well, and raises nothing. At most `most` items wait, and at
    most `seats` are handled at the same time. Those of one lane go one after the other.
    """

    def __init__(self, handle: Callable[[T], Awaitable[bool]], *, most: int, seats: int) -> None:
        self._handle = handle
        self._most = most
        self._free = seats
        self._lanes: dict[Hashable, deque[Entry[T]]] = {}
        """The waiting items of each lane that has work, under way or waiting."""
        self._ready: deque[Hashable] = deque()
        self._by_key: dict[str | None, Entry[T]] = {}
        self._ended = anyio.Event()
        self.waiting: int = 0
        self.is_closed: bool = False

    def find(self, key: str | None) -> Entry[T] | None:
        """Return the work of a key that waits or is under way."""
        return self._by_key.get(key)

    def put(self, item: T, lane: Hashable, key: str | None = None) -> Entry[T] | None:
        """Take on an item, or return None if too many wait."""
        if self.waiting >= self._most and not (self._free and lane not in self._lanes):
            return None
        entry = Entry(item, key)
        self.waiting += 1
        if key is not None:
            self._by_key[key] = entry
        if lane in self._lanes:
            self._lanes[lane].append(entry)
        else:
            self._lanes[lane] = deque([entry])
            self._ready.append(lane)
        self._start()
        return entry

    async def drain(self) -> None:
        """Wait until there is no work. A cancelled waiter leaves all of it under way."""
        while self._lanes:
            await self._ended.wait()

    def _start(self) -> None:
        while self._free and self._ready:
            lane = self._ready.popleft()
            entry = self._lanes[lane].popleft()
            self.waiting -= 1
            self._free -= 1
            entry.context.run(begin, partial(self._run, lane, entry))

    async def _run(self, lane: Hashable, entry: Entry[T]) -> None:
        is_over = False
        try:
            entry.succeeded = await self._handle(entry.item)
            is_over = True
        finally:
            self._free += 1
            if self._lanes[lane]:
                self._ready.append(lane)
            else:
                del self._lanes[lane]
            self._by_key.pop(entry.key, None)
            entry.end()
            self._ended.set()
            self._ended = anyio.Event()
            if is_over:  # and not the loop with all its tasks
                self._start()
