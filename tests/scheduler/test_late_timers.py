"""Timers fire late: where nothing is refused, that costs no rate. All in simulated time."""

from __future__ import annotations

import itertools
import statistics

import pytest
from attrs import evolve

from cronapi import Rate, Scheduler
from cronapi.scheduler import LocalBucket
from cronapi.scheduler.pace import Pace
from tests.support.simulated import Conditions, simulate

LEARNING = 20
BURSTS = {
    "10/s": Conditions(10, 5),
    "10/s, a burst of one": Conditions(10, 1),
    "10/s, jitter": Conditions(10, 5, 0.04, 0.01),
    "10/s, much jitter": Conditions(10, 5, 0.04, 0.03),
    "10/s, a busy machine": Conditions(10, 5, busy=True),
    "10/s, fixed windows": Conditions(10, method="fixed"),
    "100/s": Conditions(100, 5, calls=600),
    "100/s, a busy machine": Conditions(100, 20, busy=True, calls=1000),
}


def share(conditions, seed):
    """Return the share of the rate after the first calls."""
    run = simulate(conditions, seed)
    return run.rate(run.accepted[LEARNING - 1]) / conditions.rate


def test_the_whole_rate_is_used_where_bursts_are_allowed():
    """At least 0.995 of the rate is used, also on a busy machine and over a wire with jitter."""
    for name, conditions in BURSTS.items():
        assert statistics.mean(share(conditions, seed) for seed in range(6)) >= 0.995, name


def test_a_server_that_allows_bursts_is_known_after_twenty_calls():
    """The hundred calls after them use 0.998 of the rate."""
    for name in ("10/s", "10/s, a burst of one", "10/s, jitter", "100/s"):
        conditions = evolve(BURSTS[name], calls=LEARNING + 100)
        assert statistics.mean(share(conditions, seed) for seed in range(6)) >= 0.998, name


@pytest.mark.parametrize("busy", [False, True])
def test_a_high_rate_is_used(busy):
    """A thousand a second, a millisecond apart, reach 0.97 of the rate with timers as they are."""
    high = Conditions(1000, 20, method="leaky", calls=3000, seats=3000, busy=busy)
    assert share(high, 1) >= 0.97


@pytest.mark.parametrize(("rate", "burst"), [(1, 5), (10, 5), (100, 5), (1000, 20)])
def test_a_server_that_stops_allowing_bursts_costs_at_most_three_refusals(rate, burst):
    """The first refusal brings the whole spacing back, and the margin stays there for long."""
    begin = 250 / rate
    for seed in range(5):
        run = simulate(Conditions(rate, burst, calls=300, changes_at=begin), seed)
        assert run.rate(begin - 100 / rate, begin) >= 0.98 * rate
        assert run.refusals(begin) <= 3


def late_and_accepted(pace, count, late=0.002, now=0.0):
    """Let starts be late and accepted, and return their times."""
    starts = []
    for _ in range(count):
        now += pace.wait(now) + late
        start = pace.take(now)
        starts.append(now)
        pace.accepted(start, now + 0.001)
    return starts


def test_lateness_is_made_up_for_without_a_margin_after_long_calm():
    """The average is then the whole rate and never more, and no gap is shorter than by 10 ms."""
    pace = Pace(Rate(10))
    starts = late_and_accepted(pace, 300)
    assert starts[-1] - starts[-101] == pytest.approx(10.0)
    for late in (0.0, 0.05, 0.0, 0.0, 3.0, 0.0, 0.0):
        starts += late_and_accepted(pace, 1, late, starts[-1])
    assert min(b - a for a, b in itertools.pairwise(starts[299:])) >= 0.09 - 1e-9


def test_one_refusal_brings_the_whole_spacing_back():
    """After it no start comes closer than an interval, until nothing is refused for long."""
    pace = Pace(Rate(10))
    now = late_and_accepted(pace, 300)[-1]
    assert pace.closest < pace.interval
    now += pace.wait(now)
    pace.refused(pace.take(now), now + 0.001)
    starts = late_and_accepted(pace, 900, now=now + 0.001)
    assert min(b - a for a, b in itertools.pairwise(starts[1:])) >= 0.1 - 1e-9


async def test_the_stats_tell_a_margin_that_is_added():
    """A scheduler whose margin has gone below nothing says that it adds none."""
    bucket = LocalBucket(Rate(10))
    scheduler = Scheduler(10, bucket=bucket)
    bucket.read(lambda pace, now: late_and_accepted(pace, 300, now=now))
    assert bucket.read(lambda pace, _: pace.margin) < 0
    assert scheduler.stats.margin == 0.0
