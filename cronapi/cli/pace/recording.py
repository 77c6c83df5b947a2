"""The scheduler's bucket with a memory: its last starts, how they ended, and its last holds."""

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
    """How a start ended."""

    UNDER_WAY = enum.auto()
    ACCEPTED = enum.auto()
    REFUSED = enum.auto()
    LOST = enum.auto()


@frozen
class Mark:
    """One start, `at` seconds on the bucket's clock.

    `probe` is True for a start that tries if a hold may end.
    """

    at: float
    fate: Fate
    probe: bool = False


@frozen
class Hold:
    """A time in which all calls waited for a probe to pass.

    Times are in seconds on the bucket's clock. `ended` is infinite while the hold lasts.
    """

    began: float
    ended: float = float("inf")


@define
class _RecordedStart:
    start: Start
    fate: Fate = Fate.UNDER_WAY


class RecordingBucket(LocalBucket):
    """The bucket of one process, which remembers its last starts and holds.

    The scheduler tells a bucket about every attempt, repeats included. `tally` counts the fates of
    all starts, and `first` is the time of the first one.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float]) -> None:
        super().__init__(rate, clock=clock)
        self.tally: Counter[Fate] = Counter()
        self.first: float | None = None
        self._now = clock
        self._under_way: dict[int, _RecordedStart] = {}
        self._recorded: deque[_RecordedStart] = deque(maxlen=MOST_MARKS)
        self._holds: deque[Hold] = deque(maxlen=MOST_HOLDS)

    def marks(self) -> tuple[Mark, ...]:
        """Return the last starts, the oldest first."""
        return tuple(
            Mark(recorded.start.at, recorded.fate, recorded.start.probe)
            for recorded in self._recorded
        )

    def holds(self) -> tuple[Hold, ...]:
        """Return the last holds, the oldest first."""
        return tuple(self._holds)

    def take(self) -> Start | None:
        """Take the start that is due now, or None if none is due."""
        start = super().take()
        if start is not None:
            self.first = start.at if self.first is None else self.first
            self._under_way[start.number] = _RecordedStart(start)
            self._recorded.append(self._under_way[start.number])
        return start

    def release_unused(self, start: Start) -> None:
        """Take back a start that was not used. It leaves no mark."""
        super().release_unused(start)
        recorded = self._under_way.pop(start.number)
        if recorded in self._recorded:
            self._recorded.remove(recorded)

    def accepted(self, start: Start) -> None:
        """Record that the service let the request through."""
        super().accepted(start)
        self._settle(start, Fate.ACCEPTED)

    def refused(self, start: Start, retry_after: float | None = None) -> None:
        """Record that the rate limit refused the request.

        `retry_after` is in seconds.
        """
        super().refused(start, retry_after)
        self._settle(start, Fate.REFUSED)

    def lost(self, start: Start) -> None:
        """Record that no answer came."""
        super().lost(start)
        self._settle(start, Fate.LOST)

    def _settle(self, start: Start, fate: Fate) -> None:
        self._under_way.pop(start.number).fate = fate
        self.tally[fate] += 1
        self._record_hold()

    def _record_hold(self) -> None:
        holding = self.read(lambda pace, _: pace.holding)
        lasts = bool(self._holds) and self._holds[-1].ended == float("inf")
        if holding and not lasts:
            self._holds.append(Hold(self._now()))
        elif lasts and not holding:
            self._holds[-1] = Hold(self._holds[-1].began, self._now())
