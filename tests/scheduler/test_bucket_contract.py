"""What every bucket keeps: the same tests on that of a process, in Redis and in a file."""

from __future__ import annotations

import itertools
import math

import anyio
import pytest

from cronapi import ConfigurationError, Scheduler
from tests.support.fleet import caller, gaps, run_all, settle

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


@pytest.mark.crowd
async def test_starts_are_spaced(fleet):
    """A hundred callers start no closer than the interval and use 0.95 of the rate."""
    scheduler, starts = fleet.scheduler(), []
    await run_all(*[caller(scheduler, starts) for _ in range(100)])
    assert len(starts) == 100
    assert min(gaps(starts)) >= 0.1 - 1e-6
    assert 99 / (starts[-1][0] - starts[0][0]) > 9.5


@pytest.mark.crowd
async def test_several_schedulers_share_the_rate(fleet):
    """Four schedulers with 25 callers each share one rate, and use 0.95 of it."""
    starts = []
    schedulers = [fleet.scheduler() for _ in range(4)]
    await run_all(
        *[
            caller(scheduler, starts, place)
            for place, scheduler in enumerate(schedulers)
            for _ in range(25)
        ]
    )
    assert len(starts) == 100
    assert min(gaps(starts)) >= 0.1 - 1e-6
    assert 99 / (starts[-1][0] - starts[0][0]) > 9.5


async def test_a_quiet_hour_is_not_saved_up(fleet):
    """After an hour without calls, starts are spaced as ever."""
    scheduler, starts = fleet.scheduler(), []
    await settle(scheduler, "accepted")
    await anyio.sleep(3600)
    await run_all(*[caller(scheduler, starts) for _ in range(5)])
    assert min(gaps(starts)) >= 0.1 - 1e-6


async def test_a_first_refusal_widens_the_margin(fleet):
    """One refusal adds to the spacing and holds nobody."""
    scheduler = fleet.scheduler()
    await settle(scheduler, "accepted")
    before = scheduler.stats.margin
    await settle(scheduler, "refused")
    assert scheduler.stats.margin > before
    assert scheduler.stats.refusals == 1
    assert not scheduler.stats.holding


async def test_success_narrows_the_margin(fleet):
    """Where nothing is refused, the margin shrinks to a few hundredths and below."""
    scheduler = fleet.scheduler()
    await settle(scheduler, *["accepted"] * 40)
    assert scheduler.stats.margin < 0.016


async def test_after_a_first_refusal_the_next_start_is_due_at_once(fleet):
    """The gate has opened while the refusal came back, so the slot is not lost."""
    first, second = await settle(fleet.scheduler(), "refused", "accepted")
    assert second == first


async def test_the_repeat_of_a_refused_request_goes_out_at_once(fleet):
    """A refused request keeps no other away: its repeat is sent as soon as it has its start."""
    scheduler = fleet.scheduler()
    refused = await scheduler.acquire()
    await refused.ready()
    await anyio.sleep(0.01)
    refused.refused()
    refused.close()
    await refused.publish()
    begun = anyio.current_time()
    again = await scheduler.acquire()
    await again.ready()
    assert anyio.current_time() - begun < 0.005
    again.close()


async def test_refusals_in_a_row_hold_everybody_and_longer_each_time(fleet):
    """Refusals after a repeat in vain hold for up to one, two, four and eight intervals.

    A hold of one is over before the next start would be due by its spacing anyway.
    """
    times = await settle(fleet.scheduler(), *["refused"] * 8)
    waits = [
        math.ceil(round((later - earlier) / 0.1, 3)) for earlier, later in itertools.pairwise(times)
    ]
    assert waits[2:] == [2, 2, 4, 8, 8]


async def test_a_probe_that_passes_ends_the_hold(fleet):
    """After a hold the first success sets everybody free."""
    scheduler = fleet.scheduler()
    await settle(scheduler, *["refused"] * 3)
    assert scheduler.stats.holding
    assert scheduler.stats.holds == 1
    await settle(scheduler, "accepted")
    await settle(scheduler, "accepted")
    assert not scheduler.stats.holding


async def test_one_probe_at_a_time(fleet):
    """While a probe is out nobody else starts, however many wait, and once it passes they do."""
    scheduler, starts = fleet.scheduler(), []
    await settle(scheduler, *["refused"] * 3)
    probe = await scheduler.acquire()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(caller(scheduler, starts))
        await anyio.sleep(0.9)
        assert starts == []
        probe.accepted()
        probe.close()
        await probe.publish()
    assert len(starts) == 3
    assert max(gaps(starts)) < 0.3


async def test_refusals_of_calls_sent_before_a_hold_do_not_extend_it(fleet):
    """Late refusals of three calls that were sent before a hold do not lengthen it."""
    scheduler = fleet.scheduler()
    early = [await scheduler.acquire() for _ in range(3)]
    await settle(scheduler, *["refused"] * 3)
    held = anyio.current_time()
    for slot in early:
        slot.refused()
        slot.close()
        await slot.publish()
    (probe,) = await settle(scheduler, "accepted")
    assert 0.1 < probe - held <= 0.2 + 1e-6


async def test_a_service_that_says_how_long_to_wait_is_obeyed(fleet):
    """Retry-After holds everybody for as long as it says."""
    scheduler = fleet.scheduler()
    slot = await scheduler.acquire()
    slot.refused(3.0)
    slot.close()
    await slot.publish()
    before = anyio.current_time()
    (after,) = await settle(scheduler, "accepted")
    assert after - before == pytest.approx(3.0, abs=1e-3)


async def test_no_service_holds_for_longer_than_two_minutes(fleet):
    """A Retry-After of a day is cut."""
    scheduler = fleet.scheduler()
    slot = await scheduler.acquire()
    slot.refused(86400.0)
    slot.close()
    await slot.publish()
    before = anyio.current_time()
    (after,) = await settle(scheduler, "accepted")
    assert after - before == pytest.approx(120.0, abs=1e-3)


async def test_a_start_that_is_given_back_is_used_again(fleet):
    """Whoever leaves without sending costs the next caller nothing."""
    scheduler = fleet.scheduler()
    slot = await scheduler.acquire()
    slot.release_unused()
    before = anyio.current_time()
    await settle(scheduler, "accepted")
    assert anyio.current_time() == before


async def test_a_start_that_is_given_back_late_is_not_followed_too_closely(fleet):
    """Starts stay an interval apart when one is given back long after it was due."""
    scheduler = fleet.scheduler()
    slot = await scheduler.acquire()
    await anyio.sleep(30)
    slot.release_unused()
    times = await settle(scheduler, *["accepted"] * 4)
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.1 - 1e-6


async def test_a_caller_that_is_cancelled_costs_nothing(fleet):
    """Callers that go away while they wait leave their start to the next."""
    scheduler, starts = fleet.scheduler(1.0), []
    await settle(scheduler, "accepted")
    before = anyio.current_time()

    async def impatient():
        with anyio.move_on_after(0.3):
            await scheduler.acquire()

    await run_all(*[impatient] * 10, *[caller(scheduler, starts)] * 2)
    assert starts[0][0] - before <= 1.06
    assert starts[1][0] - before <= 2.12
    assert scheduler.stats.in_flight == 0


async def test_a_caller_that_is_cancelled_at_once_costs_nothing(fleet):
    """Even a caller whose time is over when it asks leaves nothing behind."""
    scheduler = fleet.scheduler(1.0)
    (before,) = await settle(scheduler, "accepted")
    for _ in range(20):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await scheduler.acquire()
    times = await settle(scheduler, *["accepted"] * 2)
    assert times[0] - before <= 1.06
    assert times[1] - before <= 2.12


async def test_first_come_first_served(fleet):
    """Callers start in the order in which they asked."""
    scheduler, starts = fleet.scheduler(), []
    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(caller(scheduler, starts, number))
            await anyio.wait_all_tasks_blocked()
    assert [name for _, name in starts] == list(range(30))


async def test_lost_answers_say_nothing_of_the_rate(fleet):
    """A lost answer changes neither margin nor holds, and a lost probe lets another one go."""
    scheduler = fleet.scheduler()
    await settle(scheduler, "accepted")
    before = scheduler.stats.margin
    await settle(scheduler, *["lost"] * 5, "accepted")
    assert scheduler.stats.refusals == 0
    assert scheduler.stats.margin <= before
    await settle(scheduler, *["refused"] * 3)
    first, second = await settle(scheduler, "lost", "lost")
    assert second - first < 0.3


async def test_a_request_that_goes_out_late_keeps_the_next_away(fleet):
    """Where a connection takes half an interval, the next start is an interval after that."""
    scheduler = fleet.scheduler()
    slot = await scheduler.acquire()
    await anyio.sleep(0.05)
    await slot.ready()
    sent = anyio.current_time()
    (second,) = await settle(scheduler, "accepted")
    slot.close()
    assert second - sent >= 0.1 - 1e-6


@pytest.mark.crowd
async def test_the_queue_tells_how_long_it_is(fleet):
    """`eta` and `rate` are about right on any bucket."""
    scheduler, starts = fleet.scheduler(), []
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(caller(scheduler, starts))
        await anyio.sleep(3.0)
        left = 100 - len(starts)
        assert left * 0.08 < scheduler.eta("bulk") < left * 0.12
        assert 8 < scheduler.stats.rate < 12


async def test_another_rate_on_the_same_bucket_is_refused(fleet):
    """Two rates on one bucket would be two budgets."""
    bucket = fleet.bucket()
    Scheduler(10, bucket=bucket)
    with pytest.raises(ConfigurationError, match="paced at"):
        Scheduler(5, bucket=bucket)


async def test_a_start_that_is_given_back_after_the_next_was_reserved_hurries_nobody(fleet):
    """A start that comes back while the next caller waits leaves the spacing as it is."""
    scheduler, starts = fleet.scheduler(), []
    slot = await scheduler.acquire()
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(caller(scheduler, starts))
        await anyio.sleep(0.03)
        slot.release_unused()
    assert len(starts) == 2
    assert min(gaps(starts)) >= 0.1 - 1e-6


async def test_a_request_that_goes_out_late_keeps_away_who_waits(fleet):
    """A connection that takes half an interval also delays a caller that already waits."""
    scheduler, starts = fleet.scheduler(), []
    slot = await scheduler.acquire()
    async with anyio.create_task_group() as group:
        group.start_soon(caller(scheduler, starts))
        await anyio.sleep(0.05)
        await slot.ready()
        sent = anyio.current_time()
    slot.close()
    assert starts[0][0] - sent >= 0.1 - 1e-6


@pytest.mark.parametrize("apart", [0.0, 0.02, 0.1, 0.4, 0.9])
@pytest.mark.parametrize("refused", ["the second", "the first"])
async def test_a_refusal_leaves_the_distance_from_the_request_that_passed(fleet, apart, refused):
    """Two late requests meet, and one is refused. Its repeat waits for the gate of the other."""
    first, second = [await fleet.scheduler(1.0).acquire() for _ in range(2)]
    await anyio.sleep(2.0)
    await first.ready()
    sent = [anyio.current_time()]
    await anyio.sleep(apart)
    fleet.is_blind = True
    await second.ready()
    fleet.is_blind = False
    sent.append(anyio.current_time())
    passed, stopped = (first, second) if refused == "the second" else (second, first)
    for slot, tell in ((passed, passed.accepted), (stopped, stopped.refused)):
        tell()
        slot.close()
        await slot.publish()
    again = await fleet.scheduler(1.0).acquire()
    await again.ready()
    passed_at = sent[0] if passed is first else sent[1]
    assert anyio.current_time() - passed_at >= 1.0 - 1e-6
    again.close()
