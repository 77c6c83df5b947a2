"""The limits of a service's batches, as one client has learnt them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from attrs import define, field

FIRST_SIZE = 100
"""Items of the first batch. No documentation names the most that a service takes."""


class Gate:
    """Keep lookups apart from sends: while one looks up a batch, nothing new appears."""

    def __init__(self) -> None:
        self._senders = 0
        self._lookers = 0
        self._looking = anyio.Lock()
        self._changed: anyio.Event | None = None

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send beside others, while no lookup is under way or waiting."""
        while self._lookers:
            await self._wait()
        self._senders += 1
        try:
            yield
        finally:
            self._senders -= 1
            self._wake()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Wait for the sends under way, and hold new ones back."""
        self._lookers += 1
        try:
            while self._senders:
                await self._wait()
            async with self._looking:
                yield
        finally:
            self._lookers -= 1
            self._wake()

    async def _wait(self) -> None:
        self._changed = self._changed or anyio.Event()
        await self._changed.wait()

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()


@define
class Limits:
    """The limits that one client has learnt.

    `most` is the number of items that a batch may have, `atomic` is True once a refused batch was
    seen to have done nothing, and `pages` is the number of pages of the job list.
    """

    most: int = FIRST_SIZE
    atomic: bool = False
    pages: int = 1
    gate: Gate = field(factory=Gate)

    def learn(self, refused: int) -> None:
        """Learn that a batch was too large: refused as a whole, accepted in halves."""
        self.most = min(self.most, (refused + 1) // 2)
