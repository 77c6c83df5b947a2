"""How many starts there were over the last minute: noted once a second, since noting each would cost as much as spacing it."""

from __future__ import annotations

from collections import deque

from attrs import Factory, define

MINUTE, SECOND = 60.0, 1.0


@define
class Tally:
    """The starts so far, by when; from `next_at` on it is time to note them again."""

    next_at: float = float("-inf")
    _counts: deque[tuple[float, int]] = Factory(deque)

    def note(self, now: float, starts: int) -> None:
        """Learn that there were so many starts so far, one now included."""
        self.next_at = now + SECOND
        self._counts.append((now, starts))
        self._forget(now)

    def rate(self, now: float, starts: int, spacing: float) -> float:
        """Return the starts a second since the first of the last minute, where there were so many so far."""
        self._forget(now)
        if not self._counts:
            return 0.0
        since, first = self._counts[0]
        return max(0, starts - first + 1) / min(MINUTE, max(SECOND, now - since + spacing))

    def _forget(self, now: float) -> None:
        while self._counts and self._counts[0][0] <= now - MINUTE:
            self._counts.popleft()
