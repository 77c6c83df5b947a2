"""The times of an outage of a shared pace: since when, how long to wait, and when to try again."""

from __future__ import annotations

import math

from attrs import define

from cronapi.errors import SchedulerError
from cronapi.scheduler.faults import UnusableError, scheduler_error

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between two tries. Each pause is twice as long as the one before."""
CHECK = 1.0
"""Seconds between two checks for its end while the local bucket stands in."""


@define
class Outage:
    """The failures in a row, if any. After `patience` seconds of them callers give up."""

    patience: float
    since: float | None = None
    failed_at: float = -math.inf
    error: Exception | None = None
    _pause: float = FIRST_PAUSE

    def failed(self, begun: float, now: float, error: Exception) -> bool:
        """Learn of a failed try, and return True if an outage begins.

        A try that begins long after the last begins another outage.
        """
        begins = self.since is None or begun - self.failed_at > max(self.patience, CHECK)
        if begins:
            self.since, self._pause = begun, FIRST_PAUSE
        self.failed_at, self.error = now, error
        return begins

    def ended(self, now: float) -> float:
        """Learn that there was an answer. Return the seconds that an outage has lasted, or 0."""
        since, self.since = self.since, None
        return 0.0 if since is None else now - since

    @property
    def reason(self) -> str:
        """The reason of the last failure, for a log."""
        return self.error.reason if isinstance(self.error, UnusableError) else str(self.error)

    def told(self, now: float) -> SchedulerError:
        """Return the error for a caller that gives up."""
        return scheduler_error(self.error, now - (now if self.since is None else self.since))

    def patience_left(self, now: float) -> float:
        """Return the seconds of patience that are left: none for a fault that waiting leaves."""
        if self.since is None:
            return math.inf
        return 0.0 if self._is_lasting else self.since + self.patience - now

    def pause(self, now: float) -> float:
        """Return the seconds until the next try."""
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return max(0.0, min(pause, self.patience_left(now)))

    def spares_try(self, now: float) -> bool:
        """Return True if a try has just failed and the patience is over.

        The callers behind it then give up too, and need not try again one by one.
        """
        return self.patience_left(self.failed_at) <= 0 and now - self.failed_at < LONGEST_PAUSE

    @property
    def _is_lasting(self) -> bool:
        return isinstance(self.error, UnusableError) and self.error.lasting

    def is_check_due(self, now: float) -> bool:
        """Return True if it is time to check for the end again."""
        return now - self.failed_at >= CHECK
