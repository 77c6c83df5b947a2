"""Turns at a key: one task holds it, and the others come in order, on asyncio and trio."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from cronapi._calls.turns import Turns

KEY = ("cron", "https://example.com/", "ping")


class Tasks:
    """Tasks that take turns for some seconds each, and the order in which they had them."""

    def __init__(self, seconds=1):
        self.seconds = seconds
        self.turns = Turns()
        self.had = []

    async def take(self, name, max_wait=None, key=KEY):
        if not await self.turns.take(key, max_wait):
            self.had.append(f"{name} gave up")
            return
        self.had.append(name)
        try:
            await anyio.sleep(self.seconds)
        finally:
            self.turns.end(key)

    def is_free(self):
        return not self.turns._waiting


async def start(group, *tasks):
    """Start tasks one after the other, since trio would let them begin in any order."""
    for task, *args in tasks:
        group.start_soon(task, *args)
        await anyio.wait_all_tasks_blocked()


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_turns_come_in_order_and_at_each_key_alone():
    """Waiting tasks come one after the other, first come, first served. Another key is free."""
    tasks = Tasks()
    async with anyio.create_task_group() as group:
        await start(group, *[(tasks.take, name) for name in "abc"], (tasks.take, "d", None, "key"))
        assert tasks.had == ["a", "d"]
    assert tasks.had == ["a", "d", "b", "c"]
    assert anyio.current_time() == 3
    assert tasks.is_free()


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_a_turn_that_takes_too_long_is_given_up():
    """A free turn can be had without a wait. A held one is given up after max_wait, and the next
    task comes as if that one had never asked.
    """
    tasks = Tasks()
    async with anyio.create_task_group() as group:
        waits = {"free": 0.0, "none": 0.0, "short": 0.5, "long": 2.0}
        await start(group, *[(tasks.take, name, wait) for name, wait in waits.items()])
    assert tasks.had == ["free", "none gave up", "short gave up", "long"]
    assert tasks.is_free()


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_a_task_that_is_cancelled_while_it_waits_costs_nobody_a_turn():
    """A waiting task may be cancelled: the next one comes when the first one ends."""
    tasks, scope = Tasks(), anyio.CancelScope()

    async def leave():
        with scope:
            await tasks.take("cancelled")

    async with anyio.create_task_group() as group:
        await start(group, (tasks.take, "first"), (leave,), (tasks.take, "last"))
        await anyio.sleep(0.5)
        scope.cancel()
    assert tasks.had == ["first", "last"]
    assert anyio.current_time() == 2
    assert tasks.is_free()


async def test_a_task_that_is_cancelled_just_when_its_turn_comes_passes_it_on():
    """Asyncio cancels a task that was woken already: its turn goes to the next one."""
    tasks = Tasks(seconds=0)
    assert await tasks.turns.take(KEY, None)
    cancelled, last = (asyncio.ensure_future(tasks.take(name)) for name in ("cancelled", "last"))
    await anyio.wait_all_tasks_blocked()
    tasks.turns.end(KEY)
    cancelled.cancel()
    await last
    assert cancelled.cancelled()
    assert tasks.had == ["last"]
    assert tasks.is_free()
