"""The arithmetic of pacing, with time as an argument; and how close it comes to the best fixed spacing on simulated wires."""

from __future__ import annotations

import heapq
import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import Rate
from cronapi.scheduler.margin import narrowed
from cronapi.scheduler.pace import Pace
from cronapi.scheduler.tuning import (
    FIRST_MARGIN,
    FIRST_PATIENCE,
    GREATEST_MARGIN,
    LONGEST_HOLD,
    TRUST,
)

gaps = st.floats(0, 10, allow_nan=False)
events = st.lists(
    st.tuples(st.sampled_from(["accepted", "refused", "lost", "release_unused"]), gaps), max_size=60
)


def play(pace, moves):
    """Take every start that is due as time passes, end each as told, and return the times of those that were sent."""
    now, sent = 0.0, []
    for ending, gap in moves:
        now += gap
        start = pace.take(now)
        if start is None:
            continue
        now += gap / 7
        if ending == "release_unused":
            pace.release_unused(start)
            continue
        sent.append((start.at, ending))
        {"accepted": pace.accepted, "refused": pace.refused, "lost": lambda s, _: pace.lost(s)}[
            ending
        ](start, now)
    return sent


@given(moves=events, rate=st.floats(0.1, 100))
def test_starts_are_never_closer_than_the_interval(moves, rate):
    """Whatever happens, two requests are never sent within one interval, but for the one that follows a refusal."""
    sent = play(Pace(Rate(rate)), moves)
    close = [
        ending
        for (earlier, ending), (later, _) in itertools.pairwise(sent)
        if later - earlier < (1 / rate) * (1 - 1e-6) - 1e-8
    ]
    assert set(close) <= {"refused"}


def test_after_a_first_refusal_the_next_start_is_due_at_once():
    """The gate has opened while the refusal came back, so the slot is not lost."""
    pace = Pace(Rate(1))
    pace.accepted(taken(pace, 0.0), 0.04)
    pace.refused(taken(pace, 2.0), 2.04)
    assert pace.wait(2.04) == 0.0


def test_after_a_refusal_nothing_is_hurried_where_another_request_was_started_since():
    """A refusal that comes back late says nothing about the gate by then."""
    pace = Pace(Rate(100))
    refused, _ = taken(pace, 0.0), taken(pace, 1.0)
    before = pace.next_at
    pace.refused(refused, 1.001)
    assert pace.next_at == before


@given(moves=events)
def test_the_margin_stays_within_its_bounds(moves):
    """The margin is never negative and never more than a whole interval."""
    pace = Pace(Rate(10))
    play(pace, moves)
    assert 0 <= pace.margin <= GREATEST_MARGIN


@given(jitter=st.floats(0, 1e9), calm=st.integers(-200, 10**6), weight=st.floats(0, 1))
def test_a_margin_of_nothing_is_not_narrowed_further(jitter, calm, weight):
    """A success leaves a margin of nothing as it is, which is why the pace does not ask."""
    assert narrowed(0.0, jitter, calm, weight) == 0.0


@given(moves=events)
def test_a_start_is_due_when_the_wait_is_over(moves):
    """Whoever waits as long as told gets a start, unless a probe is out."""
    pace = Pace(Rate(1))
    play(pace, moves)
    now = 1e4
    assert pace.take(now + pace.wait(now)) is not None


@given(moves=events)
def test_the_end_of_a_hold_never_moves_forward(moves):
    """A hold is only ever lengthened: no answer shortens it."""
    pace, before, now = Pace(Rate(10)), float("-inf"), 0.0
    for ending, gap in moves:
        now += gap
        start = pace.take(now)
        if start is not None:
            getattr(pace, ending)(
                *((start,) if ending in ("lost", "release_unused") else (start, now))
            )
        assert pace.held_until >= before
        before = pace.held_until


def taken(pace, now):
    start = pace.take(now)
    assert start is not None
    return start


def test_refusals_in_a_row_hold_for_two_intervals_and_each_further_one_twice_as_long():
    """The first costs its slot, the one that was hurried counts with it, the next hold up to 2, 4, 8 and no more intervals."""
    pace, now, lengths = Pace(Rate(10)), 0.0, []
    for _ in range(7):
        start = taken(pace, now)
        pace.refused(start, now)
        lengths.append((pace.held_until - now) / 0.1 if pace.holding else 0)
        now += pace.wait(now)
    assert [math.ceil(length) for length in lengths] == [0, 0, 2, 4, 8, 8, 8]
    assert LONGEST_HOLD == 8
    assert pace.holds == 1


def test_an_isolated_refusal_widens_the_margin_and_does_not_hold():
    """One refusal between two successes is the network's jitter, not an outage."""
    pace = Pace(Rate(10))
    pace.refused(taken(pace, 0.0), 0.05)
    assert pace.margin > FIRST_MARGIN
    assert not pace.holding
    pace.accepted(taken(pace, 1.0), 1.05)
    pace.refused(taken(pace, 2.0), 2.05)
    assert not pace.holding


def test_a_refusal_of_a_call_sent_before_the_hold_does_not_extend_it():
    """Ten calls in flight that are all refused make one hold of two intervals."""
    pace = Pace(Rate(10))
    starts = [taken(pace, second) for second in range(10)]
    for start in starts:
        pace.refused(start, 10.0)
    assert 10.1 < pace.held_until <= 10.2


def test_an_answer_to_a_call_sent_before_the_hold_does_not_end_it():
    """Only a probe that was sent since the hold began can end it."""
    pace = Pace(Rate(10))
    early, *refused = [taken(pace, second) for second in range(3)]
    for start in refused:
        pace.refused(start, 3.0)
    pace.accepted(early, 3.1)
    assert pace.holding
    pace.accepted(taken(pace, 3.3), 3.4)
    assert not pace.holding


def test_a_probe_without_an_answer_makes_way_for_the_next():
    """A probe that is lost neither ends the hold nor blocks it."""
    pace = Pace(Rate(10))
    for now in (0.0, 1.0, 2.0):
        pace.refused(taken(pace, now), now)
    probe = taken(pace, 3.0)
    assert pace.take(3.5) is None
    pace.lost(probe)
    assert pace.take(3.5) is not None


def test_retry_after_is_honoured_and_bounded():
    """A service that names a time holds everybody for it, for two minutes at most."""
    pace = Pace(Rate(10))
    pace.refused(taken(pace, 0.0), 0.0, retry_after=7.0)
    assert pace.wait(0.0) == pytest.approx(7.0)
    pace.refused(taken(pace, 8.0), 8.0, retry_after=86400.0)
    assert pace.wait(8.0) == pytest.approx(120.0)


def test_the_rate_reached_counts_the_last_minute():
    """Starts older than a minute are forgotten."""
    pace = Pace(Rate(1))
    for second in range(0, 200, 2):
        taken(pace, float(second))
    assert pace.rate_reached(200.0) == pytest.approx(0.5, rel=0.05)
    assert pace.rate_reached(1000.0) == 0.0


def simulate(calls, rate, mean, jitter, pace, *, burst=0, seed=1, warm_up=0):
    """Return the share of the rate used and the refusals per call, behind a leaky bucket and a wire with jitter.

    `pace` is a Pace, or a number: the fixed spacing in seconds. Refused calls go back to the head of the queue.
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
    """On every simulated wire the learning pace reaches 0.9 of the best fixed spacing, and at most one call in fifteen is refused."""
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
    """A client that was told too high a rate comes near the allowed one, and is refused once in ten calls at most."""
    mean = jitter * 2.5 if jitter < 0.001 else 0.04
    runs = [
        simulate(300, 10, mean, jitter, Pace(Rate(10 * factor)), seed=seed, warm_up=100)
        for seed in range(6)
    ]
    assert sum(used for used, _ in runs) / len(runs) >= 0.88
    assert sum(refused for _, refused in runs) / len(runs) <= 0.1


@pytest.mark.parametrize("way", [0.02, 1, 13])
def test_answers_that_come_late_do_not_make_the_margin_swing(way):
    """Where hundreds of requests are under way at once, the rate that is used and the refusals stay about what they are nearby."""
    used, refused = simulate(4000, 10, way, 0.004, Pace(Rate(10)), warm_up=1500)
    assert used >= 0.82
    assert refused <= 0.03


STEP = 0.0005


def contested(rate, way, jitter, begin, seed):
    """Return when our requests were accepted while another program takes every second of the rate's slots from `begin` on, for 20 s.

    The other is near the service and sends again 5 ms after each refusal.
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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("rate", "way", "jitter"),
    [(10, 0.0006, 0.0002), (10, 0.015, 0.001), (1, 0.0006, 0.0002), (1, 0.04, 0.002)],
)
def test_another_program_that_takes_half_the_rate_leaves_no_trace(rate, way, jitter, seed):
    """While it insists on its half a part of the rate is ours, and within ten intervals after it the speed is the usual one again."""
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


def proven(rate=10):
    """Return a pace whose margin many successes have proven, and when the last of them came."""
    pace, now = Pace(Rate(rate)), 0.0
    for _ in range(60):
        now += pace.wait(now)
        pace.accepted(taken(pace, now), now + 0.001)
    return pace, now + 0.001


def refused_twice_then_accepted(pace, now):
    """Let a request and its repeat at once be refused and the next be accepted, and return when that came."""
    for learn in (pace.refused, pace.refused, pace.accepted):
        now += pace.wait(now)
        learn(taken(pace, now), now + 0.001)
        now += 0.001
    return now


def test_a_proven_margin_is_not_widened_by_somebody_elses_requests():
    """Where the repeat at once is refused as well, another program has taken the slot: a wider margin would not have helped."""
    pace, now = proven()
    before = pace.margin
    for _ in range(10):
        now = refused_twice_then_accepted(pace, now)
    assert pace.margin < before + FIRST_MARGIN / 10


def test_a_proven_margin_is_widened_where_it_was_too_narrow():
    """Where the repeat at once is accepted, the request was only a little too early: the margin is widened."""
    pace, now = proven()
    before = pace.margin
    for learn in (pace.refused, pace.accepted):
        now += pace.wait(now)
        learn(taken(pace, now), now + 0.001)
    assert pace.margin > before


def test_a_limit_that_was_lowered_is_learnt_when_the_trust_is_over():
    """What goes on for longer than half a minute is no passing program: the margin widens to what the service allows now."""
    pace, now = proven()
    before, since = pace.margin, now
    while now < since + TRUST + 5:
        now = refused_twice_then_accepted(pace, now)
    assert pace.margin > before + 0.1


def test_holds_do_not_fall_in_step_with_another_program():
    """Another program sends every other interval, and every probe that meets it is refused: the holds still find a gap."""
    pace, now, tried = Pace(Rate(10)), 0.0, []
    for _ in range(12):
        now += pace.wait(now)
        start = taken(pace, now)
        tried.append(now % 0.2)
        pace.refused(start, now + 0.001)
        now += 0.001
    phases = sorted(tried[3:])
    assert (
        max(later - earlier for earlier, later in itertools.pairwise([*phases, phases[0] + 0.2]))
        < 0.1
    )


def test_a_start_that_was_late_is_made_up_for():
    """A timer that fires a millisecond late each time costs no rate, as long as the margin covers it."""
    pace, now, starts = Pace(Rate(10)), 0.0, []
    for _ in range(100):
        now += pace.wait(now) + 0.001
        start = taken(pace, now)
        starts.append(now)
        pace.accepted(start, now + 0.001)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert min(gaps) >= 0.1 - 1e-9
    assert max(gaps[1:5]) <= 0.1 * (1 + FIRST_MARGIN)


def test_what_taught_patience_is_forgotten_in_the_end():
    """After a long time without a refusal the margin is eased as soon as it ever was."""
    pace, now = Pace(Rate(10)), 0.0
    for kind in (["refused"] + ["accepted"] * 200) * 6 + ["accepted"] * 3000:
        now += max(0.1, pace.wait(now))
        start = taken(pace, now)
        (pace.accepted if kind == "accepted" else pace.refused)(start, now + 0.001)
    assert pace.patience == FIRST_PATIENCE


def test_a_start_given_back_does_not_undo_what_another_request_has_delayed():
    """Of two starts the first went out late and the second is given back: the next keeps its distance from the first."""
    pace = Pace(Rate(1))
    first = taken(pace, 0.0)
    second = taken(pace, 1.05)
    pace.sent(first, 1.2)
    pace.release_unused(second)
    assert pace.wait(1.25) >= 0.9


def test_the_rate_reached_does_not_count_what_was_given_back():
    """Of two starts a second every other is given back: one a second was reached."""
    pace = Pace(Rate(10))
    for tick in range(120):
        start = taken(pace, tick / 2)
        if tick % 2:
            pace.release_unused(start)
    assert pace.rate_reached(60.0) == pytest.approx(1.0, rel=0.05)


def test_a_start_given_back_long_after_is_harmless():
    """Giving back after more than a minute changes nothing and fails nothing."""
    pace = Pace(Rate(1))
    start = taken(pace, 0.0)
    assert pace.rate_reached(100.0) == 0.0
    pace.release_unused(start)
    assert pace.wait(100.0) == 0.0


@pytest.mark.parametrize("case", ["eager", "stale"])
def test_retry_after_counts_whichever_refusal_brings_it(case):
    """The time that a service asks for is kept also on a refusal that says nothing else."""
    pace = Pace(Rate(10))
    if case == "eager":
        pace.refused(taken(pace, 0.0), 0.01)
        pace.refused(taken(pace, 0.01), 0.02, retry_after=60.0)
    else:
        starts = [taken(pace, float(second)) for second in range(3)]
        pace.refused(starts[1], 3.0)
        pace.refused(starts[2], 3.0)
        pace.refused(starts[0], 3.0, retry_after=60.0)
    assert pace.wait(3.0) >= 50.0


def test_a_retry_after_of_zero_does_not_switch_the_hold_off():
    """A service that asks for no wait is still not hammered."""
    pace, now = Pace(Rate(10)), 0.0
    for _ in range(4):
        pace.refused(taken(pace, now), now, retry_after=0.0)
        now += pace.wait(now)
    assert pace.holding
    assert pace.held_until - now >= 0.0
    assert pace.holds == 1
