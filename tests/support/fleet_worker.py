"""One process of a fleet: makes calls on the shared budget and says when each ended; `python -m
tests.support.fleet_worker PLACE RATE BASE_URL TOKEN CALLS`.

The place is the address of a Redis, or a path.
"""

from __future__ import annotations

import asyncio
import sys
import time

from cronapi import SetCronJob
from cronapi.scheduler import FileBucket, RedisBucket, Scheduler


def say(*words: object) -> None:
    """Write one line for whoever started this process."""
    print(*words, flush=True)  # noqa: T201


async def work(place: str, rate: float, base_url: str, token: str, calls: int) -> None:
    """Make all calls at once, as soon as a line comes in."""
    in_redis = place.startswith("redis:")
    bucket = RedisBucket.from_url(place, key="fleet") if in_redis else FileBucket(place)
    scheduler = Scheduler(rate, bucket=bucket)
    async with SetCronJob(token, base_url=base_url, scheduler=scheduler) as api:

        async def call() -> None:
            try:
                await api.cron.list()
            except Exception as error:  # noqa: BLE001 -- the test counts them
                say("failed", type(error).__name__, error)
            else:
                say("ok", time.time())

        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*[call() for _ in range(calls)])


if __name__ == "__main__":
    shared, limit, address, secret, count = sys.argv[1:]
    asyncio.run(work(shared, float(limit), address, secret, int(count)))
