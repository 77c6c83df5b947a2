"""What lies ready for whoever takes it: put down at once, taken one by one, and waited for where too much lies there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

import anyio
from anyio.lowlevel import checkpoint

T = TypeVar("T")


class Tray(Generic[T]):
    """Things in the order in which they were put down, about `most` where all who put wait for `room`.

    To put a thing down takes no wait, and who is cancelled while it waits for one leaves it there: whoever breaks off misses nothing.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: deque[T] = deque()
        self.is_over: bool = False
        self._changed = anyio.Event()

    def put(self, thing: T) -> None:
        """Put a thing down."""
        self._things.append(thing)
        self._changed.set()

    @property
    def is_full(self) -> bool:
        """Whether too much lies there, and somebody takes."""
        return len(self._things) >= self._most and not self.is_over

    async def room(self) -> None:
        """Let whoever waits for a thing go first, and wait while too much lies there."""
        await checkpoint()
        await checkpoint()  # trio runs tasks that wake together in any order
        while self.is_full:
            await self._change()

    async def take(self) -> T | None:
        """Return the next thing, or None where none will come."""
        await checkpoint()
        while not self._things and not self.is_over:
            await self._change()
        return next(self.take_all(), None)

    def take_all(self) -> Iterator[T]:
        """Yield what lies there."""
        while self._things:
            self._changed.set()
            yield self._things.popleft()

    def end(self) -> None:
        """Say that nothing more will be put down, or that nobody takes any more."""
        self.is_over = True
        self._changed.set()

    async def _change(self) -> None:
        if self._changed.is_set():
            self._changed = anyio.Event()
        await self._changed.wait()
