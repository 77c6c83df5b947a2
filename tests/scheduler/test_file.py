"""The bucket in a file with real processes and real time, and nginx as the judge."""

from __future__ import annotations

import time

import pytest
from attrs import define

from tests.support.fleet_processes import compared_fleet, least_share
from tests.support.judges import NGINX
from tests.support.pace_file import transactions
from tests.support.plain_client import Toll, toll_of

pytestmark = [
    pytest.mark.judged,
    pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine"),
]


@define
class Seen:
    """What nginx saw of a fleet, what each process said, and what a busy machine may have cost."""

    requests: int
    accepted: int
    refused: int
    rate: float
    times: list[list[float]]
    toll: Toll


def run(path, processes, calls, rate=10):
    """Let processes work side by side, none of whose calls fails."""
    with compared_fleet(path, processes, calls, rate) as (judge, workers, plain):
        for worker in workers:
            worker.go()
        said = [worker.said() for worker in workers]
        assert [failed for _, failed in said] == [[]] * processes
        return Seen(
            len(judge.statuses()),
            len(judge.accepted()),
            judge.refused(),
            judge.rate(),
            [times for times, _ in said],
            toll_of(plain(), rate),
        )


def test_four_processes_share_one_file(tmp_path):
    """Forty calls from four processes all succeed at nearly the full rate.

    Few are refused on the way, each start costs one transaction, and no process is left behind.
    """
    path = tmp_path / "pace"
    seen = run(path, 4, 10)
    assert seen.accepted == 40
    assert seen.refused <= 8 + seen.toll.refused, seen
    assert 6.5 - seen.toll.rate < seen.rate < 10.1, seen
    assert transactions(path) <= 1.1 * seen.requests + 12 + seen.toll.messages, seen
    assert least_share(seen.times) >= 0.6, seen


def test_a_process_that_is_killed_costs_the_others_little(tmp_path):
    """One of three processes is killed half-way: no gap of the others is long, and none is lost.

    A plain client at the same time has gaps of 0.11 s, and longer ones where the machine is busy.
    """
    with compared_fleet(tmp_path / "pace", 3, 10) as (judge, workers, plain):
        for worker in workers:
            worker.go()
        while len(judge.accepted()) < 10:
            time.sleep(0.01)
        workers[0].kill()
        killed = time.time()
        said = [worker.said() for worker in workers[1:]]
        gaps = judge.longest_gap(killed - 0.1), plain().longest_gap(killed - 0.1)
    assert [failed for _, failed in said] == [[], []]
    assert [len(times) for times, _ in said] == [10, 10]
    assert gaps[0] < 0.68 + gaps[1]


@pytest.mark.proof
@pytest.mark.timeout(200)
@pytest.mark.parametrize(("processes", "calls", "rate"), [(4, 75, 10), (16, 5, 1)])
def test_processes_on_one_file_use_the_rate(tmp_path, processes, calls, rate):
    """Four processes at 10/s and sixteen at 1/s use the rate, are hardly refused, and lose none.

    `python -m benchmarks.fleet file` has the figures of a quiet machine.
    """
    path = tmp_path / "pace"
    seen = run(path, processes, calls, rate)
    assert sum(map(len, seen.times)) == processes * calls
    assert seen.rate >= 0.85 * rate - seen.toll.rate, seen
    assert seen.refused <= 0.08 * seen.requests + seen.toll.refused, seen
    assert transactions(path) <= 1.1 * seen.requests + 3 * processes + seen.toll.messages, seen
