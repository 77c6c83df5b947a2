"""The cost of a disturbance, judged by real nginx.

The wire is the judge where the number of requests under way at the same time matters.

`python -m benchmarks.recovery` measures the long forms, and how soon the full speed is back.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from cronapi import Scheduler, SetCronJob
from cronapi.emulator import create_app, run_in_thread
from tests.support.emulated import TOKEN
from tests.support.judges import NGINX, another_program, hold, most_at_once, nginx, wire
from tests.support.plain_client import unlimited_service

pytestmark = pytest.mark.judged
needs_nginx = pytest.mark.skipif(
    NGINX is None, reason="nginx is not installed: the foreign judge of pacing is missing"
)
RATE = 10


@pytest.fixture(scope="module")
def service():
    """The emulator without a limit of its own, behind which nothing but nginx refuses."""
    with unlimited_service() as origin:
        yield origin


async def answered(origin, calls):
    """Let many coroutines read at once, and return how many were answered."""
    async with SetCronJob(TOKEN, base_url=f"{origin}/api/", scheduler=Scheduler(RATE)) as api:
        return len(await asyncio.gather(*[api.cron.list() for _ in range(calls)]))


async def until(happened):
    """Look every few milliseconds whether something has happened."""
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 -- what nginx has logged can only be asked for
            await asyncio.sleep(0.01)


@needs_nginx
async def test_another_program_that_takes_half_the_rate_costs_no_call(service):
    """Another program insists on half the rate for a while: all calls are answered all the same."""
    with nginx(service, RATE) as judge:
        ours, theirs = await asyncio.gather(
            answered(judge.origin, 20), another_program(judge.origin, 2 / RATE, 3)
        )
    assert ours == 20
    assert theirs > 0


@needs_nginx
async def test_an_outage_is_tried_by_one_request_at_a_time(service):
    """During an outage one request at a time tries if it is over, and none is lost.

    Otherwise two or more are under way.
    """
    trips = []
    with nginx(service, RATE) as judge, wire(judge.origin, 0.1, 0, trips=trips) as origin:
        working = asyncio.ensure_future(answered(origin, 24))
        await until(lambda: len(judge.accepted()) >= 10)
        since = time.monotonic()
        with judge.outage():
            await until(lambda: len(judge.statuses()) - len(judge.accepted()) >= 6)
        assert await working == 24
    probes = hold(trips, since, 1 / RATE)
    assert len(probes) >= 2
    assert most_at_once(probes) == 1
    assert most_at_once(trip for trip in trips if trip.answered < since) > 1


@needs_nginx
async def test_a_service_that_is_away_for_a_while_costs_no_call(service):
    """An outage of many intervals at the service's address loses no call."""
    with nginx(service, RATE) as judge:
        working = asyncio.ensure_future(answered(judge.origin, 20))
        await until(lambda: len(judge.accepted()) >= 5)
        judge.stop()
        await asyncio.sleep(10 / RATE)
        judge.start()
        assert await working == 20


async def test_a_service_that_counts_by_windows_costs_no_call():
    """A service that limits by a sliding or a fixed window answers all calls.

    It refuses fewer than ten a second.
    """

    async def ask(method):
        app = create_app(limiter=method, rates={"setcronjob": RATE})
        with run_in_thread(app) as origin:
            assert await answered(origin, 20) == 20
        limiter = app.emulator.limiters["setcronjob"]
        assert limiter.accepted == 20, method
        assert limiter.refused < limiter.accepted, method

    await asyncio.gather(ask("sliding"), ask("fixed"))
