"""How close the learnt pace comes to the best fixed spacing, on simulated wires."""

from __future__ import annotations

import heapq
import itertools
import math
import random
import statistics

import pytest

from cronapi import Rate
from cronapi.scheduler.pace import Pace


def simulate(calls, rate, mean, jitter, pace, *, burst=0, seed=1, warm_up=0):
    """Return the share of the rate used and the refusals per call, over a wire with jitter.

    The judge is a leaky bucket. `pace` is a Pace, or the fixed spacing in seconds. Refused calls go
    back to the head of the queue.
    """
    rng = random.Random(seed)
    queued, done, refused, now, next_start = calls, 0, 0, 0.0, 0.0
    arriving, answering = [], []
    last = excess = None
    warm_at = warm_refused = 0
    learning = isinstance(pace, Pace)
    while done < calls:
        due = max(now, now + pace.wait(now) if learning else next_start) if queued else float("inf")
        at = min(due, arriving[0][0] if arriving else due, answering[0][0] if answering else due)
        now = at
        if arriving and arriving[0][0] == at:
            _, number, start = heapq.heappop(arriving)
            level = 0.0 if last is None else max(0.0, excess - (at - last) * rate + 1.0)
            passed = level <= burst + 1e-9
            if passed:
                excess, last = level, at
            heapq.heappush(
                answering, (at + max(0.0, rng.gauss(mean, jitter)), number, start, passed)
            )
        elif answering and answering[0][0] == at:
            _, _, start, passed = heapq.heappop(answering)
            if learning:
                (pace.accepted if passed else pace.refused)(start, now)
            done, refused, queued = done + passed, refused + (not passed), queued + (not passed)
            if passed and done == warm_up:
                warm_at, warm_refused = now, refused
        else:
            start = pace.take(now) if learning else now
            if start is None:
                continue
            queued -= 1
            next_start = now if learning else now + pace
            heapq.heappush(arriving, (now + max(0.0, rng.gauss(mean, jitter)), rng.random(), start))
    counted = calls - (warm_up or 1)
    return counted / rate / (now - warm_at), (refused - warm_refused) / counted


WIRES = [
    (10, 0.0005, 0.0002, 0),
    (10, 0.04, 0.002, 0),
    (10, 0.04, 0.01, 0),
    (10, 0.04, 0.01, 5),
    (1, 0.0005, 0.0002, 0),
    (1, 0.04, 0.03, 0),
]


@pytest.mark.parametrize(("rate", "mean", "jitter", "burst"), WIRES)
def test_the_learnt_margin_comes_close_to_the_best_fixed_one(rate, mean, jitter, burst):
    """On every wire the pace reaches 0.9 of the best fixed spacing, with few refusals.

    At most one call in fifteen is refused.
    """
    fixed = [
        simulate(600, rate, mean, jitter, (1 + share) / rate, burst=burst)
        for share in (0, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
    ]
    best = max(used for used, refused in fixed if refused <= 0.06)
    runs = [
        simulate(170, rate, mean, jitter, Pace(Rate(rate)), burst=burst, seed=seed, warm_up=20)
        for seed in range(8)
    ]
    assert sum(used for used, _ in runs) / len(runs) >= 0.9 * best
    assert sum(refused for _, refused in runs) / len(runs) <= 1 / 15


@pytest.mark.parametrize("jitter", [0.0002, 0.002])
@pytest.mark.parametrize("factor", [1.05, 1.25, 2.0])
def test_a_limit_that_is_lower_than_believed_is_found(factor, jitter):
    """A client with too high a rate comes near the allowed one.

    It is refused once in ten calls at most.
    """
    mean = jitter * 2.5 if jitter < 0.001 else 0.04
    runs = [
        simulate(300, 10, mean, jitter, Pace(Rate(10 * factor)), seed=seed, warm_up=100)
        for seed in range(6)
    ]
    assert sum(used for used, _ in runs) / len(runs) >= 0.88
    assert sum(refused for _, refused in runs) / len(runs) <= 0.1


@pytest.mark.parametrize("way", [0.02, 1, 13])
def test_answers_that_come_late_do_not_make_the_margin_swing(way):
    """With hundreds of requests under way, rate and refusals stay about as they are nearby."""
    used, refused = simulate(4000, 10, way, 0.004, Pace(Rate(10)), warm_up=1500)
    assert used >= 0.82
    assert refused <= 0.03


STEP = 0.0005


def contested(rate, way, jitter, begin, seed):
    """Return when our requests were accepted beside another program.

    From `begin` on the other takes every second slot of the rate for 20 s. It is near the service
    and sends again 5 ms after each refusal.
    """
    rng, pace, interval = random.Random(seed), Pace(Rate(rate)), 1 / rate
    under_way, accepted, opened, due, again = [], [], 0.0, begin, begin
    for now in (number * STEP for number in range(int((begin + 20 + 30 * interval) / STEP))):
        if now < begin + 20 and now >= max(due, again):
            again = now + 0.005
            if now >= opened:
                due, opened = max(due, now - 2 * interval) + 2 * interval, now + interval
        while under_way and under_way[0][0] <= now:
            _, _, start, passed = heapq.heappop(under_way)
            if passed is not None:
                (pace.accepted if passed else pace.refused)(start, now)
                continue
            accepted += [now] * (now >= opened)
            heapq.heappush(
                under_way,
                (now + max(0.0, rng.gauss(way, jitter)), rng.random(), start, now >= opened),
            )
            opened = now + interval if now >= opened else opened
        start = pace.take(now)
        if start is not None:
            heapq.heappush(
                under_way, (now + max(0.0, rng.gauss(way, jitter)), rng.random(), start, None)
            )
    return accepted


@pytest.mark.each_value
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("rate", "way", "jitter"),
    [(10, 0.0006, 0.0002), (10, 0.015, 0.001), (1, 0.0006, 0.0002), (1, 0.04, 0.002)],
)
def test_another_program_that_takes_half_the_rate_leaves_no_trace(rate, way, jitter, seed):
    """A part of the rate stays ours, and the usual speed is back within ten intervals after."""
    begin, interval = 100 / rate, 1 / rate
    accepted = contested(rate, way, jitter, begin, seed)
    usual, after = (
        statistics.mean(
            later - earlier
            for earlier, later in itertools.pairwise(at for at in accepted if since <= at < until)
        )
        for since, until in ((begin - 40 * interval, begin), (begin + 20 + 10 * interval, math.inf))
    )
    assert sum(begin <= at < begin + 20 for at in accepted) >= 0.15 * 20 * rate
    assert after <= 1.05 * usual
