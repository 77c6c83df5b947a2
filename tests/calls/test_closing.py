"""How a client ends: callers that go away, closing, and event loops."""

from __future__ import annotations

import asyncio
import threading

import anyio
import httpx
import pytest

from cronapi import (
    Applied,
    ConfigurationError,
    Scheduler,
)
from tests.support.emulated import URL, client_of
from tests.support.line import CALLS, QUICK, Gate, Line, failure, pass_time, until

# --- callers that go away ------------------------------------------------------------------------


async def test_a_caller_that_goes_away_leaves_the_exchange_to_end():
    """A cancelled call's request is not cut off: its seat is freed when the answer has come, and
    the next call works.
    """
    gate = Gate()
    async with Line(cron_add=gate).client() as api:
        call = asyncio.create_task(CALLS["CREATE"](api))
        await gate.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert api.scheduler.stats.in_flight == 1
        gate.opened.set()
        await until(lambda: not api.scheduler.stats.in_flight)
        assert (await api.cron.get(7)).id == 7


async def test_a_caller_that_goes_away_before_its_slot_sends_nothing():
    """A call that is cancelled while it waits for its slot never becomes a request."""
    gate, line = Gate(), Line()
    line.scripts["cron_get"] = gate
    async with line.client(scheduler=Scheduler(10_000.0, max_in_flight=1)) as api:
        first = asyncio.create_task(api.cron.get(7))
        await gate.arrived.wait()
        second = asyncio.create_task(CALLS["CREATE"](api))
        await until(lambda: api.scheduler.stats.waiting["interactive"])
        second.cancel()
        await asyncio.wait([second])
        gate.opened.set()
        await first
    assert line.asked == ["cron_get"]


# --- the end -------------------------------------------------------------------------------------


async def test_a_closed_client_says_so():
    """After closing, calls and `async with` are refused before anything is sent."""
    line = Line()
    async with line.client() as api:
        await api.cron.get(7)
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)
    with pytest.raises(ConfigurationError, match="closed"):
        await api.with_options(max_wait=1).call("cron.list")
    with pytest.raises(ConfigurationError, match="closed"):
        await api.__aenter__()
    assert line.asked == ["cron_get"]


@pytest.mark.parametrize("used", [True, False])
async def test_closing_twice_does_nothing(used):
    """The second aclose() changes nothing, whether the client was used or not."""
    api = Line().client()
    if used:
        await api.cron.get(7)
    await api.aclose()
    assert await api.aclose() is None
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)


async def test_a_transport_handed_in_is_closed_with_the_client():
    """A transport belongs to the client, and is closed once."""
    closed = []

    class Own(httpx.MockTransport):
        async def aclose(self):
            closed.append(self)

    transport = Own(Line())
    async with client_of(None, transport=transport) as api:
        await api.cron.get(7)
    await api.aclose()
    assert closed == [transport]


async def test_closing_from_another_task():
    """Fixtures and web frameworks close a client from another task than the one that made it."""
    api = Line().client()

    async def enter():
        await api.__aenter__()
        await api.cron.get(7)

    await asyncio.create_task(enter())
    await asyncio.create_task(api.__aexit__(None, None, None))
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)


@pytest.mark.parametrize("closers", [1, 3])
async def test_closing_waits_for_requests_under_way(closers):
    """A request under way is answered before aclose() returns, also when several tasks close at
    once, and none waits longer than that.
    """
    gate = Gate()
    api = Line(cron_add=gate).client(timeout=3600.0)
    call = asyncio.create_task(CALLS["CREATE"](api))
    await gate.arrived.wait()
    closing = [asyncio.create_task(api.aclose()) for _ in range(closers)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in closing)
    gate.opened.set()
    done, late = await asyncio.wait(closing, timeout=10)
    assert (len(done), late) == (closers, set())
    assert (await call).id == 7


async def test_closing_does_not_wait_for_ever():
    """A request that never ends holds aclose() up for the timeout only, and its caller gets one of
    our errors.
    """

    async def never(_):
        await anyio.sleep_forever()

    line = Line(default=never)
    api = line.client(timeout=5.0, retry=QUICK)
    call = asyncio.create_task(failure(CALLS["SAME"](api)))
    await until(lambda: line.asked)
    closing = asyncio.create_task(api.aclose())
    await asyncio.sleep(0)
    pass_time(5.0)
    await closing
    error = await call
    assert error.applied is Applied.UNKNOWN
    assert line.asked == ["cron_edit"]


async def test_a_call_in_the_queue_is_refused_when_the_client_closes():
    """A call that still waits for its slot when the client is closed is not sent, and gives its
    slot back.
    """
    gate = Gate()
    line = Line(cron_get=gate)
    scheduler = Scheduler(10_000.0, max_in_flight=1)
    api = line.client(scheduler=scheduler)
    first = asyncio.create_task(api.cron.get(7))
    await gate.arrived.wait()
    second = asyncio.create_task(failure(CALLS["CREATE"](api)))
    await until(lambda: scheduler.stats.waiting["interactive"])
    closing = asyncio.create_task(api.aclose())
    await asyncio.sleep(0)
    gate.opened.set()
    await closing
    await first
    error = await second
    assert type(error) is ConfigurationError
    assert error.applied is Applied.NO
    assert line.asked == ["cron_get"]
    assert (scheduler.stats.in_flight, scheduler.stats.waiting["interactive"]) == (0, 0)


async def test_closing_one_view_closes_all():
    """Clients made by with_options share their end."""
    api = Line().client()
    await api.with_options(max_wait=1).aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)


# --- event loops ---------------------------------------------------------------------------------


def test_a_client_belongs_to_the_loop_that_first_used_it():
    """Made before any loop runs, it works on the first and says on a second that it belongs to
    another.
    """
    line = Line()
    api = line.client(scheduler=None)
    assert asyncio.run(_got(api)) == 7
    with pytest.raises(ConfigurationError, match="another event loop"):
        asyncio.run(_got(api))
    assert line.asked == ["cron_get"]


def test_every_bulk_can_be_made_before_a_loop_runs():
    """A bulk needs an event loop to be carried out, and not to be made."""
    cron, edits = Line().client(scheduler=None).cron, [(7, {"name": "n"})]
    for make in (cron.get_many, cron.delete_many, cron.enable_many, cron.disable_many):
        asyncio.run(make([7]).aclose())
    for bulk in (
        cron.add_many([{"url": URL}]),
        cron.edit_many(edits),
        cron.edit_many(edits, batch=True),
        cron.pause_many([7], for_="1 hour"),
        cron.run_many([7]),
    ):
        asyncio.run(bulk.aclose())


async def _got(api):
    return (await api.cron.get(7)).id


async def test_a_client_is_refused_on_a_loop_of_another_thread():
    """A second thread's event loop is told so at once, and the first goes on."""
    line, said = Line(), []
    async with line.client() as api:
        assert await _got(api) == 7

        def elsewhere():
            try:
                asyncio.run(_got(api))
            except ConfigurationError as error:
                said.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert "another event loop" in said[0]
        assert await _got(api) == 7


async def test_closing_on_another_loop_does_not_break_either():
    """aclose() on a foreign loop only refuses further calls: the connections belong to the first
    loop.
    """
    api = Line().client()
    assert await _got(api) == 7
    thread = threading.Thread(target=lambda: asyncio.run(api.aclose()))
    thread.start()
    thread.join()
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.get(7)
    await api.aclose()
