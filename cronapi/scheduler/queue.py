"""The queue in front of a bucket: lanes, seats, and callers that may go away at any time.

A seat (one of `max_in_flight`) and a start are granted together. The waiter at the head leads: it
sleeps until the next start is due, and grants it to the waiter that is first by then. No task runs
in the background. A leader that is cancelled passes the lead on.
"""

from __future__ import annotations

import itertools
import math
from threading import get_ident

import anyio
from anyio.lowlevel import checkpoint_if_cancelled
from attrs import frozen

from cronapi._protocol.arguments import count, seconds
from cronapi.errors import ConfigurationError, WaitTooLongError
from cronapi.providers import Rate
from cronapi.scheduler.bucket import Bucket, OwnBucket, checked_bucket
from cronapi.scheduler.lanes import Lanes
from cronapi.scheduler.pace import Pace
from cronapi.scheduler.slot import LANES, Lane, Slot, check_lane
from cronapi.scheduler.wake import Sleeper


@frozen
class SchedulerStats:
    """The state of a scheduler.

    `waiting` counts waiters by lane, and `in_flight` the seats that are taken. `rate` is the number
    of starts a second since the first of the last minute. `margin` is the share added to the
    interval between starts. `refusals` and `holds` count since the bucket was made. `holding` is
    set if there is a hold now.
    """

    waiting: dict[Lane, int]
    in_flight: int
    rate: float
    margin: float
    refusals: int
    holds: int
    holding: bool


class Scheduler:
    """Paces the requests of one event loop: at most `rate`, and `max_in_flight` at once.

    Interactive calls go before bulk ones. Within a lane, first come, first served. A cancelled
    waiter costs nothing. One scheduler serves one event loop at a time. Loops in several threads
    have a scheduler each, and share a `LocalBucket` that is handed to all. Raises
    ConfigurationError for a bad argument or use on two loops at once.
    """

    def __init__(
        self, rate: Rate | float, *, max_in_flight: int = 10, bucket: Bucket | None = None
    ) -> None:
        count("max_in_flight", max_in_flight)
        self.rate: Rate = rate if isinstance(rate, Rate) else Rate(rate)
        self.bucket: Bucket = OwnBucket(self.rate) if bucket is None else checked_bucket(bucket)
        self.bucket.bind(self.rate)
        self.max_in_flight: int = max_in_flight
        self._places = itertools.count()
        self._lanes = Lanes()
        self._in_flight = 0
        self._leader: Slot | None = None
        self._changed: anyio.Event | None = None
        self._thread = 0

    @property
    def stats(self) -> SchedulerStats:
        """The state now. Read it on the scheduler's own event loop."""

        def look(pace: Pace, now: float) -> SchedulerStats:
            return SchedulerStats(
                waiting=dict(self._lanes.waiting),
                in_flight=self._in_flight,
                rate=pace.rate_reached(now),
                margin=pace.margin,
                refusals=pace.refused_calls,
                holds=pace.holds,
                holding=pace.holding,
            )

        return self.bucket.read(look)

    def eta(self, lane: Lane = "bulk") -> float:
        """Estimate the seconds that a call joining `lane` now would wait."""
        check_lane(lane)
        ahead = self._lanes.ahead(lane)

        def look(pace: Pace, now: float) -> float:
            seats = (pace.round_trip or 0.0) / self.max_in_flight
            return pace.wait(now) + ahead * max(pace.spacing, seats)

        return self.bucket.read(look)

    def slot(self, lane: Lane = "interactive", max_wait: float | None = None) -> Slot:
        """Wait for a seat and a start: `async with scheduler.slot() as slot:`.

        Raises WaitTooLongError at once if the queue is longer than `max_wait` seconds. Leaving
        without an error counts as accepted. If the request was refused, call `slot.refused()`
        before. If there is nothing to wait for, entering is no checkpoint.
        """
        return Slot(self, self.bucket, lane, max_wait)

    async def acquire(
        self, lane: Lane = "interactive", max_wait: float | None = None, place: int | None = None
    ) -> Slot:
        """Wait for a slot that the caller closes itself.

        `place` is that of an earlier slot of the same call.
        """
        await checkpoint_if_cancelled()
        slot = Slot(self, self.bucket, lane, max_wait, place)
        if not self._seize(slot):
            await self._enter(slot)
        return slot

    async def _sleep(self, seconds: float) -> None:
        """Let time pass before a repeat, without a seat."""
        await anyio.sleep(seconds)

    def _seize(self, slot: Slot) -> bool:
        """Grant a slot at once if there is no waiter and a seat and a start are free."""
        if slot.max_wait is not None or slot.lane not in LANES or get_ident() != self._thread:
            self._check(slot)
        if self._lanes.crowded or self._in_flight >= self.max_in_flight:
            return False
        start = self.bucket.take()
        if start is None:
            return False
        if slot.place is None:
            slot.place = next(self._places)
        self._in_flight += 1
        slot.start, slot.seated = start, True
        return True

    async def _enter(self, slot: Slot) -> None:
        """Wait for a slot in the queue. Raises WaitTooLongError."""
        if slot.max_wait is None:
            return await self._wait(slot)
        wait = self.eta(slot.lane) if slot.place is None else 0.0
        if wait > slot.max_wait:
            raise WaitTooLongError(
                f"The queue is {wait:.1f} s long, max_wait is {slot.max_wait:.1f} s.", wait=wait
            )
        with anyio.move_on_after(slot.max_wait):
            await self._wait(slot)
        if not slot.seated:
            raise WaitTooLongError(
                f"No slot came free in max_wait, {slot.max_wait:.1f} s.", wait=self.eta(slot.lane)
            )
        return None

    def _leave(self) -> None:
        """Take back a seat."""
        self._in_flight -= 1
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def _check(self, slot: Slot) -> None:
        check_lane(slot.lane)
        if slot.max_wait is not None:
            seconds("max_wait", slot.max_wait)
        thread = get_ident()
        if thread != self._thread and (self._in_flight or self._lanes.crowded):
            raise ConfigurationError(
                "One scheduler serves one event loop at a time; "
                "hand both a LocalBucket that they share."
            )
        self._thread = thread

    async def _wait(self, slot: Slot) -> None:
        slot.place = next(self._places) if slot.place is None else slot.place
        self._lanes.join(slot, slot.place)
        try:
            if self._leader is None:
                self._leader = slot
            else:
                slot.sleeper = Sleeper()
                await slot.sleeper.sleep()
            if not slot.seated:
                await self._lead(slot)
            await checkpoint_if_cancelled()
        except BaseException:
            self._withdraw(slot)
            raise

    async def _lead(self, leader: Slot) -> None:
        """Grant starts as they come due until the leader has its own; then pass the lead on."""
        while not leader.seated:
            if self._in_flight < self.max_in_flight:
                await self.bucket.reserve()
            wait = self._grant()
            if wait is not None:
                self._changed = anyio.Event()
                with anyio.move_on_after(wait):
                    await self._changed.wait()
        self._promote()

    def _grant(self) -> float | None:
        """Grant one slot, or return the seconds until that may be possible."""
        if self._in_flight >= self.max_in_flight:
            return math.inf
        start = self.bucket.take()
        if start is None:
            return self.bucket.wait()
        slot = self._lanes.pop()
        self._in_flight += 1
        slot.start, slot.seated = start, True
        self._wake(slot)
        return None

    def _promote(self) -> None:
        self._leader = self._lanes.first()
        if self._leader is not None:
            self._wake(self._leader)

    def _wake(self, slot: Slot) -> None:
        if slot.sleeper is not None:
            slot.sleeper.wake()

    def _withdraw(self, slot: Slot) -> None:
        if slot.seated:
            slot.release_unused()
        else:
            self._lanes.withdraw(slot)
        if self._leader is slot:
            self._promote()
