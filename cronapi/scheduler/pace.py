"""The arithmetic of pacing: the next start is due by the rate and by how the last ones fared.

Both services refuse like nginx's `limit_req`: a request that arrives sooner than one interval
after the last accepted one gets a 503, however low the average is. So starts are spaced by the
interval plus a margin, and the margin follows the network's jitter. Only where nothing was refused
for long may a late start, or one after a rest, be followed up to 10 ms sooner. House rule: no clock
and no waiting here. `now` is an argument, in seconds of any monotonic clock.
"""

from __future__ import annotations

from attrs import Factory, define

from cronapi.scheduler.arrival import Arrival
from cronapi.scheduler.margin import narrowed
from cronapi.scheduler.tally import Tally
from cronapi.scheduler.tuning import (
    FIRST_PATIENCE,
    FRESH,
    LONGEST_HOLD,
    LONGEST_LEAD,
    LONGEST_RETRY_AFTER,
    PHASE,
    PROVEN,
    RESOLUTION,
    RESTED,
    RIVALRY,
    SHORTEST_HOLD,
    SMOOTHING,
    UNREFUSED,
)


def asked_wait(retry_after: float | None) -> float:
    """Return the seconds that a `Retry-After` holds for: zero for none, at most two minutes.

    Any number is accepted, also one that no arithmetic survives.
    """
    if retry_after is None or not retry_after > 0:  # a NaN is not greater either
        return 0.0
    return float(min(retry_after, LONGEST_RETRY_AFTER))


# Every slot makes one. `take` fills it in, since `__init__` would double the cost of making it.
@define(init=False)
class Start:
    """The right to start one request.

    `at` is the time when it was taken, and later the time when the request went out. `probe` is
    set for the request that tries whether a hold may end.
    """

    at: float
    number: int
    probe: bool


@define
class Pace(Arrival):
    """The time of the next start, by a rate and the answers so far."""

    next_at: float = float("-inf")
    held_until: float = float("-inf")
    hold_began: float = float("-inf")
    refusal_streak: int = 0
    """Refusals in a row. Two or more are a hold."""
    refused_calls: int = 0
    holds: int = 0
    lead: float = 0.0
    """The usual seconds from a start to its request going out.

    The next start may be that much earlier.
    """
    _eager: int = 0
    """The number of the start that is due at once after a first refusal."""
    _rival: int = 0
    """The last start whose immediate repeat was refused too: another program used the rate."""
    _last_sent: float = float("-inf")
    """The time when the last request went out, later by how late it has probably arrived."""
    _sent_before: float = float("-inf")
    """The time when the request before that one went out."""
    _before: float = float("-inf")
    """The time `next_at` before the last start was taken."""
    _probing: int = 0
    """The number of the probe that is out, 0 for none."""
    _unused: int = 0
    _tally: Tally = Factory(Tally)

    @property
    def holding(self) -> bool:
        """True while all callers wait for a probe to pass."""
        return self.refusal_streak > 1

    def wait(self, now: float) -> float:
        """Return the seconds until it is worth asking for a start."""
        if self.holding and self._probing:
            return self.interval
        return max(0.0, self.next_at - now, self.held_until - now)

    def take(self, now: float) -> Start | None:
        """Take the start that is due, or return None if none is."""
        # Every slot comes this way, so the usual case is decided here without a call, and no int
        # has to be turned into a float.
        due, latest = self.next_at, now + RESOLUTION
        if due > latest or self.held_until > latest or self.refusal_streak:
            wait = self.wait(now)
            if wait > RESOLUTION:
                return None
        late, gap = now - due, self.interval
        added = gap * self.margin
        if added < 0.0:
            gap += added if late > -added else RESOLUTION - late
        elif late < gap:
            gap = max(gap + added - late, self.closest)
        else:
            gap += added
        self._before, self.next_at = due, now + gap
        number = self._number = self._number + 1
        if now >= self._tally.next_at:
            self._tally.note(now, number - self._unused)
        start = Start()
        start.at, start.number = now, number
        start.probe = is_probe = self.refusal_streak > 1
        if is_probe:
            self._probing = number
        return start

    def sent(self, start: Start, now: float) -> float:
        """Learn that the request is ready, and return the seconds it still has to wait.

        A connection may have been made meanwhile. Several connections that get ready together would
        otherwise send their requests in a bunch.
        """
        self.lead += (min(now - start.at, LONGEST_LEAD) - self.lead) * SMOOTHING
        start.at = max(now, self._last_sent + self.closest)
        self._sent_before, self._last_sent = self._last_sent, start.at
        due = start.at + self.closest - self.lead
        self.next_at = max(self.next_at, due)
        if start.number < self._number:
            self._before = max(self._before, due)
        return start.at - now

    def forget_sent(self, start: Start) -> None:
        """Learn that a request was refused: the next keeps its distance from the one before it.

        That one may have passed just now, sent by a process that was late.
        """
        if start.at == self._last_sent:
            self._last_sent, self._sent_before = self._sent_before, float("-inf")
        elif start.at == self._sent_before:
            self._sent_before = float("-inf")

    def release_unused(self, start: Start) -> None:
        """Take back an unused start; the next is due at once unless another was taken since."""
        self._end_probe(start)
        if start.number == self._number:
            self.next_at = self._before
            self._unused += 1

    def accepted(self, start: Start, now: float) -> None:
        """Learn that the request was let through."""
        if start.probe:
            self._end_probe(start)
        if self.refusal_streak and not self._is_stale(start):
            self.refusal_streak = 0
        seconds, usual, calm = now - start.at, self.round_trip, self.calm
        usual = seconds if usual is None else usual
        error = seconds - usual
        self.round_trip: float | None = usual + error * SMOOTHING
        self.deviation: float = (
            self.deviation + ((error if error > 0.0 else -error) - self.deviation) * SMOOTHING
        )
        if start.number > self._widened:
            calm += 1
            self.calm: int = calm
            if calm >= PROVEN:
                self._proven_at = now
                if calm % PROVEN == 0:
                    self._proven, self._level = self._level, max(0.0, self.margin)
        if self.patience > FIRST_PATIENCE and calm > RESTED * self.patience:
            self.patience: int = self.patience // 2
        beyond = calm - (self.patience or -FRESH) if start.number > self._eased else 0
        # Where the rate limits nobody the margin is gone, and slots are many: save the call.
        if self.margin > self.least:
            if start.number == self._number and self.margin > 0.0:
                self._follow(start, error)
            jitter = self.deviation / self.interval
            weight = self.weight(start.number)
            rested = calm > (RESTED * self.patience or UNREFUSED)
            least = self.least if rested else 0.0
            self.margin: float = narrowed(self.margin, jitter, beyond, weight, least)
        if beyond > 0:
            self._eased = self._number

    def refused(self, start: Start, now: float, retry_after: float | None = None) -> None:
        """Learn that the rate limit refused the request.

        The second refusal in a row, or a `retry_after`, holds all callers. A first refusal that
        was only jitter also tells that the gate has opened meanwhile. So if nothing was started
        since, the next start is due at once. If that one is refused too, another program is using
        the rate, both count as one refusal, and for a while no start is due at once.
        """
        self._end_probe(start)
        self.teach(start.number, refused=True)
        self.forget_sent(start)
        self.refused_calls += 1
        held = self.holding
        again = start.number == self._eager and self.refusal_streak == 1
        if again:
            self.undo_widening()
            self._rival = self._number
        length = 0.0 if self._is_stale(start) or again else self._count_refusal(start, now)
        # The way of a probe there and back is a part of the wait.
        gone = max(0.0, now - start.at) if start.probe else 0.0
        self._hold(now, max(length - gone, asked_wait(retry_after)))
        self.holds += self.holding and not held

    def lost(self, start: Start) -> None:
        """Learn that no answer came. This says nothing about the rate limit."""
        self._end_probe(start)

    def forget_probe(self) -> None:
        """Learn that no news of the probe will come, if one is out: another may go."""
        self._probing = 0

    def rate_reached(self, now: float) -> float:
        """Return the starts a second over the last minute."""
        return self._tally.rate(now, self._number - self._unused, self.spacing)

    def _follow(self, start: Start, excess: float) -> None:
        """Let the next start follow the last request by the time when that has probably arrived."""
        room = min(self.closest, self.next_at - start.at) - self.interval
        late = self.late_by(start.number, excess, max(0.0, room))
        self.next_at += late
        if start.at == self._last_sent:  # another may have gone out later
            self._last_sent += late

    def _end_probe(self, start: Start) -> None:
        if start.number == self._probing:
            self._probing = 0

    def _is_stale(self, start: Start) -> bool:
        """Return True if a request went out before the hold began: it tells nothing new."""
        return self.holding and start.at < self.hold_began

    def _count_refusal(self, start: Start, now: float) -> float:
        """Learn from one more refusal in a row, and return the length of the hold it calls for."""
        self.refusal_streak += 1
        if self.refusal_streak == 1:
            self.widen(start.number, now)
            if start.number == self._number:
                self._repeat_at_once(now)
        return self._hold_length()

    def _repeat_at_once(self, now: float) -> None:
        if self._rival and self._number - self._rival < RIVALRY:
            self.undo_widening()
        else:
            self._eager = self._number + 1
            self.next_at = now

    def _hold_length(self) -> float:
        if not self.holding:
            return 0.0
        intervals = min(SHORTEST_HOLD * 2.0 ** min(self.refusal_streak - 2, 10), LONGEST_HOLD)
        return (intervals - self.refusal_streak * PHASE % 1) * self.interval

    def _hold(self, now: float, seconds: float) -> None:
        if seconds <= 0:
            return
        self.refusal_streak = max(self.refusal_streak, 2)
        self.hold_began = now
        self.held_until = max(self.held_until, now + seconds)
