"""The pace that the processes of a fleet share: the `Pace` of one process, and its evaluation.

It is for fleets whose processes take turns on it themselves, as on a file. In Redis, `pace.lua` has
its rules.

House rule: no clock and no waiting here either. `now` is an argument, in seconds of a clock that
all processes have.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from cronapi.providers import Rate
from cronapi.scheduler.fleet import MILLION, Answer
from cronapi.scheduler.pace import Pace, Start


@define
class SharedPace(Pace):
    """The pace of a fleet. Its starts are reserved ahead, and its outcomes come later."""

    accepted_calls: int = 0
    lease_until: float = float("-inf")
    """A probe without news by then has crashed with its process."""
    ask_at: float = float("-inf")
    """The last time at which a process was told to ask again."""
    prober: str = ""
    """The process that has the probe."""
    _mark: int = 0
    """The last start that was reserved before the hold began."""

    @property
    def probe_is_out(self) -> bool:
        """True while nobody may start because a probe is under way."""
        return self.holding and self._probing > 0

    def learn(self, kind: str, number: int, at: float, seconds: float, now: float) -> None:
        """Learn one outcome of a start that went out at a time, as in `pace.lua`."""
        start = Start()
        start.at, start.number, start.probe = at, number, number == self._probing
        if kind == "sent":
            due = min(at, self.next_at) + self.closest - seconds
            self.next_at: float = max(self.next_at, due)
            times = sorted((self._sent_before, self._last_sent, at))
            _, self._sent_before, self._last_sent = times
        elif kind == "accepted":
            self.accepted_calls += 1
            came = min(now, at + seconds)  # times that travel are rounded
            start.at = min(at, came)
            self.accepted(start, came)
        elif kind == "refused":
            # A start that was reserved before the hold began tells nothing new, even if it was
            # sent since.
            if self.holding and number <= self._mark:
                self.forget_sent(start)
                start.at = float("-inf")
            self.refused(start, now, seconds)
        elif kind == "unused":
            self.release_unused(start)
        else:
            self.lost(start)

    def reserve(self, now: float, lease: float) -> tuple[float, Start | None]:
        """Reserve the next start, and return the time when it is due.

        While a probe is out there is no start, and the time is that to ask again. Processes are
        told different times, spaced like starts.
        """
        if self.probe_is_out and now < self.lease_until:
            self.ask_at = max(self.ask_at, now, self.lease_until - lease) + self.spacing
            return self.ask_at, None
        if self.holding:
            self.forget_probe()
        due = max(now, self.next_at, self.held_until)
        start = self.take(due)
        if start is not None and start.probe:
            self.lease_until = due + lease
        return due, start

    def answer(self, now: float, wait: float = 0.0, start: Start | None = None) -> Answer:
        """Return the state, with a reserved start or the seconds until it is worth asking."""
        return Answer(
            wait=_micro(wait),
            number=0 if start is None else start.number,
            probe=int(start is not None and start.probe),
            now=_micro(now),
            next=_micro(max(0.0, self.next_at - now)),
            held=_micro(max(0.0, self.held_until - now)),
            last=self._number,
            refusal_streak=self.refusal_streak,
            margin=_micro(self.margin),
            accepted=self.accepted_calls,
            refused=self.refused_calls,
            holds=self.holds,
            trip=_micro(self.round_trip or 0.0),
            deviation=_micro(self.deviation),
        )

    def _hold(self, now: float, seconds: float) -> None:
        super()._hold(now, seconds)
        if seconds > 0:
            self._mark = self._number


def rate_of(arguments: Sequence[int | str]) -> Rate:
    """Return the rate in the arguments of an evaluation."""
    return Rate(1, int(arguments[0]) / MILLION)


def lease_of(arguments: Sequence[int | str]) -> float:
    """Return the lease of a probe in the arguments of an evaluation, in seconds."""
    return int(arguments[1]) / MILLION


def evaluate(pace: SharedPace, arguments: Sequence[int | str], now: float) -> Answer:
    """Learn how the last starts fared, and reserve the next one if it is wanted.

    The arguments are those of `pace.lua`, without the time.
    """
    _, _, wanted, *news = arguments
    for place in range(0, len(news), 4):
        kind, number, at, value = news[place : place + 4]
        pace.learn(str(kind), int(number), int(at) / MILLION, int(value) / MILLION, now)
    if not int(wanted):
        return pace.answer(now)
    due, start = pace.reserve(now, lease_of(arguments))
    return pace.answer(now, due - now, start)


def _micro(seconds: float) -> int:
    return round(seconds * MILLION)
