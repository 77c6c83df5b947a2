"""Keys that were seen, so that what is delivered twice is handled once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from cronapi._protocol import arguments
from cronapi._protocol.not_copied import NotCopied
from cronapi.scheduler.forks import renew_in_child

DAY = 86_400.0


def text_of(key: Iterable[object]) -> str:
    """Return a key as a text for a database, such as `7:1720409270:1`."""
    return ":".join(map(_part, key))


def _part(value: object) -> str:
    timestamp = getattr(value, "timestamp", None)
    return f"{timestamp():.15g}" if timestamp is not None else str(value)


class DedupeError(OSError):
    """A memory of this library cannot be asked.

    The text says why, and what to do. It holds nothing secret.
    """


class Dedupe(Protocol):
    """A memory of keys. Write your own to keep them in a database.

    An endpoint asks it when it begins to handle something. If a method raises, that is logged and
    the thing is handled: twice is better than never. A claim whose task is cancelled goes on for up
    to two seconds. If it was new then, or has no answer, its key is released.
    """

    @property
    def ttl(self) -> float:
        """The seconds for which a key is remembered, at least."""
        ...

    async def claim(self, key: str) -> bool:
        """Remember a key, and return True if it was not known. Both are one step."""
        ...

    async def release(self, key: str) -> None:
        """Forget a key."""


class MemoryDedupe(NotCopied):
    """Remembers up to `most` keys in this process, each for `ttl` seconds.

    If there are more, the oldest are forgotten early. `clock` gives monotonic seconds.
    """

    _not_copied = (
        "A MemoryDedupe cannot be pickled or copied: a copy would not learn what this one has "
        "seen. Hand on the memory itself. Several processes share a RedisDedupe."
    )

    def __init__(
        self,
        most: int = 10_000,
        *,
        ttl: float = DAY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        arguments.positive("ttl", "a finite number of seconds above 0", ttl)
        arguments.function("clock", clock)
        self._most = arguments.count("most", most)
        self._ttl = ttl
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._renew()
        renew_in_child(self)

    @property
    def ttl(self) -> float:
        """The seconds for which a key is remembered."""
        return self._ttl

    async def claim(self, key: str) -> bool:
        """Remember a key, and return True if it was not known."""
        now = self._clock()
        with self._lock:
            if self._ends.get(key, now) > now:
                return False
            self._ends.pop(key, None)  # a key that is back goes to the end
            self._ends[key] = now + self._ttl
            self._forget(now)
        return True

    async def release(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._ends.pop(key, None)

    def _forget(self, now: float) -> None:
        while self._ends:
            oldest, end = next(iter(self._ends.items()))
            if end > now and len(self._ends) <= self._most:
                return
            del self._ends[oldest]

    def _renew(self) -> None:
        """Make a lock, also in a forked process: another thread of its parent may hold the old."""
        self._lock = threading.Lock()
