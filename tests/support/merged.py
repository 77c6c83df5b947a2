"""Clients whose waiting calls share requests, and the way to the emulator."""

from __future__ import annotations

from types import MappingProxyType

import anyio
import httpx

from tests.support.emulated import URL, paced


class Wire(httpx.ASGITransport):
    """The way to the emulator: each request is `slow` seconds under way, and what `broken` names
    gets that `answer`.
    """

    slow = 0.0
    broken = None
    answer = MappingProxyType({"status": "error", "code": 1, "message": "Not today"})

    async def handle_async_request(self, request):
        await anyio.sleep(self.slow)
        if self.broken is not None and request.url.path.endswith(self.broken):
            return httpx.Response(200, json=dict(self.answer))
        return await super().handle_async_request(request)


def merging(app, provider="fastcron", rate=None, **options):
    """Return a client on a virtual clock whose waiting calls share requests."""
    return paced(app, provider, rate, coalesce=True, **options)


def named(count):
    """Return specs of so many jobs with one URL."""
    return [{"url": URL, "name": f"job {n}"} for n in range(count)]


async def made(api, count):
    """Make so many jobs, and return their ids."""
    return [job.id for job in await api.cron.batch_add(named(count))]
