"""What the tests of bulks ask of the emulator and of a client."""

from __future__ import annotations

import asyncio

from anyio.lowlevel import checkpoint

from tests.support.emulated import specs


def names(app, provider="fastcron"):
    return [job["name"] for job in app.emulator.jobs(provider)]


def sent(app, function=None):
    return sum(function in (None, seen.function) for seen in app.emulator.requests)


async def added(api, count):
    report = await api.cron.add_many(specs(count))
    report.raise_for_failures()
    return [outcome.value.id for outcome in report]


async def is_idle(api):
    """Let what was let go of end, and say whether the scheduler has nothing left to do."""
    for _ in range(20):
        await checkpoint()
    stats = api.scheduler.stats
    return stats.in_flight == 0 and not any(stats.waiting.values())


def is_asyncio():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
