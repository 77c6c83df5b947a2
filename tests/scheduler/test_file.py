"""The bucket in a file with real processes and real time, and nginx as the judge."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.support.fleet_processes import judged_fleet
from tests.support.judges import NGINX
from tests.support.pace_file import transactions

pytestmark = [
    pytest.mark.judged,
    pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine"),
]


def run(path, processes, calls, rate=10):
    """Let processes work side by side, and return what nginx saw and each of them said."""
    with judged_fleet(path, processes, calls, rate) as (judge, workers):
        for worker in workers:
            worker.go()
        said = [worker.said() for worker in workers]
        assert [failed for _, failed in said] == [[]] * processes
        return judge.statuses(), [times for times, _ in said]


def rate_of(statuses):
    """Return the accepted requests a second, between the first and the last."""
    accepted = [at for at, status in statuses if status == 200]
    return (len(accepted) - 1) / (accepted[-1] - accepted[0])


def test_four_processes_share_one_file(tmp_path):
    """Forty calls from four processes all succeed at nearly the full rate.

    Few are refused on the way, each start costs one transaction, and no process is left behind.
    """
    path = tmp_path / "pace"
    statuses, times = run(path, 4, 10)
    assert [status for _, status in statuses].count(200) == 40
    assert len(statuses) <= 48
    assert 6.5 < rate_of(statuses) < 10.1
    assert transactions(path) <= 1.1 * len(statuses) + 12
    ends = sorted((at, place) for place, ended in enumerate(times) for at in ended)
    early = [place for _, place in ends[:28]]
    assert min(early.count(place) for place in range(4)) >= 0.15 * 28


def test_a_process_that_is_killed_costs_the_others_little(tmp_path):
    """One of three processes is killed half-way: no gap of the others is long, and none is lost."""
    with judged_fleet(tmp_path / "pace", 3, 10) as (judge, workers):
        for worker in workers:
            worker.go()
        time.sleep(1.2)
        workers[0].kill()
        killed = time.time()
        said = [worker.said() for worker in workers[1:]]
        accepted = judge.accepted()
    assert [failed for _, failed in said] == [[], []]
    assert [len(times) for times, _ in said] == [10, 10]
    gaps = [
        later - earlier for earlier, later in itertools.pairwise(accepted) if later > killed - 0.1
    ]
    assert max(gaps) < 0.8


@pytest.mark.proof
@pytest.mark.timeout(200)
@pytest.mark.parametrize(("processes", "calls", "rate"), [(4, 75, 10), (16, 5, 1)])
def test_processes_on_one_file_use_the_rate(tmp_path, processes, calls, rate):
    """Four processes at 10/s and sixteen at 1/s use the rate, are hardly refused, and lose none.

    `python -m benchmarks.fleet file` has the figures of a quiet machine.
    """
    path = tmp_path / "pace"
    statuses, times = run(path, processes, calls, rate)
    refused = [status for _, status in statuses].count(503)
    assert sum(map(len, times)) == processes * calls
    assert rate_of(statuses) >= 0.85 * rate
    assert refused <= 0.08 * len(statuses)
    assert transactions(path) <= 1.1 * len(statuses) + 3 * processes
