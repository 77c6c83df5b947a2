"""One task that sleeps until another wakes it, on asyncio and trio."""

from __future__ import annotations

import anyio
import pytest

from cronapi.scheduler.wake import Sleeper

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


class Night:
    """A sleeper, and when its sleep ended: by `wake()`, or by a cancellation."""

    def __init__(self):
        self.sleeper = Sleeper()
        self.woken = []
        self.cancelled = []

    async def sleep(self, at_most=None):
        try:
            await (
                self.sleeper.until_woken()
                if at_most is None
                else self.sleeper.sleep_at_most(at_most)
            )
            self.woken.append(anyio.current_time())
        except anyio.get_cancelled_exc_class():
            self.cancelled.append(anyio.current_time())
            raise


@pytest.fixture
def night():
    return Night()


async def test_a_sleeper_goes_on_when_it_is_woken(night):
    """Sleeping lasts until somebody calls wake."""
    async with anyio.create_task_group() as group:
        group.start_soon(night.sleep)
        await anyio.sleep(5)
        assert night.woken == []
        night.sleeper.wake()
    assert night.woken == [anyio.current_time()]


async def test_waking_who_is_awake_is_not_remembered(night):
    """A wake that came before the sleep does not end it, and a second one is no error."""
    night.sleeper.wake()
    async with anyio.create_task_group() as group:
        group.start_soon(night.sleep)
        await anyio.wait_all_tasks_blocked()
        assert night.woken == []
        night.sleeper.wake()
        night.sleeper.wake()
    assert len(night.woken) == 1


async def test_cancelled_while_sleeping(night):
    """A sleeper that is cancelled stays so, even if it is woken at that time or later."""
    async with anyio.create_task_group() as group:
        group.start_soon(night.sleep)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        night.sleeper.wake()
    night.sleeper.wake()
    assert night.cancelled == [anyio.current_time()]
    assert night.woken == []


async def test_a_sleeper_need_not_sleep_longer_than_it_wants(night):
    """Its sleep ends by itself, or sooner by wake, and the next one is a whole one again."""
    begun = anyio.current_time()
    await night.sleep(at_most=3)
    async with anyio.create_task_group() as group:
        group.start_soon(night.sleep, 3)
        await anyio.sleep(1)
        night.sleeper.wake()
    await night.sleep(at_most=3)
    assert night.woken == [begun + 3, begun + 4, begun + 7]


async def test_cancelled_while_sleeping_for_a_time(night):
    """A sleeper that is cancelled stays so, and neither a wake nor its time wakes it later."""
    async with anyio.create_task_group() as group:
        group.start_soon(night.sleep, 3)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
        night.sleeper.wake()
    await anyio.sleep(5)
    assert len(night.cancelled) == 1
    assert night.woken == []
