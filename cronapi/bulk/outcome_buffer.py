"""A bounded queue of outcomes, into which a run puts without waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

import anyio
from anyio.lowlevel import checkpoint

T = TypeVar("T")


class OutcomeBuffer(Generic[T]):
    """Items in the order in which they were put.

    It holds about `most` of them if all producers wait for `room`. `put` never blocks, and a
    cancelled `take` loses nothing: the item stays for the next one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self.is_over: bool = False
        self._changed = anyio.Event()

    def put(self, item: T) -> None:
        """Add an item."""
        self._items.append(item)
        self._changed.set()

    @property
    def is_full(self) -> bool:
        """Return True if producers must wait, because a consumer has yet to take."""
        return len(self._items) >= self._most and not self.is_over

    async def room(self) -> None:
        """Let a waiting consumer go first, then wait while the buffer is full."""
        await checkpoint()
        await checkpoint()  # trio runs tasks that wake together in any order
        while self.is_full:
            await self._change()

    async def take(self) -> T | None:
        """Return the next item, or None if no more will come."""
        await checkpoint()
        while not self._items and not self.is_over:
            await self._change()
        return next(self.take_all(), None)

    def take_all(self) -> Iterator[T]:
        """Yield the items that are there, and remove them."""
        while self._items:
            self._changed.set()
            yield self._items.popleft()

    def end(self) -> None:
        """Say that nothing more will be put, or that no consumer takes any more."""
        self.is_over = True
        self._changed.set()

    async def _change(self) -> None:
        if self._changed.is_set():
            self._changed = anyio.Event()
        await self._changed.wait()
