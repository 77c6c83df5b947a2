"""The arithmetic of pacing, with time as an argument."""

from __future__ import annotations

import itertools
import math

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
    LONGEST_TRUST,
    TRUST,
)

gaps = st.floats(0, 10, allow_nan=False)
events = st.lists(
    st.tuples(st.sampled_from(["accepted", "refused", "lost", "release_unused"]), gaps), max_size=60
)


def play(pace, moves):
    """Take every due start as time passes, end each as told, and return the times of sending."""
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
    """Only a request that follows a refusal is ever sent within one interval of another."""
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
    """Before a long calm the margin is never negative, and it is three intervals at most."""
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


def test_refusals_in_a_row_hold_for_an_interval_and_each_further_one_twice_as_long():
    """The first costs its slot, the hurried one counts with it, and then the holds double.

    They last up to 1, 2, 4 and 8 intervals, and never longer.
    """
    pace, now, lengths = Pace(Rate(10)), 0.0, []
    for _ in range(7):
        start = taken(pace, now)
        pace.refused(start, now)
        lengths.append((pace.held_until - now) / 0.1 if pace.holding else 0)
        now += pace.wait(now)
    assert [math.ceil(length) for length in lengths] == [0, 0, 1, 2, 4, 8, 8]
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
    """Ten calls in flight that are all refused make one hold of an interval."""
    pace = Pace(Rate(10))
    starts = [taken(pace, second) for second in range(10)]
    for start in starts:
        pace.refused(start, 10.0)
    assert 10.0 < pace.held_until <= 10.1


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


def proven(rate=10):
    """Return a pace whose margin many successes have proven, and when the last of them came."""
    pace, now = Pace(Rate(rate)), 0.0
    for _ in range(60):
        now += pace.wait(now)
        pace.accepted(taken(pace, now), now + 0.001)
    return pace, now + 0.001


def refused_twice_then_accepted(pace, now):
    """Let a request and its repeat be refused and the next be accepted, and return its time."""
    for learn in (pace.refused, pace.refused, pace.accepted):
        now += pace.wait(now)
        learn(taken(pace, now), now + 0.001)
        now += 0.001
    return now


def test_a_proven_margin_is_not_widened_by_somebody_elses_requests():
    """A repeat that is refused as well means another program: a wider margin would not help."""
    pace, now = proven()
    before = pace.spacing
    for _ in range(10):
        now = refused_twice_then_accepted(pace, now)
    assert pace.spacing < before + FIRST_MARGIN / 10 * pace.interval


def test_a_proven_margin_is_widened_where_it_was_too_narrow():
    """A repeat that is accepted means that the request was a little too early: widen."""
    pace, now = proven()
    before = pace.margin
    for learn in (pace.refused, pace.accepted):
        now += pace.wait(now)
        learn(taken(pace, now), now + 0.001)
    assert pace.margin > before


@pytest.mark.parametrize(("rate", "trust"), [(10, TRUST), (0.2, LONGEST_TRUST)])
def test_a_limit_that_was_lowered_is_learnt_when_the_trust_is_over(rate, trust):
    """Refusals for more than half a minute are no passing program: the margin widens.

    At a slow rate it takes five minutes to tell.
    """
    pace, now = proven(rate)
    before, since = pace.margin, now
    while now < since + trust + 50 / rate:
        now = refused_twice_then_accepted(pace, now)
    assert pace.margin > before + 0.1


def test_after_a_repeat_in_vain_no_refused_request_is_repeated_at_once_for_twenty_starts():
    """Another program is using the rate, so a repeat would only be one more refusal."""
    pace, now = proven()
    now = refused_twice_then_accepted(pace, now)
    waits = []
    for _ in range(13):
        for learn in (pace.refused, pace.accepted):
            now += pace.wait(now)
            learn(taken(pace, now), now + 0.001)
            now += 0.001
            waits.append(pace.wait(now) / pace.interval)
    repeats = [wait < 0.5 for wait in waits[::2]]
    assert repeats == [False] * repeats.count(False) + [True] * repeats.count(True)
    assert 9 <= repeats.count(False) <= 10


def test_holds_do_not_fall_in_step_with_another_program():
    """The holds find a gap beside another program that sends every other interval."""
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
    """A timer that fires a millisecond late each time costs no rate, if the margin covers it."""
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
    """The first of two starts went out late and the second is released: the third is not early."""
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
