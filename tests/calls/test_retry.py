"""What to do after an attempt, and how long to wait: tables and bounds."""

from __future__ import annotations

import math

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from cronapi import Applied, ConfigurationError, RetryPolicy
from cronapi._calls.retry import BACKOFF_BASE, MOST_GARBLED, History, Step, backoff, next_step
from cronapi._functions import Repeat
from cronapi._protocol.response import Ending

POLICY = RetryPolicy(max_attempts=3, max_delay=10.0, budget=60.0)


def history_of(*endings, now=100.0):
    history = History()
    for ending in endings:
        history.record(ending, now)
    return history


def step(ending, repeat, history=None, policy=POLICY, **options):
    return next_step(
        ending, repeat, history or history_of(ending), policy, **{"now": 100.0, **options}
    )


EXPECTED = {
    Ending.DONE: dict.fromkeys(Repeat, Step.RETURN),
    Ending.FINAL: dict.fromkeys(Repeat, Step.RAISE),
    Ending.NOT_SENT: dict.fromkeys(Repeat, Step.REPEAT),
    Ending.REFUSED: dict.fromkeys(Repeat, Step.REPEAT),
    Ending.LOST: dict.fromkeys(Repeat, Step.REPEAT) | {Repeat.CREATE: Step.LOOK},
    Ending.GARBLED: dict.fromkeys(Repeat, Step.REPEAT) | {Repeat.CREATE: Step.LOOK},
}
CASES = [(ending, repeat) for ending in Ending for repeat in Repeat]


@pytest.mark.parametrize(("ending", "repeat"), CASES, ids=lambda value: value.name)
def test_the_first_attempt_decides_by_its_ending(ending, repeat):
    """What was not carried out is repeated, a lost create is looked up first, and an answer is an
    answer.
    """
    assert step(ending, repeat) is EXPECTED[ending][repeat]


@pytest.mark.parametrize(("ending", "repeat"), CASES, ids=lambda value: value.name)
def test_without_a_policy_nothing_is_repeated(ending, repeat):
    """With retry=None every ending but a good one is raised at once."""
    assert step(ending, repeat, policy=None) is (
        Step.RETURN if ending is Ending.DONE else Step.RAISE
    )


@pytest.mark.parametrize(("ending", "repeat"), CASES, ids=lambda value: value.name)
def test_attempts_that_failed_by_an_error_are_bounded(ending, repeat):
    """After max_attempts errors the next is raised, whichever they were; only a lost create is
    still looked up.
    """
    spent = history_of(Ending.LOST, Ending.NOT_SENT, ending)
    bounded = (
        ending in (Ending.NOT_SENT, Ending.LOST, Ending.GARBLED, Ending.FINAL)
        and EXPECTED[ending][repeat] is not Step.LOOK
    )
    assert step(ending, repeat, spent) is (Step.RAISE if bounded else EXPECTED[ending][repeat])


@pytest.mark.parametrize("repeat", Repeat)
def test_refusals_are_not_counted_as_errors(repeat):
    """A thousand refusals in a row do not use up the attempts, only the budget."""
    refused = history_of(*[Ending.REFUSED] * 1000)
    assert refused.errors == 0
    assert step(Ending.REFUSED, repeat, refused) is Step.REPEAT
    assert step(Ending.REFUSED, repeat, refused, now=160.0) is Step.REPEAT
    assert step(Ending.REFUSED, repeat, refused, now=160.1) is Step.RAISE


@pytest.mark.parametrize(
    "ending",
    [Ending.NOT_SENT, Ending.REFUSED, Ending.LOST, Ending.GARBLED],
    ids=lambda value: value.name,
)
def test_the_budget_counts_from_the_first_failure(ending):
    """A call that has failed for longer than the budget is raised,
    however few attempts that were.
    """
    history = history_of(ending)
    assert step(ending, Repeat.READ, history, now=160.0) is Step.REPEAT
    assert step(ending, Repeat.READ, history, now=160.1) is Step.RAISE
    history.record(ending, 150.0)
    assert history.first_failure == 100.0


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(None, Step.REPEAT), (0.0, Step.REPEAT), (10.0, Step.REPEAT), (10.1, Step.RAISE)],
)
def test_a_service_that_asks_for_too_long_a_wait_ends_the_call(asked, expected):
    """Retry-After up to max_delay is waited for, a longer one is raised."""
    assert step(Ending.REFUSED, Repeat.CREATE, retry_after=asked) is expected


@pytest.mark.parametrize(
    "repeat", [Repeat.READ, Repeat.SAME, Repeat.GONE], ids=lambda value: value.name
)
def test_what_cannot_be_read_three_times_is_not_tried_again(repeat):
    """Three garbled answers come from the wrong place, whatever the policy would still allow."""
    patient = RetryPolicy(max_attempts=100)
    history = history_of(*[Ending.GARBLED] * (MOST_GARBLED - 1))
    assert step(Ending.GARBLED, repeat, history, patient) is not Step.RAISE
    history.record(Ending.GARBLED, 100.0)
    assert step(Ending.GARBLED, repeat, history, patient) is Step.RAISE


def test_one_attempt_means_one():
    """max_attempts=1 repeats no error, and still waits for the rate limit."""
    once = RetryPolicy(max_attempts=1)
    assert step(Ending.LOST, Repeat.READ, policy=once) is Step.RAISE
    assert step(Ending.NOT_SENT, Repeat.CREATE, policy=once) is Step.RAISE
    assert step(Ending.REFUSED, Repeat.CREATE, policy=once) is Step.REPEAT


def test_an_untouched_history_is_within_its_budget():
    """A history without a failure has spent nothing."""
    assert step(Ending.LOST, Repeat.READ, History(), now=1e9) is Step.REPEAT


@pytest.mark.parametrize("repeat", Repeat, ids=lambda value: value.name)
@pytest.mark.parametrize(
    ("endings", "unknown"),
    [
        ([Ending.NOT_SENT, Ending.REFUSED], False),
        ([Ending.FINAL], False),
        ([Ending.LOST], True),
        ([Ending.GARBLED], True),
        ([Ending.LOST, Ending.REFUSED, Ending.NOT_SENT], True),
    ],
    ids=lambda value: (
        "-".join(ending.name for ending in value) if isinstance(value, list) else None
    ),
)
def test_a_call_may_have_been_carried_out_once_an_answer_was_lost(endings, unknown, repeat):
    """One lost or garbled answer makes the outcome unknown for good, except for a read, which
    changes nothing.
    """
    expected = Applied.UNKNOWN if unknown and repeat is not Repeat.READ else Applied.NO
    assert history_of(*endings).applied(repeat) is expected


def test_a_history_counts_what_was_started():
    """Attempts are all requests, errors those that failed otherwise than by a refusal or an
    answer.
    """
    history = history_of(Ending.REFUSED, Ending.NOT_SENT, Ending.LOST, Ending.GARBLED, Ending.FINAL)
    assert (history.attempts, history.errors, history.garbled, history.lost) == (5, 3, 1, True)


# --- waiting -------------------------------------------------------------------------------------


@given(st.integers(0, 10**9), st.floats(0, 1e6), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_between_nothing_and_the_longest(errors, max_delay, chance):
    """No wait is negative, longer than max_delay or infinite, however many errors there were."""
    seconds = backoff(errors, max_delay, chance)
    assert 0 <= seconds <= max_delay
    assert math.isfinite(seconds)


@given(st.integers(0, 10_000), st.floats(0.1, 1, exclude_max=True))
def test_waits_grow_until_the_longest(errors, chance):
    """The same draw after one more error is never shorter, and twice as long until it reaches the
    bound.
    """
    now, later = backoff(errors, 30.0, chance), backoff(errors + 1, 30.0, chance)
    assert later == pytest.approx(min(now * 2, chance * 30.0))


def test_the_jitter_is_full():
    """A wait may be anything from nothing up, so that callers that failed together do not return
    together.
    """
    assert backoff(3, 30.0, 0.0) == 0.0
    assert backoff(3, 30.0, 0.5) == pytest.approx(BACKOFF_BASE * 8 / 2)
    assert backoff(10_000, math.inf, 0.5) < math.inf


# --- policies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"max_attempts": 0},
        {"max_attempts": -1},
        {"max_delay": -0.1},
        {"max_delay": math.nan},
        {"budget": -1},
        {"budget": math.nan},
    ],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(options):
    """No attempts, and negative or not-a-number times, are ConfigurationErrors that name the
    option.
    """
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        RetryPolicy(**options)


def test_a_policy_cannot_be_changed():
    """A policy may be shared, since it is frozen."""
    with pytest.raises(FrozenInstanceError):
        POLICY.max_attempts = 9


def test_a_policy_may_be_boundless():
    """An infinite budget and delay never end a call by themselves."""
    endless = RetryPolicy(max_attempts=10**6, max_delay=math.inf, budget=math.inf)
    assert (
        step(
            Ending.REFUSED,
            Repeat.READ,
            history_of(Ending.REFUSED),
            endless,
            now=1e12,
            retry_after=1e9,
        )
        is Step.REPEAT
    )
