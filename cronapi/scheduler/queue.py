"""The queue in front of a bucket: how long it is, who may join it, and whose event loop it serves.

The waiters and the seats are in its `Line`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Hashable
from threading import get_ident
from typing import Self

import anyio
from anyio.lowlevel import checkpoint_if_cancelled
from attrs import frozen

from cronapi._logs.setting import follow_variable
from cronapi._protocol.arguments import count, seconds
from cronapi._protocol.not_copied import NotCopied
from cronapi.errors import WaitTooLongError
from cronapi.errors.concerns import setting_error
from cronapi.providers import Rate
from cronapi.scheduler.bucket import Bucket, OwnBucket, checked_bucket
from cronapi.scheduler.forks import renew_in_child
from cronapi.scheduler.line import Line
from cronapi.scheduler.loops import running_loop
from cronapi.scheduler.pace import Pace
from cronapi.scheduler.slot import LANES, Lane, Slot, check_lane


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


class Scheduler(NotCopied):
    """Paces the requests of one event loop: at most `rate`, and `max_in_flight` at once.

    Interactive calls go before bulk ones. Within a lane, first come, first served. A cancelled
    waiter costs nothing. One scheduler serves one event loop at a time, and the next one when that
    has ended, with all seats. Loops in several threads have a scheduler each, and share a
    `LocalBucket` that is handed to all. Raises ConfigurationError for a bad argument or use on two
    loops at once.
    """

    _not_copied = (
        "A scheduler cannot be pickled or copied: a copy would let through a rate of its own. Hand "
        "on the scheduler itself. Several processes have one each, with a FileBucket or a "
        "RedisBucket that they share."
    )

    def __init__(
        self, rate: Rate | float, *, max_in_flight: int = 10, bucket: Bucket | None = None
    ) -> None:
        follow_variable()
        count("max_in_flight", max_in_flight)
        self.rate: Rate = rate if isinstance(rate, Rate) else Rate(rate)
        self.bucket: Bucket = OwnBucket(self.rate) if bucket is None else checked_bucket(bucket)
        self.bucket.bind(self.rate)
        self._publishes: bool = self.bucket.shared
        """True if other processes must be told. Read at each slot, so it is kept here."""
        self.max_in_flight: int = max_in_flight
        self._places = 0
        """The number of places that were taken in the queue."""
        self._line = Line(self.bucket, max_in_flight)
        renew_in_child(self)

    @property
    def stats(self) -> SchedulerStats:
        """The state now. Any thread may read it, and no event loop need run."""
        line = self._line_to_read()

        def look(pace: Pace, now: float) -> SchedulerStats:
            return SchedulerStats(
                waiting=dict(line.lanes.waiting),
                in_flight=line.in_flight,
                rate=pace.rate_reached(now),
                margin=max(0.0, pace.margin),
                refusals=pace.refused_calls,
                holds=pace.holds,
                holding=pace.holding,
            )

        return self.bucket.read(look)

    def eta(self, lane: Lane = "bulk") -> float:
        """Estimate the seconds that a call joining `lane` now would wait.

        Any thread may ask, and no event loop need run.
        """
        check_lane(lane)
        ahead = self._line_to_read().lanes.ahead(lane)

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
        slot = Slot()
        slot._queue, slot.lane, slot.max_wait, slot.place = self, lane, max_wait, None  # noqa: SLF001 -- a slot is part of its queue
        slot.start = slot.line = slot.sleeper = None
        slot.gone = False
        return slot

    async def acquire(
        self, lane: Lane = "interactive", max_wait: float | None = None, place: int | None = None
    ) -> Slot:
        """Wait for a slot that the caller closes itself.

        `place` is that of an earlier slot of the same call.
        """
        try:
            await checkpoint_if_cancelled()
        except RuntimeError:
            running_loop()  # which says it in our words
            raise
        slot = self.slot(lane, max_wait)
        slot.place = place
        if not self._seize(slot):
            await self._enter(slot)
        return slot

    def _serving(self, key: Hashable) -> Self:
        """Tell the bucket the key of a client, if it takes its name from that; return itself."""
        serve = getattr(self.bucket, "_serve", None)
        if serve is not None:
            serve(key)
        return self

    async def _finish(self) -> None:
        """Let the bucket tell others what it has not told yet, unless another client goes on."""
        finish = getattr(self.bucket, "_finish", None)
        if finish is not None and not self._living_line().is_in_use:
            await finish()

    def _check_loop(self) -> None:
        """Refuse to serve the running event loop while another one has seats or waiters."""
        self._line_of(running_loop())

    def _take_place(self) -> int:
        """Return the next place in the queue, for a call that may not wait there yet."""
        self._places += 1
        return self._places

    async def _sleep(self, seconds: float) -> None:
        """Let time pass before a repeat, without a seat."""
        await anyio.sleep(seconds)

    def _seize(self, slot: Slot) -> bool:
        """Grant a slot at once if there is no waiter and a seat and a start are free."""
        line = self._line
        has_ended = line.loop_has_ended  # called as an attribute it is slower on Python 3.11
        if (
            slot.max_wait is not None
            or slot.lane not in LANES
            or get_ident() != line.thread
            or has_ended()
        ):
            line = self._check(slot)
        # A free slot is taken here and not in the line: most slots are free, and a call costs.
        if line.lanes.crowded or line.in_flight >= line.max_in_flight:
            return False
        start = self.bucket.take()
        if start is None:
            return False
        line.in_flight += 1
        slot.start, slot.line = start, line
        if slot.place is None:
            slot.place = self._places = self._places + 1  # as `_take_place`, without the call
        return True

    def _enter(self, slot: Slot) -> Awaitable[None]:
        """Return an awaitable that waits for a slot in the queue. Raises WaitTooLongError."""
        # No coroutine of its own for each waiter: there may be many.
        if slot.max_wait is None:
            return self._join(slot)
        return self._join_within(slot, slot.max_wait)

    async def _join_within(self, slot: Slot, max_wait: float) -> None:
        wait = self.eta(slot.lane) if slot.place is None else 0.0
        if wait > max_wait:
            raise WaitTooLongError(
                f"The queue is {wait:.1f} s long, max_wait is {max_wait:.1f} s.", wait=wait
            )
        with anyio.move_on_after(max_wait):
            await self._join(slot)
        if not slot.seated:
            raise WaitTooLongError(
                f"No slot came free in max_wait, {max_wait:.1f} s.", wait=self.eta(slot.lane)
            )

    def _join(self, slot: Slot) -> Awaitable[None]:
        line = self._line_of(running_loop())
        slot.place = self._take_place() if slot.place is None else slot.place
        return line.wait(slot, slot.place)

    def _check(self, slot: Slot) -> Line:
        check_lane(slot.lane)
        if slot.max_wait is not None:
            slot.max_wait = seconds("max_wait", slot.max_wait)
        return self._line_of(running_loop())

    def _line_of(self, loop: object) -> Line:
        line = self._living_line()
        if line.serves(loop):
            return line
        if line.is_in_use:
            raise setting_error(
                "One scheduler serves one event loop at a time; close the loop that it has served, "
                "or hand both a LocalBucket that they share."
            )
        line.move_to(loop)
        return line

    def _living_line(self) -> Line:
        """Return the line, or a new one if its loop has ended and left seats or waiters behind."""
        if self._line.is_over:
            self._line = Line(self.bucket, self.max_in_flight)
        return self._line

    def _line_to_read(self) -> Line:
        """Return the line as it is. A reader in another thread may not put a new one in place."""
        line = self._line
        return Line(self.bucket, self.max_in_flight) if line.is_over else line

    def _renew(self) -> None:
        """Forget the seats and waiters of the process from which this one was forked."""
        self._line = Line(self.bucket, self.max_in_flight)
