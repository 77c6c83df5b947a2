"""One process of a fleet: makes calls on the shared budget and says when each ended; `python -m
tests.support.fleet_worker PLACE RATE BASE_URL TOKEN CALLS [STDIN STDOUT]...`.

The place is the address of a Redis, or a path. For each pair of descriptors there is a process that
has them as its streams. They are forks, so what they import is loaded once. Their parent makes no
calls, and waits for its own stdin to end before it waits for them: until then their ids are theirs.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from cronapi import SetCronJob
from cronapi.scheduler import Bucket, FileBucket, RedisBucket, Scheduler


def say(*words: object) -> None:
    """Write one line for whoever started this process."""
    print(*words, flush=True)  # noqa: T201


def bucket_at(place: str) -> Bucket:
    """Return the bucket in a Redis or in a file, which nothing has used yet."""
    if place.startswith("redis:"):
        return RedisBucket.from_url(place, key="fleet")
    return FileBucket(place)


async def work(place: str, rate: float, base_url: str, token: str, calls: int) -> None:
    """Make all calls at once, as soon as a line comes in."""
    scheduler = Scheduler(rate, bucket=bucket_at(place))
    async with SetCronJob(token, base_url=base_url, scheduler=scheduler) as api:

        async def call() -> None:
            try:
                await api.cron.list()
            except Exception as error:  # noqa: BLE001 -- the test counts them
                say("failed", type(error).__name__, error)
            else:
                say("ok", time.time())

        say("ready", os.getpid())
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*[call() for _ in range(calls)])


async def load(place: str, base_url: str, token: str) -> None:
    """Load what a client and a bucket need."""
    bucket_at(place)
    async with SetCronJob(token, base_url=base_url, scheduler=Scheduler(1.0)):
        pass


def forked(streams: list[int]) -> bool:
    """Fork a process for each pair of descriptors. Return True in each, and False in the parent
    when they have ended.
    """
    for pair in zip(streams[::2], streams[1::2], strict=True):
        if not os.fork():
            for stream, descriptor in enumerate(pair):
                os.dup2(descriptor, stream)
            os.closerange(3, max(streams) + 1)
            return True
    os.closerange(3, max(streams) + 1)
    sys.stdin.read()
    for _ in streams[::2]:
        os.wait()
    return False


if __name__ == "__main__":
    shared, limit, address, secret, count, *descriptors = sys.argv[1:]
    if descriptors:
        asyncio.run(load(shared, address, secret))
    if not descriptors or forked(list(map(int, descriptors))):
        asyncio.run(work(shared, float(limit), address, secret, int(count)))
