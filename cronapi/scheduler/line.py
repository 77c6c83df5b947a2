"""The line of one event loop: its waiters, and its seats.

A seat (one of `max_in_flight`) and a start are granted together. The waiter at the head leads: it
sleeps until the next start is due, and grants it to the waiter that is first by then. No task runs
in the background. A leader that is cancelled passes the lead on.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from threading import get_ident
from typing import Any

from anyio.lowlevel import checkpoint_if_cancelled

from cronapi.scheduler.bucket import Bucket
from cronapi.scheduler.lanes import Lanes
from cronapi.scheduler.loops import end_of, never
from cronapi.scheduler.slot import Slot
from cronapi.scheduler.wake import Sleeper


class Line:
    """The waiters and seats of one event loop, which it does not keep alive.

    A slot belongs to the line that granted it. So what a loop leaves behind when it ends, its line
    takes along.
    """

    __slots__ = (
        "_bucket",
        "_leader",
        "_loop",
        "changed",
        "in_flight",
        "lanes",
        "loop_has_ended",
        "max_in_flight",
        "thread",
    )

    def __init__(self, bucket: Bucket, max_in_flight: int) -> None:
        self._bucket = bucket
        self._leader: Slot | None = None
        self.changed: Sleeper | None = None
        self.max_in_flight: int = max_in_flight
        self.lanes: Lanes = Lanes()
        self.in_flight: int = 0
        self._loop: Callable[[], Any] | None = None
        self.loop_has_ended: Callable[[], bool] = never
        self.thread: int = 0
        """The identifier of the thread in which its loop runs, 0 as long as it has none."""

    @property
    def is_in_use(self) -> bool:
        """Return True if there is a waiter or a seat is taken."""
        return self.lanes.crowded or self.in_flight > 0

    @property
    def is_over(self) -> bool:
        """Return True if it is in use by a loop that has ended."""
        return self.is_in_use and self.loop_has_ended()

    def serves(self, loop: Any) -> bool:
        """Return True if this is the line of a loop."""
        return self._loop is not None and self._loop() is loop

    def move_to(self, loop: Any) -> None:
        """Serve another loop from now on."""
        self._loop, self.loop_has_ended = weakref.ref(loop), end_of(loop)
        self.thread = get_ident()

    async def wait(self, slot: Slot, place: int) -> None:
        """Wait at a place until the slot is granted."""
        self.lanes.join(slot, place)
        try:
            if self._leader is None:
                self._leader = slot
            else:
                slot.sleeper = Sleeper()
                await slot.sleeper.until_woken()
            if slot.line is None:
                await self._lead(slot)
            await checkpoint_if_cancelled()
        except BaseException:  # a cancelled waiter leaves the line too
            self._withdraw(slot)
            raise

    def leave(self) -> None:
        """Take back a seat."""
        self.in_flight -= 1
        if self.changed is not None:
            self.wake_leader()

    def wake_leader(self) -> None:
        """Wake the leader, which waits for a seat or for the time of a start."""
        changed, self.changed = self.changed, None
        if changed is not None:
            changed.wake()

    async def _lead(self, leader: Slot) -> None:
        """Grant starts as they come due until the leader has its own; then pass the lead on."""
        while leader.line is None:
            if self.in_flight < self.max_in_flight:
                await self._bucket.reserve()
            wait = self._grant()
            if wait is not None:
                self.changed = Sleeper()
                await self.changed.sleep_at_most(wait)
        self._promote()

    def _grant(self) -> float | None:
        """Grant one slot, or return the seconds until that may be possible."""
        if self.in_flight >= self.max_in_flight:
            return math.inf
        start = self._bucket.take()
        if start is None:
            return self._bucket.wait()
        slot = self.lanes.pop()
        self.in_flight += 1
        slot.start, slot.line = start, self
        self._wake(slot)
        return None

    def _promote(self) -> None:
        self._leader = self.lanes.first()
        if self._leader is not None:
            self._wake(self._leader)

    def _wake(self, slot: Slot) -> None:
        if slot.sleeper is not None:
            slot.sleeper.wake()

    def _withdraw(self, slot: Slot) -> None:
        try:
            if slot.line is not None:
                slot.release_unused()
            else:
                self.lanes.withdraw(slot)
        finally:
            if self._leader is slot:
                self._promote()
