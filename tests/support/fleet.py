"""Buckets of one budget, as several processes would make them, and calls on them."""

from __future__ import annotations

import itertools

import anyio

from cronapi import Rate, Scheduler
from cronapi.scheduler import LocalBucket, RedisBucket
from cronapi.scheduler.redis_script import SCRIPT, key_of

EPOCH = 1_700_000_000


class Fleet:
    """Makes the buckets of one budget, as several processes would; `skew` is added to Redis's
    clock.
    """

    def __init__(self, server=None):
        self.server = server
        self.skew = 0.0
        self.local = None
        if server is not None:
            server.client.flushall()
            self.script = server.client.register_script(SCRIPT)

    def evaluate(self, arguments):
        now = round((EPOCH + self.skew + anyio.current_time()) * 1_000_000)
        return [
            int(value) for value in self.script(keys=[key_of("contract")], args=[now, *arguments])
        ]

    def bucket(self, rate=10.0):
        if self.server is not None:
            return RedisBucket(self.evaluate, clock=anyio.current_time, threads=False)
        self.local = self.local or LocalBucket(Rate(rate), clock=anyio.current_time)
        return self.local

    def scheduler(self, rate=10.0, **options):
        return Scheduler(rate, bucket=self.bucket(rate), **options)


def caller(scheduler, starts, name=None, lane="bulk"):
    async def call():
        async with scheduler.slot(lane):
            starts.append((anyio.current_time(), name))

    return call


async def run_all(*calls):
    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(call)


def gaps(starts):
    return [later - earlier for (earlier, _), (later, _) in itertools.pairwise(sorted(starts))]


async def settle(scheduler, *outcomes):
    """Take a slot after the other, end each as told, and return when they started."""
    times = []
    for outcome in outcomes:
        slot = await scheduler.acquire()
        times.append(anyio.current_time())
        getattr(slot, outcome)()
        slot.close()
        await slot.publish()
    return times
