"""Thousands of calls of which a third are given up at random moments: the others are answered, and
nothing leaks.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from cronapi import RetryPolicy, Scheduler, SetCronJob
from cronapi.emulator import Fault, create_app, run_in_thread
from tests.support.emulated import FAST, TOKEN, client_of


async def give_up(call, seconds, how):
    """Make a call and give it up after a while: by a timeout or by cancelling its task."""
    if how == "timeout":
        try:
            async with asyncio.timeout(seconds):
                await call
        except TimeoutError:
            return False
        return True
    task = asyncio.ensure_future(call)
    await asyncio.wait([task], timeout=seconds)
    return not task.cancel()


async def storm(api, calls, rng, patience):
    """Return how many of the patient calls were answered, while a third of all give up."""
    answered, tasks = [], []

    async def patient():
        answered.append(await api.cron.list())

    for number in range(calls):
        hasty = number % 3 == 0
        call = (
            give_up(api.cron.list(), rng.uniform(0, patience), rng.choice(["timeout", "cancel"]))
            if hasty
            else patient()
        )
        tasks.append(asyncio.ensure_future(call))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return len(answered)


def patient_of(calls):
    return calls - len(range(0, calls, 3))


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1])
async def test_five_thousand_calls_in_process(seed):
    """Of 5,000 calls in process every one that is not given up is answered, and the next hundred
    are fine.
    """
    app = create_app(rates=FAST)
    async with client_of(app, scheduler=Scheduler(3000.0)) as api:
        assert await storm(api, 5000, random.Random(seed), 2.0) == patient_of(5000)
        assert len(await asyncio.gather(*[api.cron.list() for _ in range(100)])) == 100
        assert api.scheduler.stats.in_flight == 0
        assert sum(api.scheduler.stats.waiting.values()) == 0


def open_connections(api):
    """Return the connections of the client's pool, and how many of them are not idle."""
    connections = api._transport._own._transport.inner._pool.connections
    return len(connections), sum(not connection.is_idle() for connection in connections)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("calls", "seed"), [(300, 3), pytest.param(1000, 3, marks=pytest.mark.proof)]
)
async def test_many_calls_over_real_sockets(calls, seed):
    """Of many calls over sockets, some stalled and some reset, every one that is not given up is
    answered; no connection leaks.
    """
    app = create_app(rates=FAST)
    app.emulator.faults.add(
        Fault("reset", times=None, share=0.02),
        Fault("stall", times=None, share=0.02, seconds=0.2),
        Fault("cut", times=None, share=0.02),
    )
    retry = RetryPolicy(max_attempts=20, max_delay=0.05)
    with run_in_thread(app) as origin:
        async with SetCronJob(
            TOKEN, base_url=f"{origin}/api/", scheduler=Scheduler(400.0), retry=retry
        ) as api:
            assert await storm(api, calls, random.Random(seed), 2.0) == patient_of(calls)
            app.emulator.faults.clear()
            assert len(await asyncio.gather(*[api.cron.list() for _ in range(100)])) == 100
            connections, busy = open_connections(api)
            assert connections <= 20
            assert busy == 0
            assert api.scheduler.stats.in_flight == 0
