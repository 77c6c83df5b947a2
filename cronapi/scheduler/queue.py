"""The queue in front of a bucket: lanes, seats, and callers that may go away at any moment.

A seat (one of `max_in_flight`) and a start are granted together. The waiter at the head leads: it sleeps until the next start is due
and grants it to whoever comes first by then. No task runs in the background; a leader that is cancelled passes the lead on.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from types import TracebackType
from typing import Literal

import anyio
from anyio.lowlevel import checkpoint_if_cancelled
from attrs import frozen

from cronapi.errors import ConfigurationError, WaitTooLongError
from cronapi.providers import Rate
from cronapi.scheduler.bucket import Bucket, LocalBucket
from cronapi.scheduler.pace import Pace, Start
from cronapi.scheduler.slot import Slot

Lane = Literal["interactive", "bulk"]

PATIENCE = 9
"""Interactive grants in a row while bulk waits, after which one bulk call is let in: bulk keeps a tenth of the rate."""
_SPARSE = 64


@frozen
class SchedulerStats:
    """What a scheduler is doing.

    `waiting` counts waiters by lane, `in_flight` the seats that are taken, `rate` the starts a second over the last minute; `margin` is
    the share added to the interval between starts; `refusals` and `holds` count since the bucket was made; `holding` tells of now.
    """

    waiting: dict[Lane, int]
    in_flight: int
    rate: float
    margin: float
    refusals: int
    holds: int
    holding: bool


class _Waiter:
    __slots__ = ("event", "gone", "lane", "place", "slot")

    def __init__(self, lane: Lane, place: int) -> None:
        self.lane: Lane = lane
        self.place = place
        self.event = anyio.Event()
        self.slot: Slot | None = None
        self.gone = False


class _Entry:
    """`async with scheduler.slot()`: waits, and frees the seat at the end."""

    __slots__ = ("_lane", "_max_wait", "_scheduler", "_slot")

    def __init__(self, scheduler: Scheduler, lane: Lane, max_wait: float | None) -> None:
        self._scheduler = scheduler
        self._lane: Lane = lane
        self._max_wait = max_wait

    async def __aenter__(self) -> Slot:
        self._slot = await self._scheduler.acquire(self._lane, self._max_wait)
        return self._slot

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._slot.accepted()
        self._slot.close()
        await self._slot.publish()


class Scheduler:
    """Paces the requests of one event loop: at most `rate`, at most `max_in_flight` at once, interactive before bulk.

    Within a lane, first come, first served. A cancelled waiter costs nothing. One scheduler serves one event loop at a time; loops in
    several threads share a `bucket` instead. Raises ConfigurationError for a bad argument or use on two loops at once.
    """

    def __init__(self, rate: Rate | float, *, max_in_flight: int = 10, bucket: Bucket | None = None) -> None:
        if max_in_flight < 1:
            raise ConfigurationError(f"max_in_flight must be at least 1, not {max_in_flight!r}.")
        self.rate: Rate = rate if isinstance(rate, Rate) else Rate(rate)
        self.bucket: Bucket = bucket or LocalBucket(self.rate)
        self.bucket.bind(self.rate)
        self.max_in_flight: int = max_in_flight
        self._places = itertools.count()
        self._lanes: dict[Lane, list[tuple[int, _Waiter]]] = {"interactive": [], "bulk": []}
        self._waiting: dict[Lane, int] = {"interactive": 0, "bulk": 0}
        self._in_flight = 0
        self._streak = 0
        self._leader: _Waiter | None = None
        self._changed: anyio.Event | None = None
        self._thread = 0

    @property
    def stats(self) -> SchedulerStats:
        """What the scheduler is doing now; ask on its own event loop."""

        def look(pace: Pace, now: float) -> SchedulerStats:
            return SchedulerStats(
                waiting=dict(self._waiting),
                in_flight=self._in_flight,
                rate=pace.rate_reached(now),
                margin=pace.margin,
                refusals=pace.refused_calls,
                holds=pace.holds,
                holding=pace.holding,
            )

        return self.bucket.read(look)

    def eta(self, lane: Lane = "bulk") -> float:
        """Return the seconds that a call joining `lane` now would wait, as far as can be told."""
        ahead = self._waiting["interactive"] + (self._waiting["bulk"] if lane == "bulk" else 0)

        def look(pace: Pace, now: float) -> float:
            seats = (pace.round_trip or 0.0) / self.max_in_flight
            return pace.wait(now) + ahead * max(pace.spacing, seats)

        return self.bucket.read(look)

    def slot(self, lane: Lane = "interactive", max_wait: float | None = None) -> _Entry:
        """Wait for a seat and a start: `async with scheduler.slot() as slot:`.

        Raises WaitTooLongError at once where the queue is longer than `max_wait` seconds. Leaving without an error counts as accepted;
        call `slot.refused()` before where it was not.
        """
        return _Entry(self, lane, max_wait)

    async def acquire(self, lane: Lane = "interactive", max_wait: float | None = None, place: int | None = None) -> Slot:
        """Wait for a slot that the caller closes itself; `place` is that of an earlier slot of the same call."""
        await checkpoint_if_cancelled()
        self._bind(lane)
        if max_wait is not None and not max_wait >= 0:
            raise ConfigurationError(f"max_wait must be seconds, not {max_wait!r}.")
        if not self._crowded and (start := self._take()):
            return self._seat(start, next(self._places) if place is None else place)
        wait = self.eta(lane) if place is None else 0.0
        if max_wait is not None and wait > max_wait:
            raise WaitTooLongError(f"The queue is {wait:.1f} s long, max_wait is {max_wait:.1f} s.", wait=wait)
        waiter = self._join(lane, next(self._places) if place is None else place)
        with anyio.move_on_after(max_wait):
            await self._wait(waiter)
        if waiter.slot is None:
            raise WaitTooLongError(f"No slot came free in max_wait, {max_wait:.1f} s.", wait=self.eta(lane))
        return waiter.slot

    async def rest(self, seconds: float) -> None:
        """Let time pass before a repeat, without holding a seat."""
        await anyio.sleep(seconds)

    @property
    def _crowded(self) -> bool:
        return bool(self._waiting["interactive"] or self._waiting["bulk"])

    def _bind(self, lane: Lane) -> None:
        if lane not in self._lanes:
            raise ConfigurationError(f"There is no lane {lane!r}; the lanes are interactive and bulk.")
        thread = threading.get_ident()
        if thread != self._thread and (self._in_flight or self._crowded):
            raise ConfigurationError("One scheduler serves one event loop at a time; let two loops share a bucket instead.")
        self._thread = thread

    def _take(self) -> Start | None:
        return self.bucket.take() if self._in_flight < self.max_in_flight else None

    def _seat(self, start: Start, place: int) -> Slot:
        self._in_flight += 1
        return Slot(self.bucket, start, place, self._leave)

    def _leave(self) -> None:
        self._in_flight -= 1
        if self._changed is not None:
            self._changed.set()

    def _join(self, lane: Lane, place: int) -> _Waiter:
        waiter = _Waiter(lane, place)
        heapq.heappush(self._lanes[lane], (place, waiter))
        self._waiting[lane] += 1
        return waiter

    async def _wait(self, waiter: _Waiter) -> None:
        try:
            if self._leader is None:
                self._leader = waiter
            else:
                await waiter.event.wait()
            await self._lead(waiter)
            await checkpoint_if_cancelled()
        except BaseException:
            self._withdraw(waiter)
            raise

    async def _lead(self, waiter: _Waiter) -> None:
        """Grant starts as they come due until this waiter has its own; then pass the lead on."""
        while waiter.slot is None:
            if self._in_flight < self.max_in_flight:
                await self.bucket.reserve()
            wait = self._grant()
            if wait is not None:
                self._changed = anyio.Event()
                with anyio.move_on_after(wait):
                    await self._changed.wait()
        if self._leader is waiter:
            self._promote()

    def _grant(self) -> float | None:
        """Grant one slot, or return the seconds until that may be possible."""
        start = self._take()
        if start is None:
            return math.inf if self._in_flight >= self.max_in_flight else self.bucket.wait()
        waiter = self._pop(self._next_lane())
        waiter.slot = self._seat(start, waiter.place)
        waiter.event.set()
        return None

    def _next_lane(self) -> Lane:
        if not self._waiting["bulk"]:
            self._streak = 0
            return "interactive"
        if self._waiting["interactive"] and self._streak < PATIENCE:
            self._streak += 1
            return "interactive"
        self._streak = 0
        return "bulk"

    def _pop(self, lane: Lane) -> _Waiter:
        waiter = self._first(lane)
        heapq.heappop(self._lanes[lane])
        self._waiting[lane] -= 1
        return waiter

    def _first(self, lane: Lane) -> _Waiter:
        """Return the first waiter of a lane that has one, and forget those before it that went away."""
        heap = self._lanes[lane]
        while heap[0][1].gone:
            heapq.heappop(heap)
        return heap[0][1]

    def _promote(self) -> None:
        self._leader = None
        for lane in self._lanes:
            if self._waiting[lane]:
                self._leader = self._first(lane)
                self._leader.event.set()
                return

    def _withdraw(self, waiter: _Waiter) -> None:
        if waiter.slot is not None:
            waiter.slot.give_back()
            waiter.slot = None
        else:
            waiter.gone = True
            self._waiting[waiter.lane] -= 1
            self._compact(waiter.lane)
        if self._leader is waiter:
            self._promote()

    def _compact(self, lane: Lane) -> None:
        """Drop the waiters that went away once they are most of the heap."""
        heap = self._lanes[lane]
        if len(heap) > _SPARSE + 2 * self._waiting[lane]:
            self._lanes[lane] = [entry for entry in heap if not entry[1].gone]
            heapq.heapify(self._lanes[lane])
