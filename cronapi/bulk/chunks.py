"""The chunks in which a run takes its items: first those of an earlier run, then the input."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from cronapi._calls.tasks import is_cancelled
from cronapi.bulk.items import Item
from cronapi.bulk.journal import Journal
from cronapi.bulk.operations import Known
from cronapi.bulk.source import Source

P = TypeVar("P")
AHEAD = 1000
"""Items that are read, and outcomes that wait to be taken, before the run waits."""
_SECONDS_A_DRAIN = 1.0


@frozen
class Chunk:
    """Items that are carried out together. With `known`, an earlier run may have done that."""

    items: Sequence[Item[Any]]
    known: Known = None


class Chunks:
    """The items of one run, in chunks of at most `size()` items.

    `doubtful` are the items of an earlier run without a known outcome.
    """

    def __init__(self, source: Source[Any], size: Callable[[], int]) -> None:
        self.doubtful: Chunk = Chunk(())
        self._source = source
        self._size = size
        self._left: deque[Chunk] = deque()

    async def next(self, patience: float) -> Chunk:
        """Return the next chunk, or an empty one at the end.

        It waits for more items until `patience` seconds pass without one.
        """
        if self._left:
            return self._left.popleft()
        return Chunk(await _read(partial(self._source.take, self._size(), patience)))

    def take_doubtful(self) -> Chunk:
        """Return the doubtful items, and remove them."""
        chunk, self.doubtful = self.doubtful, Chunk(())
        return chunk

    async def resume(
        self, journal: Journal, restore: Callable[[Item[Any], int | None], Awaitable[bool]]
    ) -> None:
        """Read the input as far as the journal goes, and line up the items that are not done.

        `restore` is called with each item that is done, and the id that the journal has of it. It
        returns False if that is not enough to report the item, which is doubtful then.
        """
        again: list[Item[Any]] = []
        doubtful: list[Item[Any]] = []
        done_ids: set[int] = set()
        read = -1
        while read < journal.last and (items := await self._read_up_to(journal.last - read)):
            read = items[-1].index
            for item in items:
                entry = journal.recall(item.index, journal.fingerprint(item.payload))
                if entry is None or entry.status == "failed":
                    again.append(item)
                elif entry.is_doubtful or not await restore(item, entry.id):
                    doubtful.append(item)
                elif entry.id is not None:
                    done_ids.add(entry.id)
        if read < journal.last:
            raise journal.other(f"it has item {journal.last}, and there is none now")
        # A job belongs to one item: the jobs of the done items cannot be those of others.
        self.doubtful = Chunk(doubtful, (journal.known or frozenset()) | done_ids)
        size = self._size()
        self._left += [Chunk(again[begin : begin + size]) for begin in range(0, len(again), size)]

    def lined_up(self) -> Iterator[Item[Any]]:
        """Yield the items of the earlier run that `next` has not returned."""
        return (item for chunk in self._left for item in chunk.items)

    async def drain(self) -> list[tuple[int, object]]:
        """Return index and given value of the next items, as many as can be read at once."""
        return await _read(partial(self._source.drain, AHEAD, _SECONDS_A_DRAIN))

    async def _read_up_to(self, most: int) -> list[Item[Any]]:
        return await _read(partial(self._source.take, min(AHEAD, most)))


async def _read(read: Callable[[], Awaitable[list[P]]]) -> list[P]:
    """Read on in the input, also after something that it awaits was cancelled.

    That cancellation is not the task's own, so it must not end the task. The next read raises a
    ConfigurationError for it.
    """
    try:
        return await read()
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        return await read()
