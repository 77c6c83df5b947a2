"""The order of the waiters: interactive before bulk, and within a lane by place.

No clock and no waiting here.
"""

from __future__ import annotations

import heapq
from typing import get_args

from cronapi.scheduler.slot import Lane, Slot

PATIENCE = 9
"""Interactive grants in a row, after which a bulk call that waits is let in.

So bulk keeps a tenth of the rate.
"""
_SPARSE = 64
"""A heap is cleaned once it has this many entries more than twice its waiters."""


class Lanes:
    """The waiters, in a heap for each lane.

    A waiter that went away stays in its heap until it comes up, or until such waiters are most of
    the heap.
    """

    __slots__ = ("_heaps", "_streak", "crowded", "waiting")

    def __init__(self) -> None:
        self._heaps: dict[Lane, list[tuple[int, Slot]]] = {lane: [] for lane in get_args(Lane)}
        self._streak = 0
        self.waiting: dict[Lane, int] = dict.fromkeys(get_args(Lane), 0)
        self.crowded: bool = False
        """True while there is a waiter."""

    def __len__(self) -> int:
        """Count all entries, including waiters that went away."""
        return sum(map(len, self._heaps.values()))

    def ahead(self, lane: Lane) -> int:
        """Return the number of waiters that go before one that joins `lane` now."""
        return self.waiting["interactive"] + (self.waiting["bulk"] if lane == "bulk" else 0)

    def join(self, waiter: Slot, place: int) -> None:
        """Add a waiter at a place."""
        heapq.heappush(self._heaps[waiter.lane], (place, waiter))
        self._count(waiter.lane, 1)

    def pop(self) -> Slot:
        """Take out the waiter whose turn it is."""
        lane = self._next()
        waiter = self._peek(lane)
        heapq.heappop(self._heaps[lane])
        self._count(lane, -1)
        return waiter

    def first(self) -> Slot | None:
        """Return the first waiter of the first lane that has any."""
        return next((self._peek(lane) for lane, count in self.waiting.items() if count), None)

    def withdraw(self, waiter: Slot) -> None:
        """Forget a waiter that goes away."""
        waiter.gone = True
        lane = waiter.lane
        self._count(lane, -1)
        if len(self._heaps[lane]) > _SPARSE + 2 * self.waiting[lane]:
            self._heaps[lane] = [entry for entry in self._heaps[lane] if not entry[1].gone]
            heapq.heapify(self._heaps[lane])

    def _count(self, lane: Lane, change: int) -> None:
        self.waiting[lane] += change
        self.crowded = bool(self.waiting["interactive"] or self.waiting["bulk"])

    def _next(self) -> Lane:
        if not self.waiting["bulk"]:
            self._streak = 0
            return "interactive"
        if self.waiting["interactive"] and self._streak < PATIENCE:
            self._streak += 1
            return "interactive"
        self._streak = 0
        return "bulk"

    def _peek(self, lane: Lane) -> Slot:
        heap = self._heaps[lane]
        while heap[0][1].gone:
            heapq.heappop(heap)
        return heap[0][1]
