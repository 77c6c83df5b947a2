"""A scheduler that was told to stop: what runs goes on, and nothing is started."""

from __future__ import annotations

import anyio
import pytest

from cronapi import SchedulerError
from cronapi.scheduler import LocalBucket
from cronapi.scheduler.stopping import StoppableScheduler, StoppedError

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


def scheduler_at(rate, **options):
    scheduler = StoppableScheduler(rate, **options)
    bucket = LocalBucket(scheduler.rate, clock=anyio.current_time)
    return StoppableScheduler(rate, bucket=bucket, **options)


async def refused(scheduler):
    with pytest.raises(StoppedError) as stopped:
        async with scheduler.slot():
            raise AssertionError
    assert isinstance(stopped.value, SchedulerError)
    assert str(stopped.value).endswith("Interrupted: nothing more is sent.")


async def test_waiting_calls_end_at_once():
    """Calls in the queue fail when it is stopped, and a later one does not even wait."""
    scheduler = scheduler_at(1)
    async with scheduler.slot(), anyio.create_task_group() as group:
        began = anyio.current_time()
        for _ in range(3):
            group.start_soon(refused, scheduler)
        await anyio.wait_all_tasks_blocked()
        scheduler.stop()
    assert anyio.current_time() == began
    await refused(scheduler)
    assert scheduler.stats.waiting == {"interactive": 0, "bulk": 0}
    assert scheduler.started == 1


async def test_a_call_that_has_its_slot_goes_on():
    """A slot that was granted stays the caller's, and is closed by it."""
    scheduler = scheduler_at(1)
    async with scheduler.slot():
        scheduler.stop()
        await anyio.sleep(5)
        assert scheduler.stats.in_flight == 1
    assert scheduler.stats.in_flight == 0


async def test_a_rest_before_a_repeat_ends_at_once():
    """The next attempt then gets no slot."""
    scheduler = scheduler_at(1)
    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        group.start_soon(scheduler._sleep, 60)
        await anyio.wait_all_tasks_blocked()
        scheduler.stop()
    assert anyio.current_time() == began
    await refused(scheduler)


async def test_a_caller_that_is_cancelled_while_it_waits_costs_nothing():
    """Nor does stopping after it, and its wait is counted."""
    scheduler = scheduler_at(0.1)
    async with scheduler.slot():
        pass
    with anyio.move_on_after(2) as scope:
        async with scheduler.slot():
            raise AssertionError
    assert scope.cancelled_caught
    assert (scheduler.started, scheduler.waited) == (1, 2.0)
    assert scheduler.stats.waiting == {"interactive": 0, "bulk": 0}
    scheduler.stop()
    await refused(scheduler)


async def test_slots_and_waits_are_counted():
    """Until it is stopped it is like any other scheduler."""
    scheduler = scheduler_at(1)
    for _ in range(3):
        async with scheduler.slot():
            pass
    assert scheduler.started == 3
    assert 1.9 < scheduler.waited < 2.5
