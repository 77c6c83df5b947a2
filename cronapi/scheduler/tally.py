"""The number of starts over the last minute.

It is noted once a second, since noting each start would cost as much as spacing it.
"""

from __future__ import annotations

from collections import deque

from attrs import Factory, define

MINUTE, SECOND = 60.0, 1.0


@define
class Tally:
    """The numbers of starts so far, with their times. The next note is due at `next_at`."""

    next_at: float = float("-inf")
    _counts: deque[tuple[float, int]] = Factory(deque)

    def note(self, now: float, starts: int) -> None:
        """Note the number of starts so far, including one that is made now."""
        self.next_at = now + SECOND
        self._counts.append((now, starts))
        self._forget(now)

    def rate(self, now: float, starts: int, spacing: float) -> float:
        """Return the starts a second since the first of the last minute.

        `starts` is their number so far. Nothing is forgotten here, since another thread may read.
        """
        counts = self._counts.copy()  # at once, also while a start is noted
        since, first = next((each for each in counts if each[0] > now - MINUTE), (now, starts + 1))
        return max(0, starts - first + 1) / min(MINUTE, max(SECOND, now - since + spacing))

    def _forget(self, now: float) -> None:
        while self._counts and self._counts[0][0] <= now - MINUTE:
            self._counts.popleft()
