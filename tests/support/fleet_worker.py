"""One process of a fleet: makes calls on the shared budget and says when each ended; `python -m
tests.support.fleet_worker REDIS KEY BASE_URL CALLS`.
"""

from __future__ import annotations

import asyncio
import sys
import time

from cronapi import SetCronJob
from cronapi.emulator import DEFAULT_TOKEN
from cronapi.scheduler import RedisBucket, Scheduler

RATE = 10


def say(*words: object) -> None:
    """Write one line for whoever started this process."""
    print(*words, flush=True)  # noqa: T201


async def work(url: str, key: str, base_url: str, calls: int) -> None:
    """Make all calls at once, as soon as a line comes in."""
    scheduler = Scheduler(RATE, bucket=RedisBucket.from_url(url, key=key))
    async with SetCronJob(DEFAULT_TOKEN, base_url=base_url, scheduler=scheduler) as api:

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
    redis_url, budget, address, count = sys.argv[1:]
    asyncio.run(work(redis_url, budget, address, int(count)))
