"""What a process knows of the pace that it shares with others through Redis; no clock and no waiting here either."""

from __future__ import annotations

from attrs import define, frozen

from cronapi.scheduler.pace import Pace, Start

MILLION = 1_000_000


@frozen
class Answer:
    """What one evaluation told; times are in microseconds, those that lie ahead from `now` on.

    `number` is that of the reserved start, or 0 where there is none: then `wait` says when to ask again.
    """

    wait: int
    number: int
    probe: int
    now: int
    next: int
    held: int
    last: int
    row: int
    margin: int
    accepted: int
    refused: int
    holds: int
    trip: int
    deviation: int


@define
class SharedStart(Start):
    """A start that Redis has counted; `origin` is where this clock's zero lies on Redis's clock, `due` when it was due here."""

    due: float
    origin: float

    @property
    def moment(self) -> int:
        """When it was taken or sent, on Redis's clock."""
        return round(self.origin + self.at * MILLION)


@define
class Fleet(Pace):
    """What this process knows of the fleet's pace, on its own clock."""

    _last: int = 0

    def count(self, now: float, last: int) -> None:
        """Learn that the fleet's last start so far has this number."""
        self._last = last
        self._tally.note(now, last)

    def rate_reached(self, now: float) -> float:
        """Return the starts of the fleet a second over the last minute, as far as this process was there to see."""
        return self._tally.rate(now, self._last, self.spacing)


def take_over(pace: Fleet, answer: Answer, now: float) -> None:
    """Bring a process's view up to date with what Redis answered."""
    pace.margin, pace.row = answer.margin / MILLION, answer.row
    pace.next_at, pace.held_until = now + answer.next / MILLION, now + answer.held / MILLION
    pace.refused_calls, pace.holds = answer.refused, answer.holds
    pace.round_trip = answer.trip / MILLION if answer.accepted else None
    pace.deviation = answer.deviation / MILLION
    pace.count(now, answer.last)
