"""What the round trips tell about the way of a request, in simulated time and as arithmetic."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import Rate
from cronapi.scheduler.arrival import Arrival
from cronapi.scheduler.pace import Pace
from cronapi.scheduler.tuning import MOST_EXCESS, MOST_OUTWARD
from tests.support.simulated import Conditions, simulate

LEARNING = 20


def used(conditions):
    """Return the share of the rate and the refusals per call after the first calls, the means."""
    runs = [simulate(conditions, seed) for seed in range(10)]
    since = [run.accepted[LEARNING - 1] for run in runs]
    shares = [run.rate(at) / conditions.rate for run, at in zip(runs, since, strict=True)]
    refused = sum(run.refusals(at) for run, at in zip(runs, since, strict=True))
    return statistics.mean(shares), refused / len(runs) / (conditions.calls - LEARNING)


@pytest.mark.parametrize(("jitter", "least"), [(0.002, 0.93), (0.01, 0.77), (0.03, 0.56)])
def test_a_request_that_was_late_lets_the_next_one_wait(jitter, least):
    """Over a wire with jitter more of the rate is used than by any fixed spacing like it.

    A fixed one that is refused as seldom has 0.92, 0.77 and 0.54.
    """
    share, refused = used(Conditions(10, 0, 0.04, jitter, calls=420))
    assert share >= least
    assert refused <= 0.035


@pytest.mark.parametrize(
    ("rate", "way", "jitter", "work", "least"),
    [
        (10, 0.0005, 0.0001, 0.05, 0.97),
        (10, 0.04, 0.002, 0.05, 0.9),
        (10, 0.04, 0.002, 0.2, 0.87),
        (1, 0.0005, 0.0001, 0.3, 0.97),
        (1, 0.04, 0.01, 0.3, 0.93),
    ],
)
def test_a_service_that_works_long_on_some_requests_costs_little_of_the_rate(
    rate, way, jitter, work, least
):
    """What it does after it has counted a request makes round trips uneven, and not arrivals."""
    share, refused = used(Conditions(rate, 0, way, jitter, work=work, calls=220))
    assert share >= least
    assert refused <= 0.05


def answered(pace, now, seconds, *, refused=False):
    """Send the next request, and return when it was answered."""
    now += pace.wait(now)
    start = pace.take(now)
    pace.sent(start, now)
    now += seconds
    (pace.refused if refused else pace.accepted)(start, now)
    return now


def taught(trips):
    """Return a pace of ten a second after round trips in turns, the third refused after each."""
    pace, now = Pace(Rate(10)), 0.0
    for _ in range(12):
        for seconds in trips:
            now = answered(pace, now, seconds)
        now = answered(pace, now, 0.04, refused=True)
    return pace, now


def test_refusals_after_long_round_trips_teach_that_the_way_there_was_long():
    """Refusals after short ones teach that it was not."""
    assert taught((0.02, 0.06))[0].outward > 0.2
    assert taught((0.06, 0.02))[0].outward == 0.0


def test_the_next_start_is_moved_by_a_share_of_what_a_round_trip_took_beyond_the_usual():
    """It comes later after a long one, and sooner after a short one, but never within the rate."""
    gaps = []
    for seconds in (0.01, 0.04, 0.09):
        pace, now = taught((0.02, 0.06))
        now = answered(pace, now, 0.04)
        sent = now + pace.wait(now)
        now = answered(pace, now, seconds)
        gaps.append(now + pace.wait(now) - sent)
    assert gaps == sorted(set(gaps))
    assert gaps[0] >= 0.1 - 1e-9


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-1e3, 1e3), st.booleans()), max_size=50),
    st.floats(0, 3),
    st.floats(0, 1e3),
)
def test_what_is_learnt_and_moved_stays_within_its_bounds(answers, room, deviation):
    """Whatever answers come, a start is moved by at most the room sooner or an interval later."""
    arrival = Arrival(Rate(10), deviation=deviation)
    for number, excess, refused in answers:
        arrival.teach(number, refused=refused)
        late = arrival.late_by(number, excess, room)
        assert -room <= late <= 0.1
        assert 0.0 <= arrival.outward <= MOST_OUTWARD
        assert abs(arrival._excess) <= MOST_EXCESS


def test_round_trips_that_differ_by_what_a_clock_rounds_teach_nothing():
    """They are all as long as usual, so a refusal says nothing about the way there."""
    arrival = Arrival(Rate(10), deviation=1e-10)
    arrival.late_by(0, 1e-10, 0.005)
    arrival.teach(1, refused=True)
    assert arrival.outward == 0.0


class Hurried:
    """Calls under way together, with late timers and connections, and with any answers."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.pace = Pace(Rate(self.rng.choice([0.1, 1, 10, 100, 1000])), margin=0.1)
        self.seats, self.trip = self.rng.choice([1, 2, 5]), self.rng.choice([0.1, 0.4, 2])
        self.now, self.last_accepted, self.flying = 1000.0, float("-inf"), []

    def send(self):
        """Send the next request, and return how long after one that is accepted, in seconds."""
        self.now += self.pace.wait(self.now) + self.rng.uniform(0, 0.01)
        start = self.pace.take(self.now)
        if start is None or self.rng.random() < 0.03:
            return start and self.pace.release_unused(start)
        self.pace.sent(start, self.now + self.rng.uniform(0, 0.003))
        gap = start.at - self.last_accepted
        kind = self.rng.choices(["accepted", "refused", "lost"], [20, 3, 1])[0]
        self.last_accepted = start.at if kind == "accepted" else self.last_accepted
        trip = self.rng.uniform(0.5, 1.5) * self.trip * self.pace.interval
        self.flying.append((start.at + trip, kind, start))
        return gap

    def answer(self):
        """Let requests be answered until a seat is free, or more."""
        while len(self.flying) >= self.seats or (self.flying and self.rng.random() < 0.4):
            at, kind, start = self.flying.pop(0)
            self.now = max(self.now, at)
            getattr(self.pace, kind)(start, *[self.now] * (kind != "lost"))


@pytest.mark.parametrize("seed", range(20))
def test_no_request_follows_an_accepted_one_within_the_interval(seed):
    """That holds however much of an excess is believed to be on the way there."""
    calls = Hurried(seed)
    for _ in range(100):
        calls.pace.outward = MOST_OUTWARD
        calls.answer()
        margin = calls.pace.margin
        gap = calls.send()
        assert gap is None or margin < 0 or gap >= calls.pace.interval - 1e-9
