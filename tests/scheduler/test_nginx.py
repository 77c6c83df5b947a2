"""Real nginx as the judge: what its `limit_req` refuses, on a clean wire and on one with jitter.

How busy the machine is shows in every figure. So each is compared with a plain httpx client with a
plain pace, which runs at the same time against an nginx of its own.
"""

from __future__ import annotations

import asyncio

import pytest

from cronapi import RetryPolicy, Scheduler, SetCronJob
from tests.support.emulated import TOKEN
from tests.support.judges import NGINX, nginx, wire
from tests.support.plain_client import plainly, toll_of, unlimited_service

pytestmark = [
    pytest.mark.judged,
    pytest.mark.skipif(
        NGINX is None, reason="nginx is not installed: the foreign judge of pacing is missing"
    ),
    pytest.mark.timeout(120),
]
RATE, CALLS = 10, 40


@pytest.fixture(scope="module")
def service():
    """The emulator without a limit of its own, behind which nothing but nginx refuses."""
    with unlimited_service() as origin:
        yield origin


async def all_at_once(origin, calls=CALLS, **options):
    """Let many coroutines read at once, and return how many were answered."""
    options.setdefault("scheduler", Scheduler(RATE))
    async with SetCronJob(TOKEN, base_url=f"{origin}/api/", **options) as api:
        return len(await asyncio.gather(*[api.cron.list() for _ in range(calls)]))


@pytest.mark.parametrize("burst", [0, 5])
async def test_the_allowed_rate_is_used_and_hardly_ever_refused(service, burst):
    """Forty coroutines are done sooner than at 0.9 of the pace, with hardly more refusals."""
    with nginx(service, RATE, burst) as judge, nginx(service, RATE, burst) as other:
        answered, _ = await asyncio.gather(
            all_at_once(judge.origin), plainly(other.origin, 1.1 / RATE, CALLS)
        )
        assert answered == CALLS
        toll = toll_of(other, RATE)
        assert judge.rate() > other.rate() - toll.rate
        assert judge.refused() <= toll.refused + CALLS * 0.1


async def test_a_wire_with_jitter_costs_no_call(service):
    """With 10 ms of jitter every call is answered, with half the refusals of a blind pace."""
    with nginx(service, RATE) as judge, nginx(service, RATE) as other:
        with wire(judge.origin, 0.04, 0.01) as origin, wire(other.origin, 0.04, 0.01) as another:
            answered, _ = await asyncio.gather(
                all_at_once(origin), plainly(another, 1 / RATE, CALLS)
            )
        assert answered == CALLS
        assert judge.refused() <= other.refused() / 2


async def test_a_server_that_restarts_costs_no_call(service):
    """Nginx goes away in the middle of the work and comes back: every call is answered."""
    with nginx(service, RATE) as judge:
        working = asyncio.ensure_future(
            all_at_once(judge.origin, 30, retry=RetryPolicy(max_attempts=20, max_delay=0.5))
        )
        await until(lambda: len(judge.statuses()) >= 10)
        judge.stop()
        judge.start()
        assert await working == 30


async def test_a_rate_configured_at_twice_what_is_allowed_costs_no_call(service):
    """A client with too high a rate is refused often, slows down, and loses nothing."""
    with nginx(service, RATE // 2) as judge:
        assert await all_at_once(judge.origin, 20) == 20


async def until(happened):
    """Look every few milliseconds whether something has happened."""
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 -- what nginx has logged can only be asked for
            await asyncio.sleep(0.01)
