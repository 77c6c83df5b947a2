"""A call's seat in the queue, and a token function that awaits what was cancelled."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint

from cronapi import ConfigurationError, RequestTimeoutError
from tests.support.emulated import TOKEN, URL, emulator, paced, virtual

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


async def test_a_slot_is_entered_once():
    """A slot whose wait was given up is not entered again, and a place that was given up may be
    asked for again.
    """
    scheduler = virtual(1.0, max_in_flight=1)
    async with scheduler.slot() as held:
        waiting = scheduler.slot()
        with anyio.move_on_after(0.01):
            await waiting.__aenter__()
        with pytest.raises(ConfigurationError, match="another"):
            await waiting.__aenter__()
        with anyio.move_on_after(0.01):
            await scheduler.acquire(place=held.place)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(scheduler.acquire, "interactive", None, held.place)
            await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert sum(scheduler.stats.waiting.values()) == 0


async def test_a_token_function_that_awaits_what_was_cancelled_is_an_error_that_says_so():
    """A refresh that somebody cancelled neither cancels a call nor ends a bulk in silence: every
    item has an outcome.
    """
    app, calls = emulator(), itertools.count(1)

    async def token():
        await checkpoint()
        if next(calls) == 3:
            # as does `await task` of a task that somebody has cancelled
            raise asyncio.CancelledError
        return TOKEN

    async with paced(app, token=token) as api:
        report = await api.cron.add_many([{"url": URL, "name": f"job {n}"} for n in range(250)])
    assert len(report) == 250
    assert len(report.done) == len(app.emulator.jobs("fastcron")) > 0
    assert {type(outcome.error) for outcome in report.failed} == {ConfigurationError}


async def test_an_answer_that_surprises_leaves_no_seat_taken():
    """A raw run of several jobs, which no service documents, is answered: the seat is free, and
    closing waits for nothing.
    """
    app = emulator()
    answer = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"status": "success", "code": 0, "data": 1_900_000_000})
    )
    async with paced(app, transport=answer) as api:
        assert await api.call("cron.run", id=[7, 8]) == 1_900_000_000
        assert api.scheduler.stats.in_flight == 0
        before = anyio.current_time()
    assert anyio.current_time() == before


async def test_a_request_that_never_ends_is_cut_off_two_timeouts_after_it_began():
    """Its seat is free then, if its caller has waited for the whole timeout or has gone away."""

    async def never(_):
        await anyio.sleep_forever()

    async with paced(emulator(), transport=httpx.MockTransport(never), timeout=10.0) as api:
        for patience in (3.0, 60.0):
            begun = anyio.current_time()
            with anyio.move_on_after(patience), suppress(RequestTimeoutError):
                await api.with_options(retry=None).cron.get(7)
            assert anyio.current_time() - begun == pytest.approx(min(patience, 10.25))
            await anyio.sleep(20 - (anyio.current_time() - begun))
            assert api.scheduler.stats.in_flight == 1
            await anyio.sleep(0.5)
            assert api.scheduler.stats.in_flight == 0
