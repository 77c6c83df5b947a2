"""The shared bucket with real Redis, real processes and real time, and nginx as the judge."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import threading
import time

import pytest

from cronapi import Applied, Scheduler, SchedulerError
from cronapi.emulator import create_app
from cronapi.scheduler import RedisBucket
from tests.support.emulated import FAST, client_of
from tests.support.fleet_processes import compared_fleet, least_share
from tests.support.judges import NGINX, free_port
from tests.support.plain_client import toll_of
from tests.support.redis_server import ABSENT, REDIS, redis_server

pytestmark = pytest.mark.judged
needs_redis = pytest.mark.skipif(REDIS is None, reason=ABSENT)
needs_nginx = pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine")


@pytest.fixture(scope="module")
def shared_server():
    with redis_server() as server:
        yield server


@pytest.fixture
def server(shared_server):
    """A Redis server that runs and is empty."""
    shared_server.client.flushall()
    shared_server.client.config_resetstat()
    return shared_server


@pytest.fixture
def mortal_server():
    """A Redis server that a test may stop."""
    with redis_server() as server:
        yield server


def scheduler_of(server, rate=50, key="test", **options):
    return Scheduler(rate, bucket=RedisBucket.from_url(server.url, key=key, **options))


async def start(scheduler, starts):
    async with scheduler.slot():
        starts.append(time.monotonic())


async def start_many(scheduler, starts, count):
    await asyncio.gather(*[start(scheduler, starts) for _ in range(count)])


# --- processes -----------------------------------------------------------------------------------


@needs_redis
@needs_nginx
def test_four_processes_share_one_budget(server):
    """Sixty calls from four processes all succeed at nearly the full rate.

    Few are refused on the way, each start costs one evaluation, and no process is left behind.
    """
    with compared_fleet(server.url, 4, 15) as (judge, workers, plain):
        before = server.evaluations()
        begun = time.time()
        for worker in workers:
            worker.go()
        said = [worker.said() for worker in workers]
        evaluations = server.evaluations() - before
        seen, toll = (len(judge.accepted()), judge.refused()), toll_of(plain(), 10)
    assert [failed for _, failed in said] == [[]] * 4
    assert seen[0] == 60
    assert seen[1] <= 12 + toll.refused
    assert evaluations <= 1.1 * sum(seen) + 4 + toll.messages, (seen, toll)
    times = [ended for ended, _ in said]
    assert sum(map(len, times)) == 60
    assert 5.9 < max(map(max, times)) - begun < 15 * toll.slowness
    assert least_share(times) >= 0.6


@needs_redis
@needs_nginx
def test_a_process_that_is_killed_costs_the_others_little(server):
    """One of three processes is killed half-way: the others end their calls without delay."""
    with compared_fleet(server.url, 3, 15) as (judge, workers, plain):
        begun = time.time()
        for worker in workers:
            worker.go()
        while len(judge.accepted()) < 15:
            time.sleep(0.01)
        workers[0].kill()
        said = [worker.said() for worker in workers[1:]]
        toll = toll_of(plain(), 10)
    assert [failed for _, failed in said] == [[], []]
    assert [len(times) for times, _ in said] == [15, 15]
    assert max(at for times, _ in said for at in times) - begun < 9 * toll.slowness


@needs_redis
def test_event_loops_in_threads_share_one_bucket(server):
    """Three event loops in three threads may share the very bucket object."""
    bucket, starts = RedisBucket.from_url(server.url, key="threads"), []
    threads = [
        threading.Thread(
            target=asyncio.run, args=(start_many(Scheduler(100, bucket=bucket), starts, 10),)
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    starts.sort()
    assert len(starts) == 30
    assert starts[-1] - starts[0] > 29 / 100 * 0.9


# --- Redis comes and goes ------------------------------------------------------------------------


@needs_redis
async def test_redis_that_is_restarted_loses_nobody(mortal_server):
    """Redis goes away for a second and comes back empty: every caller gets its start."""
    scheduler, starts = scheduler_of(mortal_server), []
    work = asyncio.ensure_future(start_many(scheduler, starts, 60))
    await asyncio.sleep(0.4)
    mortal_server.stop()
    await asyncio.sleep(1.0)
    mortal_server.start()
    await asyncio.wait_for(work, 20)
    assert len(starts) == 60
    mortal_server.client.script_flush()
    await start(scheduler, starts)


@needs_redis
async def test_redis_that_hangs_for_five_seconds_loses_nobody(server):
    """Redis answers nothing for five seconds: callers wait, and then all start.

    A caller that gives up meanwhile costs nothing.
    """
    scheduler, starts = scheduler_of(server), []
    await start(scheduler, starts)
    server.freeze()
    try:
        hung = time.monotonic()
        work = asyncio.ensure_future(start_many(scheduler, starts, 20))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(start(scheduler, starts), 0.5)
        await asyncio.sleep(4.5)
        assert not work.done()
        assert len(starts) <= 2
    finally:
        server.thaw()
    await asyncio.wait_for(work, 20)
    assert len(starts) == 21
    assert time.monotonic() - hung < 15
    assert scheduler.stats.in_flight == 0


@needs_redis
async def test_redis_away_for_good_is_said_in_time(mortal_server):
    """A call without Redis fails once the bucket's patience is over.

    Its error names the call and says that nothing was sent.
    """
    async with client_of(
        create_app(rates=FAST), scheduler=scheduler_of(mortal_server, timeout=1.0)
    ) as api:
        await api.account.get()
        mortal_server.stop()
        begun = time.monotonic()
        failed = await asyncio.gather(
            *[api.account.get() for _ in range(30)], return_exceptions=True
        )
        assert 0.9 < time.monotonic() - begun < 5
    assert {type(error) for error in failed} == {SchedulerError}
    assert {
        (error.provider, error.function, error.attempts, error.applied) for error in failed
    } == {("fastcron", "account.get", 0, Applied.NO)}
    assert "unreachable" in str(failed[0])
    assert "nothing was sent" in str(failed[0])


@needs_redis
async def test_a_share_of_the_rate_without_redis(mortal_server, caplog):
    """With fallback="local" and share=4, the process goes on at a quarter of the rate.

    It is back at the whole rate once Redis answers.
    """
    scheduler, starts = scheduler_of(mortal_server, 40, timeout=0.2, fallback="local", share=4), []
    await start(scheduler, starts)
    mortal_server.stop()
    await start(scheduler, starts)
    begun = time.monotonic()
    await start_many(scheduler, starts, 15)
    assert time.monotonic() - begun > 15 / 10 * 0.9
    mortal_server.start()
    async with asyncio.timeout(20):
        while scheduler.bucket._standing_in:
            await start(scheduler, starts)
    before = mortal_server.evaluations()
    back = len(starts)
    await start_many(scheduler, starts, 40)
    assert mortal_server.evaluations() - before >= 39  # one may have been reserved before
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts[back:])]
    assert statistics.quantiles(gaps, n=4)[0] < 1 / 10 * 0.9
    assert [record.levelname for record in caplog.records if "alone" in record.message] == [
        "WARNING"
    ]


async def test_no_server_at_the_address():
    """Where nobody listens, the first call fails in time and says what to do."""
    bucket = RedisBucket.from_url(
        f"redis://:hidden@127.0.0.1:{free_port()}", key="nobody", timeout=0.3
    )
    with pytest.raises(SchedulerError, match="Check the Redis server") as failed:
        await start(Scheduler(10, bucket=bucket), [])
    assert isinstance(failed.value.__cause__, OSError)
    assert "hidden" not in f"{failed.value}{failed.value.__cause__}{bucket!r}"
