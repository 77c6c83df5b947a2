"""The tray on which a bulk's outcomes lie ready: nothing is lost, and nobody waits for ever."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from cronapi.bulk.outcome_buffer import Tray


async def test_things_are_taken_in_their_order():
    """Whoever takes gets each thing once, in the order in which they were put down, and None at the end."""
    tray, taken = Tray(3), []

    async def put():
        for number in range(10):
            tray.put(number)
            await tray.room()
        tray.end()

    async with anyio.create_task_group() as group:
        group.start_soon(put)
        while (thing := await tray.take()) is not None:
            taken.append(thing)
    assert taken == list(range(10))
    assert await tray.take() is None


async def test_who_puts_waits_while_too_much_lies_there():
    """No more than so many lie there while all who put wait for room, and each that is taken makes room for one."""
    tray, put = Tray(3), []

    async def work():
        while True:
            await tray.room()
            tray.put(0)
            put.append(0)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        assert len(put) == 3
        await tray.take()
        await anyio.wait_all_tasks_blocked()
        assert len(put) == 4
        group.cancel_scope.cancel()


async def test_who_waits_for_a_thing_goes_first():
    """What is put down is taken before the one who put it and waits for room goes on."""
    tray, order = Tray(3), []

    async def take():
        await tray.take()
        order.append("taken")

    for _ in range(20):
        order.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(take)
            await anyio.wait_all_tasks_blocked()
            tray.put(0)
            await tray.room()
            order.append("went on")
        assert order == ["taken", "went on"]


@pytest.mark.parametrize("given", [True, False])
async def test_who_is_cancelled_while_taking_loses_nothing(given):
    """A taker that is cancelled while it waits, also at the moment when something comes, has it or leaves it to the next."""
    tray, taken = Tray(3), []

    async def take():
        taken.append(await tray.take())

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        if given:
            tray.put(7)
        group.cancel_scope.cancel()
    tray.put(8)
    assert taken + list(tray.take_all()) == ([7, 8] if given else [8])


async def test_who_is_cancelled_while_waiting_for_room_is_let_go():
    """Waiting for room can be cancelled, and others still get room afterwards."""
    tray = Tray(1)
    tray.put(0)
    with anyio.move_on_after(1) as scope:
        await tray.room()
    assert scope.cancelled_caught
    async with anyio.create_task_group() as group:
        group.start_soon(tray.room)
        await anyio.wait_all_tasks_blocked()
        assert await tray.take() == 0


@pytest.mark.parametrize("what", ["take", "room"])
async def test_the_end_lets_everybody_go(what):
    """At the end nobody waits any more, neither for a thing nor for room; what lies there can still be taken."""
    tray = Tray(1)
    if what == "room":
        tray.put(0)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(getattr(tray, what))
        await anyio.wait_all_tasks_blocked()
        tray.end()
    await checkpoint()
    assert list(tray.take_all()) == ([0] if what == "room" else [])
