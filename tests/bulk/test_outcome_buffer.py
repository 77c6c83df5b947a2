"""The buffer of a bulk's outcomes: it loses nothing, and nobody waits for ever."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from cronapi.bulk.outcome_buffer import OutcomeBuffer

pytestmark = pytest.mark.virtual_clock


@pytest.mark.each_loop
async def test_items_are_taken_in_their_order():
    """A consumer gets each item once, in the order in which they were put, and None at the end."""
    buffer, taken = OutcomeBuffer(3), []

    async def put():
        for number in range(10):
            buffer.put(number)
            await buffer.room()
        buffer.end()

    async with anyio.create_task_group() as group:
        group.start_soon(put)
        while (item := await buffer.take()) is not None:
            taken.append(item)
    assert taken == list(range(10))
    assert await buffer.take() is None


@pytest.mark.each_loop
async def test_producers_wait_while_the_buffer_is_full():
    """A full buffer keeps producers waiting, and each item that is taken makes room for one."""
    buffer, put = OutcomeBuffer(3), []

    async def work():
        while True:
            await buffer.room()
            buffer.put(0)
            put.append(0)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        assert len(put) == 3
        await buffer.take()
        await anyio.wait_all_tasks_blocked()
        assert len(put) == 4
        group.cancel_scope.cancel()


@pytest.mark.each_loop
async def test_a_waiting_consumer_goes_first():
    """An item is taken before the producer that waits for room goes on."""
    buffer, order = OutcomeBuffer(3), []

    async def take():
        await buffer.take()
        order.append("taken")

    for _ in range(20):
        order.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(take)
            await anyio.wait_all_tasks_blocked()
            buffer.put(0)
            await buffer.room()
            order.append("went on")
        assert order == ["taken", "went on"]


@pytest.mark.each_loop
@pytest.mark.parametrize("given", [True, False])
async def test_a_cancelled_take_loses_nothing(given):
    """A consumer that is cancelled while it waits has the item or leaves it to the next.

    This holds at the moment of a `put` too.
    """
    buffer, taken = OutcomeBuffer(3), []

    async def take():
        taken.append(await buffer.take())

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        if given:
            buffer.put(7)
        group.cancel_scope.cancel()
    buffer.put(8)
    assert taken + list(buffer.take_all()) == ([7, 8] if given else [8])


@pytest.mark.each_loop
async def test_waiting_for_room_can_be_cancelled():
    """Waiting for room can be cancelled, and others still get room afterwards."""
    buffer = OutcomeBuffer(1)
    buffer.put(0)
    with anyio.move_on_after(1) as scope:
        await buffer.room()
    assert scope.cancelled_caught
    async with anyio.create_task_group() as group:
        group.start_soon(buffer.room)
        await anyio.wait_all_tasks_blocked()
        assert await buffer.take() == 0


@pytest.mark.parametrize("method", ["take", "room"])
async def test_the_end_lets_everybody_go(method):
    """After the end nobody waits for an item or for room, and the rest can be taken."""
    buffer = OutcomeBuffer(1)
    if method == "room":
        buffer.put(0)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(getattr(buffer, method))
        await anyio.wait_all_tasks_blocked()
        buffer.end()
    await checkpoint()
    assert list(buffer.take_all()) == ([0] if method == "room" else [])
