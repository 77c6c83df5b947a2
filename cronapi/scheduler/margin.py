"""The margin between starts, and what it is learnt from: jitter, refusals and successes.

House rule: no clock and no waiting here either.
"""

from __future__ import annotations

from attrs import Factory, define, field

from cronapi.providers import Rate
from cronapi.scheduler.tuning import (
    EASE,
    EASE_DEVIATIONS,
    EASE_FLOOR,
    FIRST_MARGIN,
    FIRST_PATIENCE,
    FLOOR,
    GAIN,
    GREATEST_BY_JITTER,
    GREATEST_MARGIN,
    GREATEST_PATIENCE,
    GREATEST_STRIDE,
    LATENESS,
    LATEST,
    LONG_CALM,
    LONGEST_TRUST,
    NEVER,
    PROVEN,
    PROVEN_DEVIATIONS,
    SOON,
    TARGET,
    TRUST,
    TRUSTED_INTERVALS,
)


def least_margin(interval: float) -> float:
    """Return the least margin at an interval in seconds: what timers are late."""
    return -LATEST / interval


def trust(interval: float) -> float:
    """Return the seconds for which a margin is proven, at an interval in seconds."""
    return max(TRUST, min(TRUSTED_INTERVALS * interval, LONGEST_TRUST))


def enough(jitter: float) -> float:
    """Return the margin above which any other is a guess, by the deviation in intervals."""
    return max(EASE_FLOOR, EASE_DEVIATIONS * jitter)


def limited(jitter: float, margin: float) -> float:
    """Return the deviation that a step goes by: at most the margin, or FLOOR if that is more."""
    return min(jitter, max(FLOOR, margin))


def narrowed(margin: float, jitter: float, calm: int, weight: float, least: float = 0.0) -> float:
    """Return the margin after a success of this weight.

    `jitter` is the deviation of round trips in intervals. `calm` counts the successes beyond
    patience. After long calm the margin approaches `least`, which may be below nothing.
    """
    if calm > 0 and margin > (guess := enough(jitter)):
        return max(guess, margin * (1 - EASE))
    step = weight * TARGET * GAIN * max(FLOOR, limited(jitter, margin))
    if calm > LONG_CALM:
        eased = margin - (margin - least) * EASE
        return eased if eased > 0 else max(least, eased - step)
    return margin - step if margin > step else min(margin, 0.0)


@define
class Margin:
    """The share of the interval that is added between starts, as the answers so far teach it.

    A margin below nothing adds nothing. It is the share of the interval by which a start may follow
    more closely if the one before was late.
    """

    rate: Rate
    margin: float = FIRST_MARGIN
    interval: float = field(
        init=False, default=Factory(lambda self: self.rate.interval, takes_self=True)
    )
    least: float = field(
        init=False, default=Factory(lambda self: least_margin(self.interval), takes_self=True)
    )
    calm: int = 0
    """Successes since the last refusal."""
    patience: int = 0
    """Zero until the first refusal: the first margin is a guess, and eased at once."""
    stride: int = 1
    round_trip: float | None = None
    deviation: float = 0.0
    _number: int = 0
    """The number of the last start that was taken."""
    _widened: int = 0
    """The last start that was taken before the margin was widened."""
    _eased: int = 0
    """The last start that was taken before the margin was eased.

    The margin is eased again only once a later start has been accepted.
    """
    _proven: float = NEVER
    """The greatest margin during the last PROVEN successes in a row."""
    _proven_at: float = float("-inf")
    _level: float = FIRST_MARGIN
    """The margin at the beginning of the successes that may prove it next."""
    _narrow: float = NEVER
    """The margin to return to if a wider one would not have helped.

    It is the one before, or a wider one that was proven.
    """

    @property
    def spacing(self) -> float:
        """The time between two starts, in seconds."""
        return self.interval * (1 + max(0.0, self.margin))

    @property
    def closest(self) -> float:
        """The shortest time in seconds between two requests that go out.

        It is the spacing, or less after a request that went out late.
        """
        added = self.margin * self.interval
        return self.interval + (added if added < 0 else max(0.0, added - LATENESS))

    def weight(self, number: int) -> float:
        """Weight an answer less the more starts followed it: their answers will say the same."""
        return 1 / (self._number - number or 1)

    def widen(self, number: int, now: float) -> None:
        """Widen the margin by a step that fits the jitter, or by a stride if that is more."""
        jitter = self.deviation / self.interval
        if self.margin < 0.0:  # this server allows no bursts, or no more
            self.margin, self.patience = 0.0, GREATEST_PATIENCE
        trusted = now - self._proven_at < trust(self.interval)
        step = GAIN * (1 - TARGET) * limited(jitter, self.margin) * self.weight(number)
        wide = min(GREATEST_BY_JITTER, self.margin + step)
        self._narrow = NEVER
        if trusted and number == self._number:  # the immediate repeat will tell
            self._narrow = max(self.margin, min(self._proven, self.margin / (1 - EASE)))
        if number > self._widened:  # earlier starts were taken with the margin of before
            wide = max(wide, self._next_stride(number))
            self._unsettle()
        if trusted:
            widest = max(self._proven / (1 - EASE) + EASE_FLOOR, PROVEN_DEVIATIONS * jitter)
            wide = min(wide, widest)
        elif self.margin <= enough(jitter) < wide:  # what taught patience no longer holds
            self.patience = FIRST_PATIENCE
        self.margin = self._level = max(self.margin, wide)

    def undo_widening(self) -> None:
        """Take a widening back that would not have helped: the immediate repeat was refused too."""
        if self._narrow < NEVER:
            self.margin, self.stride = self._narrow, 1
            self._level = self.margin

    def _next_stride(self, number: int) -> float:
        """Return the margin after a stride, which doubles while refusals come close together."""
        soon = self.calm < SOON and number - self._widened < PROVEN
        self.stride = min(self.stride * 2, GREATEST_STRIDE) if soon else 1
        return min(GREATEST_MARGIN, self.margin + GAIN * (1 - TARGET) * FLOOR * self.stride)

    def _unsettle(self) -> None:
        hasty, self.patience = self.calm > self.patience, max(self.patience, FIRST_PATIENCE)
        if hasty:
            self.patience = min(self.patience * 2, GREATEST_PATIENCE)
        self.calm, self._widened = 0, self._number
