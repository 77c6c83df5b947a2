"""How long Redis has been away, and whether it is worth trying again."""

from __future__ import annotations

import math

from attrs import define

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between two tries; each pause is twice as long as the one before."""
CHECK = 1.0
"""Seconds between two looks whether Redis is back, while the local bucket stands in."""


@define
class Outage:
    """The failures in a row, if any; after `patience` seconds of them callers give up."""

    patience: float
    since: float | None = None
    failed_at: float = -math.inf
    error: OSError | None = None
    _pause: float = FIRST_PAUSE

    def failed(self, begun: float, now: float, error: OSError) -> None:
        """Learn of a try in vain; one that begins long after the last begins another outage."""
        if self.since is None or begun - self.failed_at > max(self.patience, CHECK):
            self.since, self._pause = begun, FIRST_PAUSE
        self.failed_at, self.error = now, error

    def ended(self) -> None:
        """Learn that Redis has answered."""
        self.since = None

    def left(self, now: float) -> float:
        """Return the seconds of patience that are left."""
        return math.inf if self.since is None else self.since + self.patience - now

    def pause(self, now: float) -> float:
        """Return the seconds until the next try."""
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return max(0.0, min(pause, self.left(now)))

    def is_hopeless(self, now: float) -> bool:
        """Whether a try has failed just now and the patience is over: those who wait behind need not try again one by one."""
        return self.left(self.failed_at) <= 0 and now - self.failed_at < LONGEST_PAUSE

    def is_worth_a_look(self, now: float) -> bool:
        """Whether it is time to look if Redis is back."""
        return now - self.failed_at >= CHECK
