"""The leaky bucket of one process: a pace, a clock and a lock.

Event loops in several threads can share it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ClassVar, Protocol, TypeVar

from cronapi._logs.lines import HOLD_BEGINS, HOLD_ENDS, write
from cronapi._protocol.arguments import function, refusal
from cronapi._protocol.not_copied import NotCopied
from cronapi.errors.concerns import setting_error
from cronapi.providers import Rate
from cronapi.scheduler.forks import renew_in_child
from cronapi.scheduler.loops import end_of_running_loop, never
from cronapi.scheduler.pace import Pace, Start

T = TypeVar("T")


class Bucket(Protocol):
    """The interface that a scheduler needs of a bucket, which hands out starts at a rate.

    Only `reserve` and `publish` may wait. The other methods are called in between and return at
    once. Each scheduler calls from one event loop, and a shared bucket keeps the starts of several
    schedulers apart.
    """

    shared: ClassVar[bool]
    """True if other processes must be told of outcomes by `publish`."""

    @property
    def rate(self) -> Rate:
        """The rate."""
        ...

    def bind(self, rate: Rate) -> None:
        """Learn the rate of a scheduler that is to use this bucket.

        Raises ConfigurationError if the bucket cannot have that rate.
        """

    async def reserve(self) -> None:
        """Make sure that `take` and `wait` know when the next start is due.

        It may be cancelled at no cost. Raises SchedulerError if the time cannot be known.
        """

    async def publish(self) -> None:
        """Tell others at once of a refusal, and how a probe fared.

        They should not learn it late.
        """

    def take(self) -> Start | None:
        """Take the start that is due now, or return None if none is."""

    def wait(self) -> float:
        """Return the seconds until it is worth asking for a start."""
        ...

    def release_unused(self, start: Start) -> None:
        """Take back an unused start."""

    def sent(self, start: Start) -> float:
        """Learn that the request is ready, and return the seconds it still has to wait."""
        ...

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request, with `retry_after` in seconds."""

    def lost(self, start: Start) -> None:
        """Learn that no answer came."""

    def read(self, look: Callable[[Pace, float], T]) -> T:
        """Return `look(pace, now)`."""
        ...


_METHODS = (
    *("bind", "reserve", "publish", "take", "wait", "release_unused", "sent"),
    *("accepted", "refused", "lost", "read"),
)


def checked_bucket(bucket: Bucket) -> Bucket:
    """Return an object that has the methods of a bucket, and says if it is shared."""
    if (
        isinstance(bucket, type)
        or not all(callable(getattr(bucket, name, None)) for name in _METHODS)
        or not isinstance(getattr(bucket, "shared", None), bool)
    ):
        raise refusal("bucket", "a Bucket, such as a LocalBucket", bucket)
    return bucket


def checked_rate(rate: Rate) -> Rate:
    """Return a Rate. A number is none: it does not say of how many seconds."""
    if not isinstance(rate, Rate):
        raise refusal("rate", "a Rate", rate)
    return rate


def log_hold(held: bool, holding: bool, seconds: float = 0.0) -> None:
    """Log that a hold of this length begins, or that one ends."""
    if holding and not held:
        write(HOLD_BEGINS, seconds)
    elif held and not holding:
        write(HOLD_ENDS)


class LocalBucket(NotCopied):
    """Hands out starts at a rate, one at a time, to every scheduler that shares it.

    `clock` gives monotonic seconds, the same in all threads and event loops that share the bucket.
    """

    shared: ClassVar[bool] = False
    _not_copied = (
        "A LocalBucket cannot be pickled or copied: a copy would let through a rate of its own. "
        "Hand on the bucket itself. Several processes share a FileBucket or a RedisBucket."
    )

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        function("clock", clock)
        self.rate: Rate = checked_rate(rate)
        self._pace = Pace(rate)
        self._clock = clock
        self._lock = threading.Lock()
        self._prober_has_ended: Callable[[], bool] = never
        renew_in_child(self)

    def bind(self, rate: Rate) -> None:
        """Raise ConfigurationError for another rate: two rates would be two budgets."""
        if rate != self.rate:
            raise setting_error(f"The bucket is paced at {self.rate}, not at {rate}.")

    async def reserve(self) -> None:
        """Do nothing: the next start is always known here."""

    async def publish(self) -> None:
        """Do nothing: all schedulers that share this bucket see it at once."""

    def take(self) -> Start | None:
        """Take the start that is due now, or return None if none is."""
        pace, clock = self._pace, self._clock  # `self._clock()` is slower on Python 3.11
        with self._lock:
            start = pace.take(clock())
            if pace.refusal_streak:
                self._remember_prober(start)
            return start

    def wait(self) -> float:
        """Return the seconds until it is worth asking for a start.

        A probe whose event loop has ended is given up.
        """
        with self._lock:
            if self._pace.holding and self._prober_has_ended():
                self._pace.forget_probe()
            return self._pace.wait(self._clock())

    def release_unused(self, start: Start) -> None:
        """Take back an unused start."""
        with self._lock:
            self._pace.release_unused(start)

    def sent(self, start: Start) -> float:
        """Learn that the request is ready, and return the seconds it still has to wait."""
        with self._lock:
            return self._pace.sent(start, self._clock())

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""
        pace, clock = self._pace, self._clock
        with self._lock:
            held = pace.refusal_streak > 1
            pace.accepted(start, clock())
        if held:
            log_hold(held, pace.holding)

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request, with `retry_after` in seconds."""
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
        """Return `look(pace, now)`."""
        with self._lock:
            return look(self._pace, self._clock())

    def _renew(self) -> None:
        """Take a lock of this process's own. The pace goes on as it was learnt."""
        self._lock = threading.Lock()
        self._pace.forget_probe()

    def _remember_prober(self, start: Start | None) -> None:
        """Remember the event loop that sends a probe."""
        if start is not None and start.probe:
            self._prober_has_ended = end_of_running_loop()


class OwnBucket(LocalBucket):
    """The bucket that a scheduler makes for itself: one thread at a time uses it.

    No other scheduler may have it. So the two steps of every slot do without the lock, which costs
    a fifth of a slot.
    """

    _bound: bool = False

    def bind(self, rate: Rate) -> None:
        """Raise ConfigurationError for a second scheduler."""
        if self._bound:
            raise setting_error(
                "This bucket is another scheduler's own; make a LocalBucket and hand it to both."
            )
        self._bound = True
        super().bind(rate)

    def take(self) -> Start | None:
        """Take the start that is due now, or return None if none is."""
        pace, clock = self._pace, self._clock
        start = pace.take(clock())
        if pace.refusal_streak:
            self._remember_prober(start)
        return start

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""
        pace, clock = self._pace, self._clock
        if pace.refusal_streak:  # a hold may end here, and that is logged
            super().accepted(start)
        else:
            pace.accepted(start, clock())
