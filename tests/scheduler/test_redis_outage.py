"""The shared bucket while Redis is away: callers wait, fail in time, or go on at a share."""

from __future__ import annotations

import contextlib

import anyio
import pytest

from cronapi import Scheduler, SchedulerError
from cronapi.scheduler import RedisBucket
from tests.support.fleet import caller, run_all, settle

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


class Flaky:
    """An evaluation that fails while `away`."""

    def __init__(self, fleet):
        self.answer = fleet.bucket()._send
        self.away = False
        self.tries = 0

    def __call__(self, arguments):
        self.tries += 1
        if self.away:
            raise ConnectionRefusedError("nobody listens")
        return self.answer(arguments)

    def scheduler(self, **options):
        return Scheduler(
            10, bucket=RedisBucket(self, clock=anyio.current_time, threads=False, **options)
        )


async def test_while_redis_is_away_callers_wait(redis_fleet):
    """Nine seconds without Redis delay everybody and fail nobody."""
    flaky, starts = Flaky(redis_fleet), []
    scheduler = flaky.scheduler()
    flaky.away = True
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(caller(scheduler, starts))
        await anyio.sleep(9.0)
        assert starts == []
        flaky.away = False
    assert len(starts) == 10
    assert anyio.current_time() < 9.0 + 0.5 + 1.2
    assert flaky.tries < 45


async def test_redis_away_for_good_fails_everybody_in_time(redis_fleet):
    """After ten seconds all hundred callers fail, and so does the next.

    Once Redis answers, calls go on.
    """
    flaky, failures, starts = Flaky(redis_fleet), [], []
    scheduler = flaky.scheduler()
    flaky.away = True

    async def call():
        with pytest.raises(SchedulerError, match=r"unreachable for 10\.0 s; nothing was sent"):
            await caller(scheduler, starts)()
        failures.append(anyio.current_time())

    begun = anyio.current_time()
    await run_all(*[call] * 100)
    assert len(failures) == 100
    assert max(failures) - begun < 10.6
    assert flaky.tries < 50
    assert scheduler.stats.in_flight == 0
    assert sum(scheduler.stats.waiting.values()) == 0
    with pytest.raises(SchedulerError):
        await caller(scheduler, starts)()
    flaky.away = False
    await anyio.sleep(1.0)
    await caller(scheduler, starts)()
    assert len(starts) == 1


async def test_a_new_outage_has_all_the_patience_again(redis_fleet):
    """An outage an hour ago is not held against the next."""
    flaky, starts = Flaky(redis_fleet), []
    scheduler = flaky.scheduler(timeout=2.0)
    flaky.away = True
    with contextlib.suppress(Exception):
        await caller(scheduler, starts)()
    await anyio.sleep(3600)
    async with anyio.create_task_group() as group:
        group.start_soon(caller(scheduler, starts))
        await anyio.sleep(1.0)
        flaky.away = False
    assert len(starts) == 1


async def test_a_local_bucket_stands_in(redis_fleet, caplog):
    """With fallback="local" calls go on at a share of the rate, and one warning says so.

    The whole rate is back once Redis is.
    """
    flaky, starts = Flaky(redis_fleet), []
    scheduler = flaky.scheduler(timeout=1.0, fallback="local", share=4)
    flaky.away = True
    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(caller(scheduler, starts))
        await anyio.sleep(11.0)
        assert 20 < len(starts) <= 26
        assert flaky.tries < 25
        flaky.away = False
        await anyio.sleep(2.0)
        alone = len(starts)
        await anyio.sleep(5.0)
        assert len(starts) - alone > 45
    assert len(starts) == 200
    assert [record.levelname for record in caplog.records if "alone" in record.message] == [
        "WARNING"
    ]


@pytest.mark.parametrize("fallback", ["error", "local"])
async def test_an_outage_of_redis_is_told_with_its_end(redis_fleet, caplog, fallback):
    """INFO says once that the bucket does not answer and for how long calls wait, and once that it
    answers again, with the seconds that it was away.
    """
    flaky = Flaky(redis_fleet)
    scheduler = flaky.scheduler(timeout=3.0, fallback=fallback)
    flaky.away = True
    with caplog.at_level("INFO", "cronapi"):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(caller(scheduler, []))
            await anyio.sleep(2.0)
            flaky.away = False
    first, last = caplog.records
    assert (first.cron_event, first.cron_wait) == ("bucket_outage_begins", 3.0)
    assert "nobody listens" in first.getMessage()
    assert last.cron_event == "bucket_outage_ends"
    assert 2.0 <= last.cron_seconds < 2.6


async def test_a_refusal_in_the_stand_in_is_the_stand_ins(redis_fleet):
    """Every outcome of a start is learnt where the start came from."""
    flaky = Flaky(redis_fleet)
    scheduler = flaky.scheduler(timeout=0.5, fallback="local")
    flaky.away = True
    for outcome in ("refused", "lost", "release_unused", "accepted"):
        slot = await scheduler.acquire()
        await slot.ready()
        getattr(slot, outcome)()
        slot.close()
        await slot.publish()
    assert scheduler.stats.refusals == 1
    flaky.away = False
    await anyio.sleep(2.0)
    await settle(scheduler, "accepted", "accepted", "accepted")
    assert scheduler.stats.refusals == 0


async def test_a_start_given_back_while_the_local_bucket_stands_in_does_not_keep_it_there(
    redis_fleet,
):
    """The process goes back to the fleet's budget once Redis answers, after any release."""
    flaky = Flaky(redis_fleet)
    scheduler = flaky.scheduler(timeout=0.5, fallback="local")
    early = await scheduler.acquire()
    flaky.away = True
    await settle(scheduler, "accepted")
    early.release_unused()
    flaky.away = False
    await anyio.sleep(2.0)
    await settle(scheduler, "accepted", "accepted", "accepted")
    assert not scheduler.bucket._standing_in
