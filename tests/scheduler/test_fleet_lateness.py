"""Processes that are starved send late, and the next ones of the fleet keep their distance.

The same tests on a pace in Redis and on one in a file.
"""

from __future__ import annotations

import itertools

import anyio
import pytest

from tests.support.fleet import process, run_all

pytestmark = pytest.mark.virtual_clock


def gaps(times):
    return [later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.mark.parametrize(
    "lateness",
    [
        (0.3, 0, 0, 0, 0),
        (0.06, 0, 0.02, 0, 0),
        (0, 0.45, 0, 0.2, 0),
        (0.2, 0.4, 0.1, 0.3, 0),
        (0.4, 0.3, 0.2, 0.1, 0),
        (0, 0, 0.9, 0, 0.05),
    ],
)
async def test_a_late_request_keeps_those_of_other_processes_away(shared_fleet, lateness):
    """Starts are reserved ahead. No two requests of a fleet come closer than an interval."""
    sent = []
    await run_all(*[process(shared_fleet, late, sent) for late in lateness])
    assert min(gaps(sent)) >= 1.0, gaps(sent)
    assert sent[-1] - sent[0] <= 1.15 * 4 + sum(lateness)


async def test_what_one_lost_is_made_up_for(shared_fleet):
    """A single late request costs no rate: the later ones come back to their starts."""
    sent = []
    async with anyio.create_task_group() as group:
        group.start_soon(process(shared_fleet, 0.3, sent))
        await anyio.sleep(0.01)  # trio would let any of them be the first
        for _ in range(19):
            group.start_soon(process(shared_fleet, 0, sent))
    assert min(gaps(sent)) >= 1.0
    assert sent[-1] - sent[0] <= 1.05 * 19


async def test_a_refused_request_keeps_nobody_away(shared_fleet):
    """Its repeat is due at once, as the gate has opened meanwhile."""
    sent = []
    await run_all(process(shared_fleet, 0.3, sent, outcome="refused"))
    await run_all(process(shared_fleet, 0, sent))
    assert sent[1] - sent[0] < 0.1


async def test_a_caller_that_leaves_while_it_looks_leaves_the_bucket_as_it_was(shared_fleet):
    """It is cancelled before its request, and the next call goes on."""
    slot = await shared_fleet.scheduler(1.0).acquire()
    await anyio.sleep(0.3)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await slot.ready()
    slot.close()
    sent = []
    await run_all(process(shared_fleet, 0, sent))
    assert len(sent) == 1


async def test_a_request_in_time_costs_one_evaluation(shared_fleet):
    """Only a late one is told to the others before it goes out."""
    for late, evaluations in ((0, 1), (0.01, 1), (0.3, 2)):
        before = len(shared_fleet.asked)
        await run_all(process(shared_fleet, late, []))
        assert len(shared_fleet.asked) - before == evaluations, late


async def test_a_fast_rate_is_paced_by_its_margin_alone(shared_fleet):
    """At ten a second nobody tells that it is late, and nobody looks."""
    sent = []
    await run_all(*[process(shared_fleet, 0.04, sent, rate=10.0) for _ in range(5)])
    assert (len(sent), len(shared_fleet.asked)) == (5, 5)
