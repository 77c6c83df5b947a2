"""Every seat comes back, however odd the answer is, and however the request ends."""

from __future__ import annotations

import contextlib
import math

import anyio
import httpx
import pytest

from cronapi import ConfigurationError, Rate, Scheduler, ServiceUnavailableError
from cronapi.emulator import create_app
from cronapi.scheduler import LocalBucket
from cronapi.scheduler.tuning import LONGEST_RETRY_AFTER
from tests.support.emulated import FAST, client_of
from tests.support.fleet import settle

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]

LONGEST = LONGEST_RETRY_AFTER
ASKED = {
    1e305: LONGEST,
    math.inf: LONGEST,
    10**400: LONGEST,
    LONGEST + 1: LONGEST,
    math.nan: 0.0,
    -math.inf: 0.0,
    -(10**400): 0.0,
    -1e305: 0.0,
    5e-324: 0.0,
    7: 7.0,
}
"""Waits that a service may ask for, in seconds, and the holds that follow."""

HEADERS = [
    *("1e305", "1e400", "inf", "nan", "-1e305", "9" * 400, "-" + "9" * 400, "0x10", "1_000"),
    *("\u0667\u0667", "\uff17", "5, 10", "5\t", "5;5", "", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"),
    *("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 99 Foo 2030"),
    *("Mon, 01 Jan 99999 00:00:00 GMT", "1 Jan 2031 00:00:00 +99999999", "Mon, 1 Jan"),
]


class Odd(LocalBucket):
    """A bucket of somebody's own that fails where it should learn an outcome."""

    def _fail(self, *_):
        raise RuntimeError("odd")

    accepted = refused = lost = release_unused = _fail


async def test_no_wait_that_a_service_asks_for_is_longer_than_two_minutes(fleet):
    """Any number holds for at most two minutes, frees its seat, and lets the next call go."""
    scheduler = fleet.scheduler()
    for asked, hold in ASKED.items():
        slot = await scheduler.acquire()
        if asked >= 0:
            slot.refused(asked)
        else:  # no header is read as such a number, and a caller is told
            with pytest.raises(ConfigurationError):
                slot.refused(asked)
            scheduler.bucket.refused(slot.start, asked)
        slot.close()
        await slot.publish()
        begun = anyio.current_time()
        await settle(scheduler, "accepted")
        assert scheduler.stats.in_flight == 0
        assert hold - 1e-3 <= anyio.current_time() - begun <= max(hold, 0.2) + 1e-3, asked
        await anyio.sleep(700)


@pytest.mark.crowd
async def test_no_retry_after_takes_a_seat_for_good(fleet):
    """After an answer with any Retry-After, or with several, the client sends as before."""
    scheduler, waits = fleet.scheduler(max_in_flight=1), []

    def handle(_):
        if not waits:
            return httpx.Response(200, json={"status": "success", "code": 0, "data": []})
        return httpx.Response(503, headers=[("Retry-After", wait) for wait in waits.pop()])

    async with client_of(None, scheduler=scheduler, transport=httpx.MockTransport(handle)) as api:
        for headers in [*([header] for header in HEADERS), ["5", "10"], ["soon", "1e305"]]:
            waits.append([header.encode() for header in headers])
            with contextlib.suppress(ServiceUnavailableError):
                await api.cron.list()
            assert scheduler.stats.in_flight == 0
            await anyio.sleep(130)
            await api.cron.list()


@pytest.mark.parametrize("how", ["accepted", "refused", "lost", "release_unused", "close", "with"])
async def test_a_bucket_that_fails_takes_no_seat_for_good(how):
    """A slot gives its seat back even if the bucket raises where it should learn the outcome."""
    bucket = Odd(Rate(1e6), clock=anyio.current_time)
    scheduler = Scheduler(1e6, bucket=bucket, max_in_flight=1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="odd"):  # noqa: PT012 -- any step may raise
            async with scheduler.slot() as slot:
                if how != "with":
                    getattr(slot, how)()
        assert scheduler.stats.in_flight == 0


async def test_a_bucket_that_fails_stops_no_client():
    """A call is answered, and the next one too, though the bucket raises at each outcome."""
    bucket = Odd(Rate(1e6), clock=anyio.current_time)
    scheduler = Scheduler(1e6, bucket=bucket, max_in_flight=1)
    async with client_of(create_app(rates=FAST), scheduler=scheduler) as api:
        for _ in range(3):
            with anyio.fail_after(10):
                await api.cron.list()
            assert scheduler.stats.in_flight == 0
