"""The limits of a service's batches, as one client has learnt them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from attrs import define, field

from cronapi.errors import CronAPIError

T = TypeVar("T")
_NUMBER = re.compile(r"[0-9]+")
_MOST_NOTED = 100
FIRST_SIZE = 100
"""Items of the first batch. No documentation names the most that a service takes."""


class Gate:
    """Keep lookups apart from sends: while one looks up a batch, nothing new appears."""

    def __init__(self) -> None:
        self._senders = 0
        self._lookers = 0
        self._looking = anyio.Lock()
        self._changed: anyio.Event | None = None

    async def send(self, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request beside others, while no lookup is under way or waiting."""
        while self._lookers:
            await self._wait()
        self._senders += 1
        try:
            return await request()
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

    `most` is the number of items that a batch may have, and `pages` is the number of pages of the
    job list. `harmless` are the texts, without numbers, of refusals that leave nothing of a batch,
    not even the items in front of the refused one.
    """

    most: int = FIRST_SIZE
    harmless: set[str] = field(factory=set)
    _refused: dict[int, tuple[object, str]] = field(factory=dict)
    """The first items of refused batches that had left nothing, by identity, and the refusals."""
    pages: int = 1
    gate: Gate = field(factory=Gate)

    def learn(self, refused: int) -> None:
        """Learn that a batch was too large: refused as a whole, accepted in halves."""
        self.most = min(self.most, (refused + 1) // 2)

    def leaves_nothing(self, refusal: CronAPIError, first: object) -> bool:
        """Return True if a batch that was refused is known to have done nothing.

        So is a part of one that had left nothing, if both begin with the same item.
        """
        text, noted = _without_numbers(refusal), self._refused.get(id(first))
        return text in self.harmless or (noted is not None and noted[1] == text)

    def note_refused(self, first: object, refusal: CronAPIError) -> None:
        """Note the first item of a refused batch of which nothing was there."""
        self._refused[id(first)] = first, _without_numbers(refusal)
        if len(self._refused) > _MOST_NOTED:
            del self._refused[next(iter(self._refused))]

    def note_accepted(self, items: Iterable[object]) -> None:
        """Learn from accepted items: a batch that began with one was refused for a later one."""
        for item in items if self._refused else ():
            if (noted := self._refused.pop(id(item), None)) is not None:
                self.harmless.add(noted[1])


def _without_numbers(refusal: CronAPIError) -> str:
    return _NUMBER.sub("#", refusal.message)
