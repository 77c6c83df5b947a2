"""The arithmetic of pacing: when the next request may start, learnt from how the last ones fared.

Both services refuse like nginx's `limit_req`: a request that arrives sooner than one interval after the last accepted one gets a 503,
whatever the average. So starts are spaced by the interval plus a margin, without a burst, and the margin follows the network's
jitter. House rule: no clock and no waiting here; `now` is an argument, in seconds of any monotonic clock.
"""

from __future__ import annotations

from attrs import Factory, define, field

from cronapi.providers import Rate
from cronapi.scheduler.tally import Tally

FIRST_MARGIN = 0.05
GREATEST_BY_JITTER, GREATEST_MARGIN = 1.0, 3.0
"""Jitter never calls for more than a whole interval; a rate that is believed to be four times the allowed one calls for three."""
TARGET = 0.015
"""The share of refusals that the margin settles at: fewer would cost more in spacing than they save."""
GAIN, FLOOR, SMOOTHING = 0.6, 0.01, 1 / 16
"""A step of the margin is GAIN times the deviation of round trips in intervals, or times FLOOR where that is smaller."""
SOON, GREATEST_STRIDE = 4, 32
"""A refusal within so many successes of the last doubles the stride, a factor of FLOOR: the allowed rate is lower than believed."""
EASE, EASE_DEVIATIONS, EASE_FLOOR = 0.1, 5, 0.015
"""A margin wider than so many deviations of the round trips, in intervals, and than the floor, is a guess or a thing of the past: it
shrinks by the share EASE of itself at each success."""
FIRST_PATIENCE, GREATEST_PATIENCE, LONG_CALM = 8, 128, 40
"""Successes since the last refusal before the margin is eased; twice as many each time that easing it ended in a refusal. A narrow
margin is eased after LONG_CALM more: a server that allows bursts refuses nothing."""
PROVEN, TRUST, PROVEN_DEVIATIONS = 10, 30.0, 4
"""So many successes in a row prove a margin for TRUST seconds. While it is trusted, it is not widened beyond a step of easing and
EASE_FLOOR, or so many deviations of the round trips; and where a repeat at once is refused as well, it was not too narrow. Another
program is using the rate. A limit that was really lowered is learnt when the trust is over."""
NEVER = 1000.0
"""A margin that no start has."""
RESTED = 8
"""Times its patience: after so many successes without a refusal it is halved, since what taught it is long past."""
SHORTEST_HOLD, LONGEST_HOLD = 2, 8
"""Intervals. The longest hold keeps the first probe after an outage from being late by more than that."""
PHASE = 0.6180339887498949
"""The golden ratio: holds that are shorter by its multiples, modulo an interval, do not fall in step with another program."""
LONGEST_RETRY_AFTER = 120.0
LATENESS = 0.002
"""Seconds: a timer that fires so late is made up for at the next start, as far as the margin covers it."""
LONGEST_LEAD = 0.005
"""Seconds: what takes longer is a connection being made, which the next request need not wait for."""
RESOLUTION = 1e-9
"""Seconds: a start that is due sooner is due now, since adding a wait to a clock's reading rounds."""


def narrowed(margin: float, jitter: float, calm: int, weight: float) -> float:
    """Return the margin after a success of this weight.

    `jitter` is the deviation of round trips in intervals, `calm` the successes beyond patience.
    """
    if calm > 0 and margin > (enough := max(EASE_FLOOR, EASE_DEVIATIONS * jitter)):
        return max(enough, margin * (1 - EASE))
    if calm > LONG_CALM:
        return margin * (1 - EASE)
    step = weight * TARGET * GAIN * max(FLOOR, jitter)
    return margin - step if margin > step else 0.0


@define(
    init=False
)  # `take` fills it in: there is one for every slot, and calling `__init__` would double what making it costs
class Start:
    """The right to start one request; `at` is when it was taken, and then when the request went out.

    `probe` is set for the one that tries whether a hold may end.
    """

    at: float
    number: int
    probe: bool


@define
class Pace:
    """When the next request may start, at a rate and by the answers so far."""

    rate: Rate
    margin: float = FIRST_MARGIN
    next_at: float = float("-inf")
    held_until: float = float("-inf")
    hold_began: float = float("-inf")
    row: int = 0
    """Refusals in a row; two or more is a hold."""
    interval: float = field(
        init=False, default=Factory(lambda self: self.rate.interval, takes_self=True)
    )
    refused_calls: int = 0
    holds: int = 0
    calm: int = 0
    """Successes since the last refusal."""
    patience: int = 0
    """None at first: the first margin is a guess, and eased at once."""
    stride: int = 1
    round_trip: float | None = None
    deviation: float = 0.0
    lead: float = 0.0
    """Seconds from a start to its request going out, mostly: the next start may be as much earlier."""
    _number: int = 0
    _eager: int = 0
    _widened: int = 0
    """The last start taken before the margin was widened."""
    _eased: int = 0
    """The last start taken before the margin was eased: how the next fare is waited for before it is eased again."""
    _proven: float = NEVER
    """The margin of the last PROVEN successes in a row, at most."""
    _proven_at: float = float("-inf")
    _level: float = FIRST_MARGIN
    """The margin when those began that may prove it next."""
    _narrow: float = NEVER
    """What the margin goes back to where a wider one would not have helped: the one before, or a wider one that was proven."""
    _last_sent: float = float("-inf")
    _before: float = float("-inf")
    _probing: bool = False
    _unused: int = 0
    _tally: Tally = Factory(Tally)

    @property
    def spacing(self) -> float:
        """The time between two starts, in seconds."""
        return self.interval * (1 + self.margin)

    @property
    def closest(self) -> float:
        """The shortest time between two requests that go out, in seconds: the spacing, or less after one that went out late."""
        return self.spacing - min(LATENESS, self.margin * self.interval)

    @property
    def holding(self) -> bool:
        """Whether everybody waits for a probe to pass."""
        return self.row > 1

    def wait(self, now: float) -> float:
        """Return the seconds until it is worth asking for a start."""
        if self.holding and self._probing:
            return self.interval
        return max(0.0, self.next_at - now, self.held_until - now)

    def take(self, now: float) -> Start | None:
        """Take the start that is due, or None where none is."""
        # Every slot comes this way: what is usual is decided here, without a call, and no int has to be turned into a float.
        latest = now + RESOLUTION
        if (self.next_at > latest or self.held_until > latest or self.row) and self.wait(
            now
        ) > RESOLUTION:
            return None
        self._number += 1
        late, gap = now - self.next_at, self.interval * (1.0 + self.margin)
        if late < self.interval:
            gap = max(gap - late, self.closest)
        self._before, self.next_at = self.next_at, now + gap
        if now >= self._tally.next_at:
            self._tally.note(now, self._number - self._unused)
        start = Start()
        start.at, start.number = now, self._number
        start.probe = self._probing = self.row > 1
        return start

    def sent(self, start: Start, now: float) -> float:
        """Learn that the request is ready to go out only now, after a connection was made; return the seconds it still has to wait.

        Several connections that get ready together would otherwise send their requests in a bunch.
        """
        self.lead += (min(now - start.at, LONGEST_LEAD) - self.lead) * SMOOTHING
        start.at = max(now, self._last_sent + self.closest)
        self._last_sent = start.at
        due = start.at + self.closest - self.lead
        self.next_at = max(self.next_at, due)
        if start.number < self._number:
            self._before = max(self._before, due)
        return start.at - now

    def turned_back(self, start: Start) -> None:
        """Learn that a request was refused: the next need not keep its distance from it."""
        if start.at == self._last_sent:
            self._last_sent = float("-inf")

    def release_unused(self, start: Start) -> None:
        """Take back a start that was not used; the next may be taken at once unless another was taken since."""
        self._settle(start)
        if start.number == self._number:
            self.next_at = self._before
            self._unused += 1

    def accepted(self, start: Start, now: float) -> None:
        """Learn that the request was let through."""
        if start.probe:
            self._probing = False
        if self.row and not self._is_stale(start):
            self.row = 0
        seconds = now - start.at
        error = 0.0 if self.round_trip is None else seconds - self.round_trip
        self.round_trip = seconds + error * (SMOOTHING - 1.0)
        self.deviation += (abs(error) - self.deviation) * SMOOTHING
        if start.number > self._widened:
            self.calm += 1
            if self.calm >= PROVEN:
                self._proven_at = now
                if self.calm % PROVEN == 0:
                    self._proven, self._level = self._level, self.margin
        if self.patience > FIRST_PATIENCE and self.calm > RESTED * self.patience:
            self.patience //= 2
        calm = self.calm - self.patience if start.number > self._eased else 0
        if (
            self.margin > 0.0
        ):  # none is left where the rate limits nobody, which is where slots are many
            self.margin = narrowed(
                self.margin, self.deviation / self.interval, calm, self._weight(start)
            )
        if calm > 0:
            self._eased = self._number

    def refused(self, start: Start, now: float, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request; the second in a row, or a `retry_after`, holds everybody.

        A first refusal also tells that the gate has opened meanwhile, if it was only jitter: where nothing was started since, the next
        start is due at once. If that is refused too, somebody else is using the rate: it counts as the same refusal.
        """
        self._settle(start)
        self.turned_back(start)
        self.refused_calls += 1
        held = self.holding
        again = start.number == self._eager and self.row == 1
        if again:
            self._undo()
        length = 0.0 if self._is_stale(start) or again else self._count_refusal(start, now)
        gone = (
            now - start.at if start.probe else 0.0
        )  # a probe's way there and back is a part of the wait
        self._hold(now, max(length - gone, min(retry_after or 0.0, LONGEST_RETRY_AFTER)))
        self.holds += self.holding and not held

    def lost(self, start: Start) -> None:
        """Learn that no answer came, which says nothing about the rate limit."""
        self._settle(start)

    def rate_reached(self, now: float) -> float:
        """Return the starts a second over the last minute."""
        return self._tally.rate(now, self._number - self._unused, self.spacing)

    def _hurry(self, refused: Start, now: float) -> None:
        if refused.number == self._number:
            self._eager = self._number + 1
            self.next_at = now

    def _settle(self, start: Start) -> None:
        if start.probe:
            self._probing = False

    def _is_stale(self, start: Start) -> bool:
        """Whether a call sent before the hold began: it tells nothing about the time since."""
        return self.holding and start.at < self.hold_began

    def _count_refusal(self, start: Start, now: float) -> float:
        """Draw the consequences of one more refusal in a row, and return the length of the hold that it calls for."""
        self.row += 1
        if self.row == 1:
            self._widen(start, now)
            self._hurry(start, now)
        return self._hold_length()

    def _weight(self, start: Start) -> float:
        """Return what an answer counts: the less, the more starts were taken since, whose answers will say the same."""
        return 1 / (self._number - start.number or 1)

    def _widen(self, start: Start, now: float) -> None:
        """Widen the margin by a step that fits the jitter, or by a stride that doubles while refusals come close together."""
        jitter = self.deviation / self.interval
        trusted = now - self._proven_at < TRUST
        told = trusted and start.number == self._number  # by the repeat at once
        self._narrow = (
            max(self.margin, min(self._proven, self.margin / (1 - EASE))) if told else NEVER
        )
        widest = (
            max(self._proven / (1 - EASE) + EASE_FLOOR, PROVEN_DEVIATIONS * jitter)
            if trusted
            else NEVER
        )
        wide = min(
            GREATEST_BY_JITTER, self.margin + GAIN * (1 - TARGET) * jitter * self._weight(start)
        )
        if start.number > self._widened:  # the others were taken with the margin of before
            soon = self.calm < SOON and start.number - self._widened < PROVEN
            self.stride = min(self.stride * 2, GREATEST_STRIDE) if soon else 1
            wide = max(
                wide, min(GREATEST_MARGIN, self.margin + GAIN * (1 - TARGET) * FLOOR * self.stride)
            )
            self._unsettle()
        self.margin = self._level = max(self.margin, min(wide, widest))

    def _undo(self) -> None:
        """Take the widening back where the repeat at once was refused as well: a wider margin would not have helped."""
        if self._narrow < NEVER:
            self.margin, self.stride = self._narrow, 1
            self._level = self.margin

    def _unsettle(self) -> None:
        hasty, self.patience = self.calm > self.patience, max(self.patience, FIRST_PATIENCE)
        if hasty:
            self.patience = min(self.patience * 2, GREATEST_PATIENCE)
        self.calm, self._widened = 0, self._number

    def _hold_length(self) -> float:
        if not self.holding:
            return 0.0
        intervals = min(SHORTEST_HOLD * 2.0 ** min(self.row - 2, 10), LONGEST_HOLD)
        return (intervals - self.row * PHASE % 1) * self.interval

    def _hold(self, now: float, seconds: float) -> None:
        if seconds <= 0:
            return
        self.row = max(self.row, 2)
        self.hold_began = now
        self.held_until = max(self.held_until, now + seconds)
