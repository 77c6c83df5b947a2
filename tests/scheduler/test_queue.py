"""The scheduler's queue under a virtual clock: order, spacing, seats, and callers that go away."""

from __future__ import annotations

import itertools
import math
import random
import threading

import anyio
import pytest

from cronapi import ConfigurationError, Rate, Scheduler, WaitTooLongError
from cronapi.scheduler import LocalBucket
from tests.support.emulated import virtual

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


def starter(scheduler, starts, lane="bulk", seconds=0.0, name=None):
    """Return a coroutine function that takes a slot, notes when, and holds it."""

    async def start():
        async with scheduler.slot(lane):
            starts.append((anyio.current_time(), name))
            await anyio.sleep(seconds)

    return start


async def run_all(*calls):
    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(call)


async def after(seconds, call):
    await anyio.sleep(seconds)
    await call()


def gaps(starts):
    times = [at for at, _ in starts]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


async def test_starts_are_spaced_by_the_interval_and_more():
    """A hundred callers start one by one, never within an interval, and use 0.95 of the rate."""
    scheduler, starts = virtual(10), []
    await run_all(*[starter(scheduler, starts) for _ in range(100)])
    assert len(starts) == 100
    assert min(gaps(starts)) >= 0.1
    assert 99 / (starts[-1][0] - starts[0][0]) > 9.5


async def test_a_lone_call_does_not_wait():
    """The first call of a quiet scheduler starts at once."""
    scheduler, starts = virtual(1), []
    before = anyio.current_time()
    await starter(scheduler, starts)()
    assert starts[0][0] == before


async def test_idle_time_is_not_saved_up_for_a_burst():
    """After a quiet hour the starts are spaced as ever."""
    scheduler, starts = virtual(1), []
    await anyio.sleep(3600)
    await run_all(*[starter(scheduler, starts) for _ in range(5)])
    assert min(gaps(starts)) >= 1.0


async def test_no_more_than_max_in_flight_hold_a_seat():
    """A seat is free before the next call starts, however long the calls take."""
    scheduler, starts = virtual(100, max_in_flight=3), []
    most = 0

    async def call():
        nonlocal most
        async with scheduler.slot():
            most = max(most, scheduler.stats.in_flight)
            await anyio.sleep(1.0)

    await run_all(*[call for _ in range(12)])
    assert most == 3
    assert scheduler.stats.in_flight == 0
    assert starts == []


async def test_within_a_lane_first_come_first_served():
    """Callers of one lane start in the order in which they asked."""
    scheduler, starts = virtual(10), []
    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(starter(scheduler, starts, name=number))
            await anyio.wait_all_tasks_blocked()
    assert [name for _, name in starts] == list(range(50))


@pytest.mark.proof
async def test_an_interactive_call_gets_the_next_slot():
    """With ten thousand bulk calls waiting, an interactive call starts next."""
    scheduler, starts = virtual(10), []
    async with anyio.create_task_group() as group:
        for _ in range(10_000):
            group.start_soon(starter(scheduler, starts, name="bulk"))
        await anyio.wait_all_tasks_blocked()
        asked = len(starts)
        group.start_soon(starter(scheduler, starts, "interactive", name="interactive"))
        await anyio.sleep(0.5)
        assert starts[asked][1] == "interactive"
        group.cancel_scope.cancel()


@pytest.mark.crowd
async def test_a_third_of_many_waiters_may_go_away():
    """A third of three thousand callers go away: the others start at 0.95 of the rate."""
    scheduler, starts, scopes = virtual(10), [], []
    dice = random.Random(7)

    async def call(number):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await starter(scheduler, starts, name=number)()

    async with anyio.create_task_group() as group:
        for number in range(3000):
            group.start_soon(call, number)
        await anyio.wait_all_tasks_blocked()
        for scope in dice.sample(scopes, 1000):
            await anyio.sleep(dice.uniform(0, 0.2))
            scope.cancel()
    times = [at for at, _ in starts]
    assert 2000 <= len(starts) < 3000
    assert scheduler.stats.in_flight == 0
    assert (len(starts) - 1) / (times[-1] - times[0]) > 9.5
    assert min(gaps(starts)) >= 0.1 - 1e-9


async def test_bulk_is_never_starved():
    """While interactive calls never stop coming, every tenth start is a bulk call's."""
    scheduler, starts = virtual(10), []
    calls = [starter(scheduler, starts, "interactive", name="interactive") for _ in range(100)]
    await run_all(*calls, *[starter(scheduler, starts, name="bulk") for _ in range(5)])
    places = [place for place, (_, name) in enumerate(starts) if name == "bulk"]
    assert len(places) == 5
    assert places[4] <= 55


async def test_a_cancelled_waiter_costs_no_slot_and_no_seat():
    """A third of the waiters go away: the others start at the full rate and no seat stays taken."""
    scheduler, starts, rng = virtual(10), [], random.Random(7)

    async def impatient():
        with anyio.move_on_after(rng.uniform(0, 20)):
            await starter(scheduler, starts, name="impatient")()

    patient = [starter(scheduler, starts, name="patient") for _ in range(200)]
    await run_all(
        *[
            call
            for three in zip(patient[::2], patient[1::2], [impatient] * 100, strict=True)
            for call in three
        ]
    )
    assert sum(name == "patient" for _, name in starts) == 200
    assert min(gaps(starts)) >= 0.1 - 1e-9
    assert (len(starts) - 1) / (starts[-1][0] - starts[0][0]) > 9.5
    assert scheduler.stats.in_flight == 0
    assert sum(scheduler.stats.waiting.values()) == 0


async def test_a_leader_that_goes_away_passes_the_lead_on():
    """The waiter at the head is cancelled in its sleep: the next one starts when it is due."""
    scheduler, starts = virtual(1), []
    begun = anyio.current_time()
    await starter(scheduler, starts)()

    async def doomed():
        with anyio.move_on_after(0.5):
            await starter(scheduler, starts, name="doomed")()

    await run_all(doomed, lambda: after(0.1, starter(scheduler, starts, name="next")))
    assert [name for _, name in starts] == [None, "next"]
    assert starts[1][0] - begun == pytest.approx(1.05)


async def test_a_waiter_cancelled_as_it_is_granted_gives_slot_and_seat_back():
    """A grant and a cancellation in the same instant: the next waiter gets the slot at once."""
    scheduler, starts = virtual(1, max_in_flight=1), []
    scope = anyio.CancelScope()

    async def doomed():
        with scope:
            await starter(scheduler, starts, name="doomed")()

    async with anyio.create_task_group() as group:
        async with scheduler.slot():
            group.start_soon(doomed)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(starter(scheduler, starts, name="next"))
            await anyio.sleep(1.5)
        scope.cancel()
    assert [name for _, name in starts] == ["next"]
    assert scheduler.stats.in_flight == 0


async def test_a_slot_given_back_is_taken_at_once_by_the_next():
    """Leaving without a request costs no time: the next caller starts at once."""
    scheduler = virtual(1)
    slot = await scheduler.acquire()
    slot.release_unused()
    before = anyio.current_time()
    second = await scheduler.acquire()
    second.close()
    assert anyio.current_time() == before


@pytest.mark.parametrize("lane", ["interactive", "bulk"])
async def test_cancelled_while_waiting_for_a_seat(lane):
    """Whoever is cancelled while all seats are taken leaves the queue as it was."""
    scheduler = virtual(1000, max_in_flight=1)
    async with scheduler.slot():
        with anyio.move_on_after(1):
            async with scheduler.slot(lane):
                pytest.fail("there was no seat")
        assert sum(scheduler.stats.waiting.values()) == 0
        assert scheduler.stats.in_flight == 1


async def test_max_wait_fails_at_once_when_the_queue_is_longer():
    """With 20 calls waiting at 1 a second, max_wait of 2 s is refused at once.

    The error tells how long the wait would be.
    """
    scheduler, starts = virtual(1), []
    async with anyio.create_task_group() as group:
        for _ in range(21):
            group.start_soon(starter(scheduler, starts, "interactive"))
        await anyio.wait_all_tasks_blocked()
        before = anyio.current_time()
        with pytest.raises(WaitTooLongError) as refused:
            await scheduler.acquire("interactive", max_wait=2.0)
        assert anyio.current_time() == before
        assert refused.value.wait == pytest.approx(21.0, rel=0.1)
        group.cancel_scope.cancel()


async def test_max_wait_also_ends_a_wait_that_turns_out_longer():
    """A hold that begins while a caller waits ends its wait at max_wait."""
    scheduler = virtual(1)
    first = await scheduler.acquire()
    async with anyio.create_task_group() as group:

        async def hold():
            await anyio.sleep(0.5)
            first.refused(retry_after=60)
            first.close()

        group.start_soon(hold)
        before = anyio.current_time()
        with pytest.raises(WaitTooLongError):
            await scheduler.acquire("interactive", max_wait=2.0)
        assert anyio.current_time() - before == pytest.approx(2.0)
    assert sum(scheduler.stats.waiting.values()) == 0


@pytest.mark.crowd
async def test_eta_is_right_within_a_tenth():
    """A caller told to wait so long starts then, give or take a tenth."""
    scheduler, starts = virtual(10), []
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(starter(scheduler, starts))
        await anyio.wait_all_tasks_blocked()
        eta, before = scheduler.eta("bulk"), anyio.current_time()
        await starter(scheduler, starts)()
        assert anyio.current_time() - before == pytest.approx(eta, rel=0.1)


async def test_eta_knows_that_seats_are_the_bottleneck():
    """With one seat and calls of a second, the expected wait counts seconds, not intervals."""
    scheduler, starts = virtual(100, max_in_flight=1), []
    async with anyio.create_task_group() as group:
        await starter(scheduler, starts, seconds=1.0)()
        for _ in range(20):
            group.start_soon(starter(scheduler, starts, seconds=1.0))
        await anyio.wait_all_tasks_blocked()
        assert scheduler.eta() == pytest.approx(20.0, rel=0.1)


async def test_a_refused_call_goes_back_to_the_head_of_its_lane():
    """The call that asks again with its place starts before those that have waited behind it."""
    scheduler, starts = virtual(10), []
    refused = await scheduler.acquire("bulk")
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(starter(scheduler, starts, name="later"))
        await anyio.wait_all_tasks_blocked()
        refused.refused()
        refused.close()
        again = await scheduler.acquire("bulk", place=refused.place)
        assert starts == []
        again.accepted()
        again.close()


async def test_an_isolated_refusal_does_not_hold_the_others():
    """One refusal widens the margin and nobody waits longer than that."""
    scheduler = virtual(1)
    slot = await scheduler.acquire()
    before = scheduler.stats.margin
    slot.refused()
    slot.close()
    assert scheduler.stats.margin > before
    assert not scheduler.stats.holding


async def test_during_an_outage_one_probe_at_a_time_is_sent():
    """A service that refuses everything for ten seconds is asked by one probe at a time.

    The distances grow, and no call is lost.
    """
    scheduler, asked, done = virtual(10), [], []
    under_way = most_probes = 0
    begun = anyio.current_time()

    async def call():
        nonlocal under_way, most_probes
        place = None
        while True:
            slot = await scheduler.acquire("bulk", place=place)
            place = slot.place
            asked.append(anyio.current_time() - begun)
            under_way += 1
            if asked[-1] > 1.0:
                most_probes = max(most_probes, under_way if asked[-1] < 10 else 0)
            await anyio.sleep(0.05)
            under_way -= 1
            if anyio.current_time() - begun < 10:
                slot.refused()
                slot.close()
                continue
            slot.accepted()
            slot.close()
            done.append(anyio.current_time() - begun)
            return

    await run_all(*[call for _ in range(30)])
    assert len(done) == 30
    assert most_probes == 1
    assert sum(1 for at in asked if at < 10) < 25
    assert min(done) < 11.0
    assert max(done) - min(done) == pytest.approx(30 / 10, rel=0.25)
    assert scheduler.stats.holds == 1
    assert not scheduler.stats.holding


async def test_retry_after_holds_everybody():
    """A refusal that names a time keeps all callers waiting for it."""
    scheduler, starts = virtual(10), []
    slot = await scheduler.acquire()
    slot.refused(retry_after=7.0)
    slot.close()
    before = anyio.current_time()
    await run_all(*[starter(scheduler, starts) for _ in range(3)])
    assert min(at for at, _ in starts) - before == pytest.approx(7.0)


async def test_the_next_leader_is_woken_when_a_probe_ends():
    """No call starts while a probe is out. Once it passes, the next starts without another hold."""
    scheduler, starts = virtual(1), []
    for _ in range(3):
        slot = await scheduler.acquire()
        slot.refused()
        slot.close()
    probe = await scheduler.acquire()
    async with anyio.create_task_group() as group:
        group.start_soon(starter(scheduler, starts))
        await anyio.sleep(30)
        assert starts == []
        probe.accepted()
        probe.close()
        freed = anyio.current_time()
    assert starts[0][0] == freed


async def test_a_slot_that_fails_in_the_body_frees_its_seat():
    """An error inside the slot counts as no answer and takes no seat along."""
    scheduler = virtual(1, max_in_flight=1)
    with pytest.raises(ZeroDivisionError):
        async with scheduler.slot():
            _ = 1 // 0
    assert scheduler.stats.in_flight == 0


async def test_a_slot_settles_once():
    """Closing twice, or saying accepted after refused, changes nothing."""
    scheduler = virtual(1)
    slot = await scheduler.acquire()
    slot.refused()
    slot.accepted()
    slot.close()
    slot.close()
    assert scheduler.stats.refusals == 1
    assert scheduler.stats.in_flight == 0


async def enter_in_vain(slot):
    with pytest.raises(ConfigurationError, match="entered once"):
        async with slot:
            pass


async def test_a_slot_is_entered_once():
    """Entering it again is refused at any time, and costs no seat and no place in the queue."""
    scheduler = virtual(10, max_in_flight=1)
    async with scheduler.slot() as slot:
        await enter_in_vain(slot)
    await enter_in_vain(slot)
    acquired, waiting = await scheduler.acquire(), scheduler.slot()
    await enter_in_vain(acquired)
    async with anyio.create_task_group() as group:
        group.start_soon(waiting.__aenter__)
        await anyio.sleep(0.01)
        await enter_in_vain(waiting)
        group.cancel_scope.cancel()
    await enter_in_vain(waiting)
    acquired.close()
    starts = []
    with anyio.fail_after(5):
        await run_all(*[starter(scheduler, starts)] * 3)
    assert (len(starts), scheduler.stats.in_flight) == (3, 0)


async def test_stats_tell_what_is_going_on():
    """The statistics name waiters by lane, seats taken and the rate over the last minute."""
    scheduler, starts = virtual(10, max_in_flight=2), []
    async with anyio.create_task_group() as group:
        for lane in ("interactive", "bulk", "bulk", "bulk"):
            group.start_soon(starter(scheduler, starts, lane, 60.0))
        await anyio.sleep(1)
        stats = scheduler.stats
        group.cancel_scope.cancel()
    assert stats.in_flight == 2
    assert sum(stats.waiting.values()) == 2
    assert stats.rate == pytest.approx(2 / 1.0, rel=0.1)


@pytest.mark.crowd
async def test_many_waiters_that_went_away_are_forgotten():
    """Four thousand cancelled waiters behind a long call leave no trace in the queue."""
    scheduler = virtual(1, max_in_flight=1)
    async with scheduler.slot():
        for _ in range(20):
            async with anyio.create_task_group() as group:
                for _ in range(200):
                    group.start_soon(scheduler.acquire, "bulk")
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
        assert len(scheduler._line.lanes) < 200
        assert sum(scheduler.stats.waiting.values()) == 0


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
async def test_a_rate_that_is_none_is_refused(rate):
    """A rate of zero, less, NaN or infinity is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        Scheduler(rate)


async def test_a_scheduler_without_seats_is_refused():
    """max_in_flight below one is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        Scheduler(1, max_in_flight=0)


async def test_an_unknown_lane_is_refused():
    """A lane that does not exist is a ConfigurationError that names those that do."""
    with pytest.raises(ConfigurationError, match="interactive and bulk"):
        await virtual(1).acquire("express")


async def test_two_event_loops_at_once_are_refused():
    """Using a scheduler from another thread's loop while it is busy is a clear error."""
    scheduler = virtual(1)
    caught = []

    def elsewhere():
        try:
            anyio.run(scheduler.acquire)
        except ConfigurationError as error:
            caught.append(str(error))

    async with scheduler.slot():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert "one event loop" in caught[0]


async def test_rest_lets_time_pass_without_a_seat():
    """A pause before a repeat takes its time and no seat."""
    scheduler = virtual(1)
    before = anyio.current_time()
    await scheduler._sleep(5)
    assert anyio.current_time() - before == pytest.approx(5)
    with anyio.move_on_after(1) as scope:
        await scheduler._sleep(5)
    assert scope.cancelled_caught
    assert scheduler.stats.in_flight == 0


async def test_queues_that_share_a_bucket_share_its_rate():
    """Two schedulers on one bucket start together no faster than one."""
    bucket, starts = LocalBucket(Rate(10), clock=anyio.current_time), []
    queues = [Scheduler(10, bucket=bucket) for _ in range(2)]
    await run_all(*[starter(queue, starts) for queue in queues for _ in range(30)])
    starts.sort()
    assert min(gaps(starts)) >= 0.1 - 1e-9
    assert 59 / (starts[-1][0] - starts[0][0]) > 9.0


@pytest.mark.parametrize("max_wait", [-1.0, math.nan])
async def test_a_max_wait_that_is_no_time_is_refused(max_wait):
    """A negative max_wait or NaN is a ConfigurationError, also where nobody waits."""
    with pytest.raises(ConfigurationError):
        await virtual(1).acquire(max_wait=max_wait)
