"""A service that answers by script, without an emulator, and calls of each kind."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from cronapi import CronAPIError, RetryPolicy
from tests.support.emulated import Hurry, client_of

QUICK = RetryPolicy(max_attempts=2, max_delay=0.01)
JOB = {"id": 7, "name": "ping", "url": "https://example.com/ping"}
CALLS = {
    "READ": lambda api: api.cron.get(7),
    "SAME": lambda api: api.cron.edit(7, name="ping"),
    "CREATE": lambda api: api.cron.add(url=JOB["url"], name="ping"),
}
"""One call of each class: may it be repeated?"""
KINDS = pytest.mark.parametrize("kind", CALLS)


def good(data=None):
    """Return an answer that is a success."""
    return httpx.Response(
        200, json={"status": "success", "code": 0, "data": JOB if data is None else data}
    )


class Line:
    """A transport's handler that answers by script: each function its own, and notes what was
    asked.
    """

    def __init__(self, **scripts):
        self.scripts = scripts
        self.asked = []

    async def __call__(self, request):
        function = request.url.path.rpartition("/")[2]
        self.asked.append(function)
        outcome = self.scripts.get(function, self.scripts.get("default"))
        if isinstance(outcome, list):
            outcome = outcome.pop(0) if len(outcome) > 1 else outcome[0]
        outcome = await outcome(request) if callable(outcome) else outcome
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome or good([] if function == "cron_list" else None)

    def client(self, **options):
        options = {
            "scheduler": Hurry(10_000.0),
            "retry": QUICK,
            "transport": httpx.MockTransport(self),
        } | options
        return client_of(None, **options)


async def failure(call):
    """Make a call that fails, and return its error."""
    with pytest.raises(CronAPIError) as caught:
        await call
    return caught.value


async def until(holds):
    """Let other tasks run until something holds; far more turns than any of these tests needs."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it never held")


def pass_time(seconds):
    """Let the clock of asyncio's loop jump, so that a patience ends at this very moment, and not
    sooner where a busy machine is late.
    """
    loop = asyncio.get_running_loop()
    ahead = loop.time() + seconds - type(loop).time(loop)
    loop.time = lambda: type(loop).time(loop) + ahead


class Gate:
    """An answer that is held back until the gate is opened."""

    def __init__(self):
        self.arrived, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, _):
        self.arrived.set()
        await self.opened.wait()
        return good()
