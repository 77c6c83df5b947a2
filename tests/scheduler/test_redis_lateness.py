"""A look at a real Redis before a request goes out: odd values, another release, and silence."""

from __future__ import annotations

import itertools
import threading

import anyio
import pytest

from cronapi import Scheduler
from cronapi.scheduler import RedisBucket
from cronapi.scheduler.redis_script import RemoteScript
from tests.support.fleet import process, run_all
from tests.support.redis_server import ABSENT, REDIS, redis_server

HASH = "{cronapi:contract}"


@pytest.mark.virtual_clock
@pytest.mark.parametrize("odd", ["soon", "nan", "inf", "-inf", "", "9" * 30])
async def test_an_odd_time_keeps_nobody_waiting(redis_fleet, odd):
    """What cannot be true is no news, and the fleet goes on with what it has learnt."""
    scheduler = redis_fleet.scheduler(1.0)
    slot = await scheduler.acquire()
    redis_fleet.server.client.hset(HASH, "sent", odd)
    begun = anyio.current_time()
    await slot.ready()
    assert anyio.current_time() - begun < 0.1
    slot.accepted()
    slot.close()


@pytest.mark.virtual_clock
async def test_a_clock_that_is_set_back_keeps_nobody_away(redis_fleet):
    """A request that went out by the clock of before is as long ago by the new one."""
    sent = []
    await run_all(process(redis_fleet, 0.3, sent))
    redis_fleet.skew = -3600.0
    await run_all(*[process(redis_fleet, 0, sent) for _ in range(3)])
    waits = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert min(waits) >= 1.0
    assert max(waits) < 1.15


@pytest.mark.virtual_clock
async def test_what_an_earlier_release_has_learnt_is_kept(redis_fleet):
    """Its hash has no time of the last request: the fleet goes on with its margin."""
    sent = []
    await run_all(process(redis_fleet, 0, sent, outcome="refused"))
    client = redis_fleet.server.client
    client.hdel(HASH, "sent")
    margin = client.hget(HASH, "margin")
    await run_all(process(redis_fleet, 0, sent, outcome="lost"))
    assert client.hget(HASH, "margin") == margin
    assert float(client.hget(HASH, "refused")) == 1


@pytest.mark.virtual_clock
async def test_an_evaluate_that_cannot_look_goes_on_without(redis_fleet):
    """A function of one's own that only evaluates tells late requests, and does not look."""
    look = redis_fleet.bucket(1.0)
    plain = RedisBucket(look._send, clock=anyio.current_time, threads=False)
    slot = await Scheduler(1.0, bucket=plain).acquire()
    await slot.ready()
    slot.accepted()
    slot.close()


class SilentLook:
    """Evaluates in a Redis. A look there gets no answer until `answers` is set."""

    def __init__(self, script):
        self.script, self.answers = script, threading.Event()

    def __call__(self, arguments):
        return self.script(arguments)

    def last_sent(self):
        self.answers.wait(30)
        return 0.0


@pytest.mark.each_loop
async def test_a_look_that_gets_no_answer_holds_no_request_up(server):
    """A request that has its start goes out, and a thread waits for the answer."""
    silent = SilentLook(RemoteScript(server.url, "late"))
    slot = await Scheduler(1.0, bucket=RedisBucket(silent)).acquire()
    await slot.ready()
    assert not silent.answers.is_set()
    silent.answers.set()
    slot.accepted()
    slot.close()


@pytest.mark.skipif(REDIS is None, reason=ABSENT)
async def test_a_redis_that_is_gone_holds_no_request_up():
    """A request that has its start goes out, whatever has become of Redis."""
    with redis_server() as server:
        bucket = RedisBucket.from_url(server.url, key="late")
        slot = await Scheduler(1.0, bucket=bucket).acquire()
        server.stop()
        await slot.ready()
        slot.accepted()
        slot.close()


def test_the_time_of_the_last_request_is_read_from_redis(server):
    """It is that of the latest one, in microseconds of Redis's clock."""
    script = RemoteScript(server.url, "late times")
    assert script.last_sent() == 0
    for at in (5_000_000, 4_000_000):
        script([1_000_000, 12_000_000, 1, "sent", 0, at, 0])
    assert script.last_sent() == 5_000_000
