"""The seconds left of a bulk: by the rate at first, later by the observed speed of requests."""

from __future__ import annotations

import pytest

from cronapi.bulk.eta import Speed, lookup_seconds, observe, seconds_left


def seen(rest, *observed):
    """Return the speed after observations: pairs of the requests left and the time."""
    speed = Speed(rest)
    for left, now in observed:
        speed = observe(speed, left, now)
    return speed


def test_at_first_the_rate_decides():
    """A bulk that has just begun takes as long as the rate allows."""
    assert seconds_left(Speed(15), 1.0) == 15
    assert seconds_left(Speed(0), 1.0) == 0


def test_the_time_before_the_first_request_says_nothing():
    """The time until the end of the first request is ignored, and the rate decides."""
    assert seconds_left(seen(15, (14, 4800.0)), 1.0) == 14


def test_one_outcome_of_a_batch_says_nothing():
    """The outcomes of a batch come one by one, and only the last of them changes the estimate."""
    first = [(15, 100.0 + n / 1e6) for n in range(99)]
    assert seconds_left(seen(15, *first), 1.0) == 15
    assert seconds_left(seen(15, *first, (14, 100.0001), (14, 160.0)), 1.0) == 14


@pytest.mark.parametrize("took", [0.5, 2.0, 3.0])
def test_the_observed_speed_counts_more_and_more(took):
    """The estimate comes close to a speed that is slower than the rate, and is never faster."""
    speeds = [
        seen(100, *((100 - n, n * took) for n in range(1, count + 1))) for count in (10, 40, 90)
    ]
    real = [speed.rest * max(1.0, took) for speed in speeds]
    told = [seconds_left(speed, 1.0) for speed in speeds]
    assert all(right / 2 < left <= right for left, right in zip(told, real, strict=True))
    assert told[-1] == pytest.approx(real[-1], rel=0.1)


def test_answers_that_come_together_say_little():
    """Two answers at once, or far apart, change the estimate little."""
    assert seconds_left(seen(300, (299, 0.0), (298, 0.5)), 0.1) < 2 * 29.8
    assert seconds_left(seen(300, (299, 0.0), (298, 0.0)), 0.1) == pytest.approx(29.8)


def test_batches_may_become_smaller():
    """Smaller batches mean that more requests are left, and the observed speed stays."""
    speed = seen(10, (9, 0.0), (8, 3.0), (16, 3.0))
    assert speed.rest == 16
    assert seconds_left(speed, 1.0) > 16
    assert observe(speed, 15, 6.0).requests == 2


def test_a_look_reads_the_list_more_than_once():
    """A resumed bulk reads all pages, down and up, three times at most, with pauses."""
    assert lookup_seconds(1, 1.0) == 6.5 + 3
    assert lookup_seconds(3, 0.1) == pytest.approx(6.5 + 1.5)
