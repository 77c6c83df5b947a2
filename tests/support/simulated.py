"""One client in simulated time: the library's `Pace`, late timers, a wire with jitter and a judge.

Nothing here waits or reads a clock, so a run is decided by its conditions and its seed. The client
always has a call waiting. Its line is the library's: seats, one timer for the next start, and the
time that a request takes until it is ready. The judge is one of the emulator's ways of counting.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable
from typing import Any

from attrs import Factory, define, frozen

from cronapi import Rate
from cronapi.emulator.limiter import METERS
from cronapi.scheduler.pace import Pace

READY = (0.0002, 0.0006)
"""Seconds from a grant until its request can go out: the least and the most."""
INSISTING = 0.005
"""Seconds after which another program tries again where it is refused."""


@frozen
class Conditions:
    """The conditions of a run. Times are in seconds.

    `way` and `jitter` are the mean and the deviation of the time that each direction takes. `work`
    is the mean of what the service takes after it has counted a request. On a busy machine every
    seventh timer is milliseconds late. From `changes_at` on, a judge of `later_rate` and
    `later_burst` takes the place of the first. From `shared[0]` to `shared[1]` another program near
    the judge takes every second start of the rate.
    """

    rate: float
    burst: int = 0
    way: float = 0.0005
    jitter: float = 0.0001
    method: str = "nginx"
    calls: int = 220
    busy: bool = False
    work: float = 0.0
    seats: int = 10
    changes_at: float = math.inf
    later_rate: float = 0.0
    later_burst: int = 0
    shared: tuple[float, float] | None = None


@define
class Run:
    """The times of answers: those of calls that were let through, and of refusals."""

    accepted: list[float] = Factory(list)
    refused: list[float] = Factory(list)

    def rate(self, since: float, until: float = math.inf) -> float:
        """Return the calls a second that were let through in a span."""
        until = min(until, self.accepted[-1])
        return sum(since < at <= until for at in self.accepted) / (until - since)

    def refusals(self, since: float, until: float = math.inf) -> int:
        """Return the number of refusals in a span."""
        return sum(since < at <= until for at in self.refused)


class Simulation:
    """A run, one event after the other in the order of their times."""

    def __init__(self, conditions: Conditions, seed: int) -> None:
        self.conditions = conditions
        self.run = Run()
        self.now = 0.0
        self._rng = random.Random(seed)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._pace = Pace(Rate(conditions.rate))
        self._judge = METERS[conditions.method](conditions.rate, conditions.burst)
        self._waiting, self._in_flight, self._timer = conditions.calls, 0, 0

    def play(self) -> Run:
        """Let every call be answered, and return what happened."""
        one = self.conditions
        if one.changes_at < math.inf:
            self._at(one.changes_at, self._change)
        if one.shared is not None:
            self._at(one.shared[0], self._other, one.shared[0])
        self._grant()
        while len(self.run.accepted) < one.calls:
            self.now, _, happens, arguments = heapq.heappop(self._events)
            happens(*arguments)
        return self.run

    def _at(self, when: float, happens: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (when, next(self._order), happens, arguments))

    def _late(self) -> float:
        """Return how late a timer fires: a quarter of a millisecond, and more if all are busy."""
        if self.conditions.busy and self._rng.random() < 0.15:
            return self._rng.uniform(0.0005, 0.005)
        return self._rng.uniform(0.0001, 0.0011 if self._rng.random() < 0.3 else 0.0004)

    def _way(self) -> float:
        return max(0.00001, self._rng.gauss(self.conditions.way, self.conditions.jitter))

    def _grant(self) -> None:
        """Grant what is due, and set the one timer for what is not."""
        while self._waiting and self._in_flight < self.conditions.seats:
            start = self._pace.take(self.now)
            if start is None:
                self._timer += 1
                wait = self._pace.wait(self.now)
                self._at(self.now + wait + self._late(), self._wake, self._timer)
                return
            self._waiting -= 1
            self._in_flight += 1
            self._at(self.now + self._rng.uniform(*READY), self._ready, start)

    def _wake(self, timer: int) -> None:
        if timer == self._timer:
            self._grant()

    def _ready(self, start: Any) -> None:
        delay = self._pace.sent(start, self.now)
        late = self._late() if delay > 0 else 0.0
        self._at(self.now + delay + late + self._way(), self._arrive, start)

    def _arrive(self, start: Any) -> None:
        work = self._rng.expovariate(1 / self.conditions.work) if self.conditions.work else 0.0
        self._at(self.now + self._way() + work, self._answer, start, self._judge.admit(self.now))

    def _answer(self, start: Any, passed: bool) -> None:
        self._in_flight -= 1
        self._waiting += not passed
        (self.run.accepted if passed else self.run.refused).append(self.now)
        (self._pace.accepted if passed else self._pace.refused)(start, self.now)
        self._grant()

    def _change(self) -> None:
        one = self.conditions
        self._judge = METERS[one.method](one.later_rate or one.rate, one.later_burst)

    def _other(self, due: float) -> None:
        _, end = self.conditions.shared
        gap = 2 / self.conditions.rate
        if self.now >= end:
            return
        if self._judge.admit(self.now):
            due = max(due, self.now - gap) + gap
        self._at(max(due, self.now + INSISTING), self._other, due)


def simulate(conditions: Conditions, seed: int) -> Run:
    """Return what happened in one run."""
    return Simulation(conditions, seed).play()
