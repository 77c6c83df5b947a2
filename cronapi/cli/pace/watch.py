"""What the pace remembers: every start that the scheduler was given, how it fared, and when everybody was held."""

from __future__ import annotations

import enum
from collections import Counter, deque
from collections.abc import Callable

from attrs import define, frozen

from cronapi.providers import Rate
from cronapi.scheduler import LocalBucket
from cronapi.scheduler.pace import Start

MOST_MARKS, MOST_HOLDS = 2000, 200
"""More than fits on any screen."""


class Fate(enum.Enum):
    """How a start fared."""

    UNDER_WAY = enum.auto()
    ACCEPTED = enum.auto()
    REFUSED = enum.auto()
    LOST = enum.auto()


@frozen
class Mark:
    """One start, `at` seconds on the watch's clock; `probe` is set for the one that tries whether a hold may end."""

    at: float
    fate: Fate
    probe: bool = False


@frozen
class Hold:
    """A time in which everybody waited for a probe to pass, in seconds on the watch's clock; `ended` is infinite while it lasts."""

    began: float
    ended: float = float("inf")


@define
class _Seen:
    start: Start
    fate: Fate = Fate.UNDER_WAY


class Watch(LocalBucket):
    """The bucket of one process, with a memory of its last starts and holds; `tally` counts how all starts fared.

    A bucket hears of every attempt, repeats too, in the very words that the scheduler learns from.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float]) -> None:
        super().__init__(rate, clock=clock)
        self.tally: Counter[Fate] = Counter()
        self.first: float | None = None
        self._now = clock
        self._open: dict[int, _Seen] = {}
        self._seen: deque[_Seen] = deque(maxlen=MOST_MARKS)
        self._holds: deque[Hold] = deque(maxlen=MOST_HOLDS)

    def marks(self) -> tuple[Mark, ...]:
        """Return the last starts, the oldest first."""
        return tuple(Mark(seen.start.at, seen.fate, seen.start.probe) for seen in self._seen)

    def holds(self) -> tuple[Hold, ...]:
        """Return the last holds, the oldest first."""
        return tuple(self._holds)

    def take(self) -> Start | None:
        """Take the start that is due now, or None where none is."""
        start = super().take()
        if start is not None:
            self.first = start.at if self.first is None else self.first
            self._open[start.number] = _Seen(start)
            self._seen.append(self._open[start.number])
        return start

    def give_back(self, start: Start) -> None:
        """Take back a start that was not used: it leaves no mark."""
        super().give_back(start)
        seen = self._open.pop(start.number)
        if seen in self._seen:
            self._seen.remove(seen)

    def accepted(self, start: Start) -> None:
        """Learn that the request was let through."""
        super().accepted(start)
        self._settle(start, Fate.ACCEPTED)

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request; `retry_after` is in seconds."""
        super().refused(start, retry_after)
        self._settle(start, Fate.REFUSED)

    def lost(self, start: Start) -> None:
        """Learn that no answer came."""
        super().lost(start)
        self._settle(start, Fate.LOST)

    def _settle(self, start: Start, fate: Fate) -> None:
        self._open.pop(start.number).fate = fate
        self.tally[fate] += 1
        holding = self.read(lambda pace, _: pace.holding)
        lasts = bool(self._holds) and self._holds[-1].ended == float("inf")
        if holding and not lasts:
            self._holds.append(Hold(self._now()))
        elif lasts and not holding:
            self._holds[-1] = Hold(self._holds[-1].began, self._now())
