"""The rate that is left beside another program, in simulated time.

The other takes every second start for 200 intervals, and is near the service.
"""

from __future__ import annotations

import statistics

import pytest

from tests.support.simulated import Conditions, simulate


def parts(rate, way, jitter, seed):
    """Return the share of what is free from 30 intervals on, and that of the usual speed after.

    The latter is that of the 20 intervals from the tenth after the other has gone.
    """
    begin, end = 100.37 / rate, 300 / rate
    run = simulate(Conditions(rate, 0, way, jitter, calls=420, shared=(begin, end)), seed)
    usual = run.rate(begin - 60 / rate, begin)
    free = rate / 2
    return (
        run.rate(begin + 30 / rate, end) / free,
        run.rate(end + 10 / rate, end + 30 / rate) / usual,
    )


@pytest.mark.parametrize(
    ("rate", "way", "jitter", "least_meanwhile", "least_after"),
    [
        (10, 0.0006, 0.0002, 0.9, 0.9),
        (1, 0.0006, 0.0002, 0.9, 0.9),
        (1, 0.04, 0.002, 0.9, 0.9),
        (10, 0.015, 0.001, 0.8, 0.9),
        # With a jitter of a tenth of the interval the best fixed spacing has 0.75 to 0.79.
        (10, 0.015, 0.01, 0.5, 0.9),
        (1, 0.04, 0.1, 0.6, 0.9),
        # And with several requests under way.
        (10, 0.1, 0.01, 0.38, 0.8),
        (1, 1.0, 0.1, 0.36, 0.8),
    ],
)
def test_a_part_of_the_rate_stays_ours_and_the_usual_speed_is_back_soon(
    rate, way, jitter, least_meanwhile, least_after
):
    """Most of what is free is used from the thirtieth interval on, and far away a third of it.

    Ten intervals after the other has gone, the speed is the usual one, or nearly so far away.
    """
    meanwhile, after = zip(*(parts(rate, way, jitter, seed) for seed in range(8)), strict=True)
    assert statistics.mean(meanwhile) >= least_meanwhile
    assert statistics.mean(after) >= least_after
