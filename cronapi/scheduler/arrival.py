"""How late the last request has probably arrived, as its round trip and the refusals tell.

A round trip is longer than usual by its way there, by the work of the service or by its way back.
Only the way there brings the next request nearer to it. Where long round trips come before
refusals, it has a share in them.

House rule: no clock and no waiting here either.
"""

from __future__ import annotations

from attrs import define

from cronapi.scheduler.margin import Margin
from cronapi.scheduler.tuning import MOST_EXCESS, MOST_OUTWARD, OUTWARD_STEP, RESOLUTION, TARGET


@define
class Arrival(Margin):
    """The lateness of the last request that was answered before the next start was taken."""

    outward: float = 0.0
    """The share of a round trip's excess that was on the way there."""
    _excess: float = 0.0
    """What the last round trip took beyond the usual, in deviations."""
    _followed_by: int = 0
    """The number of the start after it."""

    def late_by(self, number: int, excess: float, room: float) -> float:
        """Learn what a round trip took beyond the usual, and return how late its request arrived.

        `excess`, `room` and the result are in seconds. A request that was early counts as early by
        `room` at most, so that the next start keeps the rate. One that was late counts as late by
        an interval at most.
        """
        self.teach(number, refused=False)
        deviations = excess / self.deviation if self.deviation > RESOLUTION else 0.0
        self._excess = max(-MOST_EXCESS, min(deviations, MOST_EXCESS))
        self._followed_by = self._number + 1
        return max(-room, min(excess * self.outward, self.interval))

    def teach(self, number: int, *, refused: bool) -> None:
        """Learn whether the start after a round trip was refused."""
        if number == self._followed_by:
            moved = self.outward + OUTWARD_STEP * (refused - TARGET) * self._excess
            self.outward = max(0.0, min(moved, MOST_OUTWARD))
