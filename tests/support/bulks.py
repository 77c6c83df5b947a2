"""What the tests of bulks and batches ask of the emulator and of a client."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import anyio
import httpx
from anyio.lowlevel import checkpoint

from tests.support.emulated import specs

LATER = datetime(2100, 5, 24, 2, 44, 25, tzinfo=UTC)


async def added(api, count):
    """Add so many jobs as a bulk, and return their ids."""
    report = await api.cron.add_many(specs(count))
    report.raise_for_failures()
    return [outcome.value.id for outcome in report]


async def is_idle(api):
    """Let released tasks end, and return True if the scheduler has nothing left to do."""
    for _ in range(20):
        await checkpoint()
    stats = api.scheduler.stats
    return stats.in_flight == 0 and not any(stats.waiting.values())


def is_asyncio():
    """Return True if the test runs on asyncio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def all_made_once(app, report, given, provider="fastcron"):
    """Every spec has exactly one job, which its outcome names."""
    assert [outcome.status for outcome in report] == ["done"] * len(given)
    rows = {row["id"]: (row["url"], row["name"]) for row in app.emulator.jobs(provider)}
    assert [rows.pop(outcome.value.id) for outcome in report] == [
        (spec["url"], spec.get("name", "")) for spec in given
    ]
    assert rows == {}


class HalfThenNo(httpx.AsyncBaseTransport):
    """A service that carries out the first half of a batch and then refuses it, `times` times."""

    def __init__(self, app, times=1, key="id"):
        self._inner, self.times, self.key = httpx.ASGITransport(app), times, key

    async def handle_async_request(self, request):
        if self.times and "/cron_batch_" in request.url.path:
            self.times -= 1
            body = json.loads(request.content)
            half = httpx.Request(
                "POST",
                request.url,
                json=body | {self.key: body[self.key][: len(body[self.key]) // 2]},
            )
            await (await self._inner.handle_async_request(half)).aread()
            await anyio.sleep(2)
            if self.key == "data":
                refusal = {"status": "error", "code": 1, "message": "too many for today"}
                return httpx.Response(200, json=refusal)
        return await self._inner.handle_async_request(request)
