"""One process's share in the pace that a fleet keeps in Redis or in a file.

House rule: no clock and no waiting here either. `now` is an argument, in seconds of this
process's clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from attrs import Factory, define, frozen

from cronapi.errors.concerns import setting_error
from cronapi.scheduler.pace import Pace, Start, asked_wait
from cronapi.scheduler.tuning import RESOLUTION

MILLION = 1_000_000
LEASE_INTERVALS, LEASE_SECONDS = 10, 2.0
"""A probe without news for the sum of both has crashed with its process, and another may go."""
FRESH_INTERVALS, FRESH_SECONDS = 0.5, 0.05
"""A reserved start that is late by more than both lapses, or it would meet another's start."""
UNTOLD_LATENESS = 0.02
"""Seconds. A request that goes out later than that, or by half the margin, is told at once."""
LEAST_INTERVAL = 0.2
"""Seconds. At a faster rate nobody looks: to tell each delay costs more than a refusal.

Four processes at 10/s on a busy machine reached 0.89 of the rate and 4 % refusals with and without.
"""
LONGEST_INTERVAL = 1e8
"""Seconds. Some hundred of such intervals are still whole microseconds in a Lua number."""
MOST_NEWS = 1000
"""Older outcomes are dropped: a refusal less is harmless."""

FEW_NEWS = 6
"""Messages of three calls. A process that has told more may keep its last success for itself."""

Evaluate = Callable[[Sequence[int | str]], Sequence[int]]
"""Takes the arguments of an evaluation, and returns its answer.

`pace.lua` describes the arguments, without the first one, the time. Raises OSError if the shared
pace cannot be asked.
"""


@runtime_checkable
class Looking(Protocol):
    """An `Evaluate` that can also tell when the last request went out, at less cost."""

    def __call__(self, arguments: Sequence[int | str], /) -> Sequence[int]:
        """Evaluate the pace."""
        ...

    def last_sent(self) -> float:
        """Return the time, in microseconds of the fleet's clock. Zero if it is unknown.

        It may be called in several threads at once, and during an evaluation.
        """
        ...


@frozen
class Answer:
    """The answer of one evaluation.

    Times are in microseconds; `wait`, `next` and `held` are counted from `now` on. `number` is
    that of the reserved start. It is 0 if none was reserved, and then `wait` says when to ask
    again.
    """

    wait: int
    number: int
    probe: int
    now: int
    next: int
    held: int
    last: int
    refusal_streak: int
    margin: int
    accepted: int
    refused: int
    holds: int
    trip: int
    deviation: int

    @property
    def hold(self) -> float:
        """The seconds until a hold ends."""
        return self.held / MILLION


@define
class SharedStart(Start):
    """A start that the shared pace has counted.

    `due` is when it was due on this process's clock. `origin` is where the zero of this clock
    lies on the fleet's clock, in microseconds.
    """

    due: float
    origin: float

    @property
    def fleet_time(self) -> int:
        """The time when it was taken or sent, in microseconds of the fleet's clock."""
        return round(self.origin + self.at * MILLION)


Look = Callable[[SharedStart, float], float]
"""Takes a start, and the seconds that a time may be ahead.

Returns the time of the last request of all processes, on this process's clock. It is minus infinity
if it is unknown or farther ahead.
"""


@define
class FleetPace(Pace):
    """The fleet's pace as of this process's last evaluation, on its own clock.

    Raises ConfigurationError for a rate that no script could count in microseconds: less than one
    start in three years.
    """

    _last: int = 0

    @property
    def lateness(self) -> float:
        """The seconds that a request may be late by without a word to other processes."""
        return max(UNTOLD_LATENESS, self.margin * self.interval / 2)

    @property
    def is_slow(self) -> bool:
        """True if processes look for the last request before they send."""
        return self.interval >= LEAST_INTERVAL

    def keep_from(self, at: float) -> None:
        """Let the next request keep its distance from the last one of another process."""
        nearest = at + self.interval * (1.0 + self.margin / 2)
        self._last_sent = max(self._last_sent, nearest - self.closest)

    def __attrs_post_init__(self) -> None:
        if self.interval > LONGEST_INTERVAL:
            raise setting_error(f"A shared bucket cannot be as slow as {self.rate}.")

    def update(self, answer: Answer, now: float) -> None:
        """Bring this view up to date with an answer."""
        self.margin: float = answer.margin / MILLION
        self.refusal_streak: int = answer.refusal_streak
        self.next_at: float = now + answer.next / MILLION
        self.held_until: float = now + answer.hold
        self.refused_calls: int = answer.refused
        self.holds: int = answer.holds
        self.round_trip: float | None = answer.trip / MILLION if answer.accepted else None
        self.deviation: float = answer.deviation / MILLION
        self._last = answer.last
        if now >= self._tally.next_at:
            self._tally.note(now, answer.last)

    def rate_reached(self, now: float) -> float:
        """Return the fleet's starts a second over the last minute, as far as this process knows."""
        return self._tally.rate(now, self._last, self.spacing)


@define
class Member:
    """The start that one process has reserved, and the outcomes that the fleet has yet to learn.

    `ask_at` is the earliest time to ask for a start. `urgent` is set while the others should not
    learn an outcome late.
    """

    pace: FleetPace
    reserved: SharedStart | None = None
    ask_at: float = -math.inf
    urgent: bool = False
    _told: int = 0
    _news: deque[tuple[str, SharedStart, int]] = Factory(lambda: deque(maxlen=MOST_NEWS))

    def needs_start(self, now: float) -> bool:
        """Return True if no start is reserved and it is time to ask for one."""
        return self.reserved is None and self.ask_at - now <= RESOLUTION

    def take(self, now: float) -> SharedStart | None:
        """Take the reserved start if it is due. One that is overdue for too long lapses."""
        start = self.reserved
        if start is None or start.due - now > RESOLUTION:
            return None
        self.reserved = None
        if now - start.due > max(FRESH_INTERVALS * self.pace.interval, FRESH_SECONDS):
            self.note("unused", start)
            return None
        start.at = now
        return start

    def wait(self, now: float) -> float:
        """Return the seconds until the reserved start is due, or until it is worth asking."""
        due = self.ask_at if self.reserved is None else self.reserved.due
        return max(0.0, due - now)

    def sent(self, start: SharedStart, now: float) -> float:
        """Learn that the request is ready, and return the seconds it still has to wait."""
        delay = self.pace.sent(start, now)
        self.note("sent", start, round(self.pace.lead * MILLION))
        if self.reserved is not None:
            earliest = start.at + self.pace.closest - self.pace.lead
            self.reserved.due = max(self.reserved.due, earliest)
        return delay

    def tell_if_late(self, start: SharedStart) -> bool:
        """Return True if the next request of another process would come too close to this one.

        Then the others have to learn of it at once.
        """
        late = start.at - start.due > self.pace.lateness
        self.urgent = self.urgent or late
        return late

    def accepted(self, start: SharedStart, now: float) -> None:
        """Learn that the request was let through."""
        self.note("accepted", start, round((now - start.at) * MILLION))
        self.urgent = self.urgent or self.pace.refusal_streak > 0

    def refused(self, start: SharedStart, retry_after: float | None) -> None:
        """Learn that the rate limit refused the request."""
        self.pace.forget_sent(start)
        self.note("refused", start, round(asked_wait(retry_after) * MILLION))
        self.urgent = True

    def note(self, kind: str, start: SharedStart, value: int = 0) -> None:
        """Keep an outcome for the next evaluation."""
        self._news.append((kind, start, value))
        self.urgent = self.urgent or (start.probe and kind != "sent")

    def finish(self) -> None:
        """Give back the reserved start, and make outcomes urgent that may be the only ones."""
        start, self.reserved = self.reserved, None
        if start is not None:
            self.note("unused", start)
        if start is not None or self._told < FEW_NEWS:
            self.urgent = bool(self._news)

    def arguments(self, *, wanted: bool) -> list[int | str]:
        """Return the arguments of an evaluation, and forget the outcomes that travel with it."""
        interval = math.ceil(self.pace.interval * MILLION)
        lease = round(LEASE_INTERVALS * interval + LEASE_SECONDS * MILLION)
        arguments: list[int | str] = [interval, lease, int(wanted)]
        for kind, start, value in self._news:
            arguments += [kind, start.number, start.fleet_time, value]
        self._told += len(self._news)
        self._news.clear()
        self.urgent = False
        return arguments

    def learn(self, answer: Answer, now: float) -> None:
        """Learn an answer, and keep the start that it reserved."""
        self.pace.update(answer, now)
        wait = answer.wait / MILLION
        if answer.number:
            origin = answer.now - now * MILLION
            due = now + wait
            self.reserved = SharedStart(due, answer.number, bool(answer.probe), due, origin)
        elif answer.wait:
            self.ask_at = now + wait
        if self.pace.holding and self.reserved is not None and not self.reserved.probe:
            self.reserved = None  # it was reserved before the hold began, and would disregard it
