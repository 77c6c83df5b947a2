"""The leaky bucket of one process: a pace, a clock and a lock, so that event loops in several threads can share it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import ClassVar, Protocol, TypeVar

from cronapi.errors import ConfigurationError
from cronapi.providers import Rate
from cronapi.scheduler.pace import Pace, Start

T = TypeVar("T")


class Bucket(Protocol):
    """Hands out starts at a rate; what a scheduler asks of it.

    Only `reserve` and `publish` may wait; the rest is asked in between and answers at once. One scheduler asks from one event loop; a
    bucket that several share keeps their starts apart.
    """

    shared: ClassVar[bool]
    """Whether others must be told what happened, by `publish`."""

    @property
    def rate(self) -> Rate:
        """The rate."""
        ...

    def bind(self, rate: Rate) -> None:
        """Learn the rate of a scheduler that is to use this bucket; raise ConfigurationError where it cannot have it."""

    async def reserve(self) -> None:
        """Make sure that `take` and `wait` know when the next start is due; may be cancelled at no cost.

        Raises SchedulerError where that cannot be known.
        """

    async def publish(self) -> None:
        """Tell others at once what they should not learn late: a refusal, and how a probe fared."""

    def take(self) -> Start | None:
        """Take the start that is due now, or None where none is."""

    def wait(self) -> float:
        """Return the seconds until it is worth asking for a start."""
        ...

    def release_unused(self, start: Start) -> None:
        """Take back a start that was not used."""

    def sent(self, start: Start) -> float:
        """Learn that the request is ready to go out, and return the seconds it still has to wait."""
        ...

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request; `retry_after` is in seconds."""

    def lost(self, start: Start) -> None:
        """Learn that no answer came."""

    def read(self, look: Callable[[Pace, float], T]) -> T:
        """Return what `look(pace, now)` sees."""
        ...


logger: logging.Logger = logging.getLogger("cronapi.scheduler")


def log_hold(held: bool, holding: bool, seconds: float = 0.0) -> None:
    """Log that a hold of so many seconds begins, or that one ends."""
    if holding and not held:
        logger.info(
            "hold begins: refused repeatedly, everybody waits %.2f s, then one probe at a time",
            seconds,
        )
    elif held and not holding:
        logger.info("hold ends: a probe has passed")


class LocalBucket:
    """Hands out starts at a rate, one at a time, to every scheduler that shares it.

    `clock` gives monotonic seconds, the same in all threads and event loops that share the bucket.
    """

    shared: ClassVar[bool] = False

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate: Rate = rate
        self._pace = Pace(rate)
        self._clock = clock
        self._lock = threading.Lock()

    def bind(self, rate: Rate) -> None:
        """Raise ConfigurationError for another rate than its own: two rates would be two budgets."""
        if rate != self.rate:
            raise ConfigurationError(f"The bucket is paced at {self.rate}, not at {rate}.")

    async def reserve(self) -> None:
        """Do nothing: the next start is always known here."""

    async def publish(self) -> None:
        """Do nothing: whoever shares this bucket sees it at once."""

    def take(self) -> Start | None:
        """Take the start that is due now, or None where none is."""
        with self._lock:
            return self._pace.take(self._clock())

    def wait(self) -> float:
        """Return the seconds until it is worth asking for a start."""
        with self._lock:
            return self._pace.wait(self._clock())

    def release_unused(self, start: Start) -> None:
        """Take back a start that was not used."""
        with self._lock:
            self._pace.release_unused(start)

    def sent(self, start: Start) -> float:
        """Learn that the request is ready to go out, and return the seconds it still has to wait."""
        with self._lock:
            return self._pace.sent(start, self._clock())

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""
        with self._lock:
            pace = self._pace
            held = pace.row > 1
            pace.accepted(start, self._clock())
        if held:
            log_hold(held, pace.holding)

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request; `retry_after` is in seconds."""
        with self._lock:
            now, held = self._clock(), self._pace.holding
            self._pace.refused(start, now, retry_after)
            holding, seconds = self._pace.holding, self._pace.held_until - now
        log_hold(held, holding, seconds)

    def lost(self, start: Start) -> None:
        """Learn that no answer came."""
        with self._lock:
            self._pace.lost(start)

    def read(self, look: Callable[[Pace, float], T]) -> T:
        """Return what `look(pace, now)` sees."""
        with self._lock:
            return look(self._pace, self._clock())


class OwnBucket(LocalBucket):
    """The bucket that a scheduler makes for itself, and that no other may have: one thread at a time uses it.

    The two steps of every slot go without the lock, which costs a fifth of a slot.
    """

    _bound: bool = False

    def bind(self, rate: Rate) -> None:
        """Raise ConfigurationError for a second scheduler."""
        if self._bound:
            raise ConfigurationError(
                "This bucket is another scheduler's own; make a LocalBucket and hand it to both."
            )
        self._bound = True
        super().bind(rate)

    def take(self) -> Start | None:
        """Take the start that is due now, or None where none is."""
        return self._pace.take(self._clock())

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""
        if self._pace.row:  # it may end here
            super().accepted(start)
        else:
            self._pace.accepted(start, self._clock())
