"""The limiter: nginx's bucket against a reference, the two windows, and the recorded arrivals."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi.emulator import Limiter

EXACT_RATES = [1, 2, 5, 10, 20, 100, 200]
gaps = st.lists(st.integers(min_value=0, max_value=3000), max_size=60)


def verdicts(limiter, ticks, key="k"):
    return [limiter.admit(key, tick) for tick in ticks]


def ticks_of(gaps_in_ms):
    total, ticks = 0, []
    for gap in gaps_in_ms:
        total += gap
        ticks.append(total / 1000)
    return ticks


def reference_bucket(ticks_in_ms, rate, burst):
    """Decide with exact fractions: an accepted request adds 1, rate drains, burst may stand."""
    level, last, answers = Fraction(0), None, []
    for tick in ticks_in_ms:
        drained = (
            level
            if last is None
            else max(Fraction(0), level - Fraction(rate * (tick - last), 1000) + 1)
        )
        accepted = drained <= burst
        if accepted:
            level, last = drained, tick
        answers.append(accepted)
    return answers


@given(gaps, st.sampled_from(EXACT_RATES), st.integers(0, 5))
def test_the_bucket_agrees_with_exact_arithmetic(spans, rate, burst):
    """On whole milliseconds the leaky bucket decides as one of exact fractions."""
    ticks = ticks_of(spans)
    expected = reference_bucket([round(tick * 1000) for tick in ticks], rate, burst)
    assert verdicts(Limiter(rate, burst=burst), ticks) == expected


@given(st.lists(st.floats(0, 3), max_size=60), st.floats(0.05, 500))
def test_without_burst_accepted_arrivals_are_an_interval_apart(spans, rate):
    """Without a burst, accepted arrivals are 1/rate apart, up to nginx's millisecond rounding."""
    limiter, tick = Limiter(rate), 0.0
    for span in spans:
        tick += span
        limiter.admit("k", tick)
    accepted = limiter.accepted_ticks()
    slack = 0.002 + 2e-6 / rate**2
    assert all(later - earlier >= 1 / rate - slack for earlier, later in pairwise(accepted))


@given(
    st.sampled_from([1 / 3600, 1 / 60, 0.1, 0.7, 1, 3, 7, 10, 60, 300]),
    st.floats(0, 10_000),
    st.integers(1, 40),
)
def test_exactly_one_interval_apart_is_always_accepted(rate, origin, count):
    """Requests exactly 1/rate apart are never refused, not even between whole milliseconds."""
    assert all(verdicts(Limiter(rate), [origin + number / rate for number in range(count)]))


def test_a_refusal_changes_nothing():
    """A refused arrival does not delay the next accepted one."""
    assert verdicts(Limiter(10), [0, 0.05, 0.099, 0.1, 0.199, 0.2]) == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_a_burst_lets_so_many_come_early():
    """With a burst of 2, three requests may come at once, and then one per interval."""
    assert verdicts(Limiter(1, burst=2), [0, 0, 0, 0, 1, 1]) == [
        True,
        True,
        True,
        False,
        True,
        False,
    ]


@given(gaps, st.sampled_from(EXACT_RATES), st.integers(0, 3))
def test_a_sliding_window_never_holds_more_than_its_rate(spans, rate, burst):
    """No second holds more accepted arrivals than rate and burst allow."""
    limiter = Limiter(rate, burst=burst, method="sliding")
    verdicts(limiter, ticks_of(spans))
    accepted = limiter.accepted_ticks()
    assert all(
        sum(tick <= other < tick + 0.9999 for other in accepted) <= rate + burst
        for tick in accepted
    )


def test_a_sliding_window_frees_a_place_after_its_span():
    """An arrival stops counting exactly one window later."""
    limiter = Limiter(2, method="sliding")
    assert verdicts(limiter, [0, 0.5, 0.99, 1.0, 1.4, 1.5]) == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


def test_a_fixed_window_lets_twice_the_rate_across_a_boundary():
    """Ten at the end of one second and ten at the start of the next all pass."""
    limiter = Limiter(10, method="fixed")
    assert all(verdicts(limiter, [0.99] * 10 + [1.0] * 10))
    assert not limiter.admit("k", 1.5)


@pytest.mark.parametrize("method", ["sliding", "fixed"])
def test_a_window_of_a_slow_rate_is_one_interval_long(method):
    """Half a request per second is one request in two seconds."""
    assert verdicts(Limiter(0.5, method=method), [0, 1, 2, 3, 4]) == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_keys_are_counted_apart():
    """The requests of one key do not use up the rate of another."""
    limiter = Limiter(1)
    assert [limiter.admit("a", 0), limiter.admit("b", 0), limiter.admit("a", 0)] == [
        True,
        True,
        False,
    ]


def test_no_rate_lets_everything_through():
    """A limiter without a rate refuses nothing."""
    assert all(verdicts(Limiter(None), [0] * 50))


def test_arrivals_are_remembered_with_their_verdict():
    """The limiter records every arrival with its verdict and counts both verdicts."""
    limiter = Limiter(1)
    verdicts(limiter, [0, 0.5, 1])
    assert [(arrival.tick, arrival.key, arrival.accepted) for arrival in limiter.arrivals] == [
        (0, "k", True),
        (0.5, "k", False),
        (1, "k", True),
    ]
    assert (limiter.accepted, limiter.refused, limiter.accepted_ticks()) == (2, 1, [0, 1])


@pytest.mark.parametrize(
    ("rate", "options", "message"),
    [
        (0, {}, "rate must be"),
        (-1, {}, "rate must be"),
        (math.nan, {}, "rate must be"),
        (math.inf, {}, "rate must be"),
        (1, {"burst": -1}, "burst must be"),
        (1, {"method": "token"}, "unknown limiter 'token'"),
    ],
)
def test_nonsense_is_refused(rate, options, message):
    """A bad rate, a negative burst and an unknown method raise ValueError."""
    with pytest.raises(ValueError, match=message):
        Limiter(rate, **options)


@pytest.mark.parametrize(
    ("rate", "least"), [(3, 334), (7, 143), (12, 84), (30, 34), (10, 100), (1, 1000), (0.5, 2000)]
)
def test_nginx_wants_whole_milliseconds(rate, least):
    """Where 1/rate is no whole number of milliseconds, nginx wants the next one. The leaky bucket
    is kinder there.
    """
    for gap, accepted in ((least, True), (least - 1, False), (least + 1, True)):
        ticks = [0.0, gap / 1000]
        assert verdicts(Limiter(rate, method="nginx"), ticks) == [True, accepted]
    kind = Limiter(rate)
    assert all(verdicts(kind, [number / rate for number in range(50)]))
    strict = verdicts(Limiter(rate, method="nginx"), [number / rate for number in range(50)])
    assert all(strict) == (1000 % rate == 0)


@given(gaps, st.sampled_from([*EXACT_RATES, 3, 7, 12, 30]), st.integers(0, 5))
def test_nginx_decides_as_its_source_says(spans, rate, burst):
    """A second writing of nginx's lines in C agrees with it at every arrival."""
    excess, last, expected, total = 0, None, [], 0
    for span in spans:
        total += span
        now = 0 if last is None else excess - int(rate * 1000 * (total - last) / 1000) + 1000
        now = max(0, now)
        expected.append(now <= burst * 1000)
        if expected[-1]:
            excess, last = now, total
    assert verdicts(Limiter(rate, burst=burst, method="nginx"), ticks_of(spans)) == expected
