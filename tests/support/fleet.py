"""Buckets of one budget, as several processes would make them, and calls on them."""

from __future__ import annotations

import itertools
import math

import anyio

from cronapi import Rate, Scheduler
from cronapi.scheduler import FileBucket, LocalBucket, RedisBucket
from cronapi.scheduler.redis_script import SCRIPT, key_of

EPOCH = 1_700_000_000


class Evaluation:
    """The script of a fleet in a Redis, whose clock is the one of the test."""

    def __init__(self, fleet, clock):
        self.fleet, self.clock = fleet, clock

    def __call__(self, arguments):
        now = round((EPOCH + self.fleet.skew + self.clock()) * 1_000_000)
        return self.fleet.evaluate([now, *arguments])

    def last_sent(self):
        return float(self.fleet.server.client.hget(key_of("contract"), "sent") or 0)


class Fleet:
    """Makes the buckets of one budget, as several processes would: in a Redis, or in a file, or the
    very same one.

    `skew` is added to Redis's clock and to that of the file.
    """

    def __init__(self, server=None, path=None):
        self.server = server
        self.path = path
        self.skew = 0.0
        self.asked = []
        """When a shared bucket was evaluated."""
        self.is_blind = False
        """True while no process sees in time when the last request went out."""
        self.local = None
        if server is not None:
            server.client.flushall()
            self.script = server.client.register_script(SCRIPT)

    def bucket(self, rate=10.0, clock=anyio.current_time):
        """Make the bucket of another process, with that process's clock."""
        if self.server is None and self.path is None:
            self.local = self.local or LocalBucket(Rate(rate), clock=clock)
            return self.local
        bucket = self._in_redis(clock) if self.server else self._in_file(clock)
        evaluate = bucket._send
        bucket._send = lambda arguments: self.asked.append(clock()) or evaluate(arguments)
        look = bucket._last_sent
        bucket._last_sent = lambda *given: -math.inf if self.is_blind else look(*given)
        return bucket

    def _in_redis(self, clock):
        return RedisBucket(Evaluation(self, clock), clock=clock, threads=False)

    def evaluate(self, arguments):
        return [int(value) for value in self.script(keys=[key_of("contract")], args=arguments)]

    def _in_file(self, clock):
        return FileBucket(self.path, clock=lambda: self.skew + clock(), threads=False)

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


def process(fleet, late, sent, rate=1.0, outcome="accepted"):
    """Return a call of a process of its own, whose request is ready so many seconds late."""

    async def call():
        slot = await fleet.scheduler(rate).acquire()
        await anyio.sleep(late)
        await slot.ready()
        sent.append(anyio.current_time())
        getattr(slot, outcome)()
        slot.close()
        await slot.publish()

    return call
