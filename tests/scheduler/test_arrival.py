"""What the round trips tell about the way of a request, in simulated time and as arithmetic."""

from __future__ import annotations

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
def test_what_is_learnt_and_moved_stays_within_its_bounds(answers, margin, deviation):
    """Whatever answers come, a start is moved by at most its margin sooner or an interval later."""
    arrival = Arrival(Rate(10), margin=margin, deviation=deviation)
    for number, excess, refused in answers:
        arrival.teach(number, refused=refused)
        late = arrival.late_by(number, excess)
        assert -margin * 0.1 - 1e-9 <= late <= 0.1
        assert 0.0 <= arrival.outward <= MOST_OUTWARD
        assert abs(arrival._excess) <= MOST_EXCESS
