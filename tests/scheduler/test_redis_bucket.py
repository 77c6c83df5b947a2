"""The behaviour of the bucket in Redis alone: clocks that are set back, and keys that expire."""

from __future__ import annotations

import itertools

import anyio
import pytest

from tests.support.fleet import settle

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


async def test_a_clock_that_is_set_back_stops_nobody(redis_fleet):
    """Redis's clock jumps back by an hour: the next starts come as they would have."""
    fleet = redis_fleet
    scheduler = fleet.scheduler()
    await settle(scheduler, *["accepted"] * 3)
    fleet.skew = -3600.0
    times = await settle(scheduler, *["accepted"] * 5)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(waits) >= 0.1 - 1e-6
    assert max(waits) < 0.12


async def test_a_clock_that_is_set_back_in_a_hold_stops_nobody(redis_fleet):
    """Redis's clock jumps back by an hour during a hold: it ends when it would have."""
    fleet = redis_fleet
    scheduler = fleet.scheduler()
    await settle(scheduler, *["refused"] * 3)
    fleet.skew = -3600.0
    before = anyio.current_time()
    await settle(scheduler, "accepted", "accepted")
    assert anyio.current_time() - before < 0.5


async def test_a_clock_that_is_set_back_while_a_probe_is_refused_stops_nobody(redis_fleet):
    """Its way there and back is not counted by two clocks, so the hold is as long as any."""
    scheduler = redis_fleet.scheduler()
    await settle(scheduler, *["refused"] * 3)
    probe = await scheduler.acquire()
    redis_fleet.skew = -3600.0
    probe.refused()
    probe.close()
    before = anyio.current_time()
    await settle(scheduler, "accepted", "accepted")
    assert anyio.current_time() - before < 1.0
    assert scheduler.stats.refusals == 4


async def test_a_clock_that_is_set_back_while_a_connection_is_made_stops_nobody(redis_fleet):
    """A request goes out by the old clock and the next start is reserved by the new one."""
    scheduler = redis_fleet.scheduler()
    slot = await scheduler.acquire()
    redis_fleet.skew = -3600.0
    await slot.ready()
    before = anyio.current_time()
    await settle(scheduler, "accepted", "accepted")
    slot.close()
    assert anyio.current_time() - before < 0.5


async def test_the_state_goes_away_by_itself(redis_fleet):
    """There is one key, with hash tags, and it expires ten minutes after its last use."""
    await settle(redis_fleet.scheduler(), "accepted")
    (key,) = redis_fleet.server.client.keys("*")
    assert key == b"{cronapi:contract}"
    assert 590_000 < redis_fleet.server.client.pttl(key) <= 601_000
