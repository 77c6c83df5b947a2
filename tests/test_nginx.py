"""Real nginx as the judge: what its `limit_req` refuses, on a clean wire and on one with jitter."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from cronapi import RetryPolicy, Scheduler, SetCronJob
from cronapi.emulator import create_app, run_in_thread
from emulated import FAST, TOKEN
from judges import NGINX, nginx, wire

pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: the foreign judge of pacing is missing"),
    pytest.mark.timeout(120),
]
RATE, CALLS = 10, 40


@pytest.fixture(scope="module")
def service():
    """The emulator without a limit of its own, behind which nothing but nginx refuses."""
    with run_in_thread(create_app(rates=FAST)) as origin:
        yield origin


async def all_at_once(origin, calls=CALLS, **options):
    """Let many coroutines read at once, and return how many were answered."""
    options.setdefault("scheduler", Scheduler(RATE))
    async with SetCronJob(TOKEN, base_url=f"{origin}/api/", **options) as api:
        return len(await asyncio.gather(*[api.cron.list() for _ in range(calls)]))


def gaps(judge):
    """Return the seconds between accepted requests, as nginx logged them."""
    accepted = [at for at, status in judge.statuses() if status == 200]
    return [later - earlier for earlier, later in itertools.pairwise(accepted)]


def refused(judge):
    return sum(status == 503 for _, status in judge.statuses())


@pytest.mark.parametrize("burst", [0, 5])
async def test_the_allowed_rate_is_used_and_hardly_ever_refused(service, burst):
    """Forty coroutines at once: nginx answers all, refuses one in ten at most, and is not left waiting."""
    with nginx(service, RATE, burst) as judge:
        assert await all_at_once(judge.origin) == CALLS
        assert refused(judge) <= CALLS * 0.1
        typical = sorted(gaps(judge))[CALLS // 2]
        assert typical <= 1.1 / RATE


async def test_a_wire_with_jitter_costs_no_call(service):
    """Over 40 ms of wire with 10 ms of jitter every call is answered, and most attempts are let through."""
    with nginx(service, RATE) as judge, wire(judge.origin, 0.04, 0.01) as origin:
        assert await all_at_once(origin) == CALLS
        assert refused(judge) <= CALLS * 0.2


async def test_a_server_that_restarts_costs_no_call(service):
    """Nginx goes away in the middle of the work and comes back: every call is answered all the same."""
    with nginx(service, RATE) as judge:
        working = asyncio.ensure_future(all_at_once(judge.origin, 30, retry=RetryPolicy(max_attempts=20, max_delay=0.5)))
        await until(lambda: len(judge.statuses()) >= 10)
        judge.stop()
        judge.start()
        assert await working == 30


async def test_a_rate_configured_at_twice_what_is_allowed_costs_no_call(service):
    """A client that was told a rate that is too high is refused often, slows down, and loses nothing."""
    with nginx(service, RATE // 2) as judge:
        assert await all_at_once(judge.origin, 30) == 30


async def until(happened):
    """Look every few milliseconds whether something has happened."""
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 -- what nginx has logged can only be asked for
            await asyncio.sleep(0.01)
