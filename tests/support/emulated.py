"""Clients of the emulator in process, for all tests."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import anyio.lowlevel
import httpx
import pytest

from cronapi import FASTCRON, SETCRONJOB, Client, Rate, Scheduler
from cronapi.emulator import DEFAULT_TOKEN, Clock, create_app
from cronapi.emulator.jobs import add_job, new_job
from cronapi.scheduler import LocalBucket

TOKEN = DEFAULT_TOKEN
ORIGIN = "http://127.0.0.1:1"
BASE_URLS = {"fastcron": f"{ORIGIN}/api/v1/", "setcronjob": f"{ORIGIN}/api/"}
PROVIDERS = {"fastcron": FASTCRON, "setcronjob": SETCRONJOB}
TAKES_BEARER = ("Authorization",)
"""The `undocumented` of an emulator that reads a token in the header, which came in 2026."""
FAST = {"fastcron": None, "setcronjob": None}
"""Limits of the emulator for tests that are not about the limit."""
RATES = {"fastcron": 1.0, "setcronjob": 10.0}
BOTH = pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
URL = "https://example.com/ping"
WAYS = [
    ("fastcron", "body", "json"),
    ("fastcron", "body", "form"),
    ("fastcron", "body", "query"),
    ("fastcron", "bearer", "json"),
    ("fastcron", "bearer", "form"),
    ("fastcron", "bearer", "query"),
    ("setcronjob", "body", "json"),
    ("setcronjob", "body", "form"),
    ("setcronjob", "body", "query"),
]
"""Every provider with each way of asking: where the token goes, and the request's format."""
START = 1_800_000_000
"""Unix seconds at which a `ManualClock` starts."""
NOW = datetime.fromtimestamp(START, UTC)
LOSSES = ["lose", "cut", "truncated", "garbage", "empty", "bad_gateway"]
"""Faults after which the service has done what was asked and the client cannot know it."""
LOST = [*LOSSES, "half", "reset", "error", "outage"]
"""Faults that lose the answer to a batch, before, after or while it is carried out."""


def emulator(**options):
    """Return both services in process, whose time is the event loop's,
    which a virtual clock moves.
    """
    return create_app(clock=Clock(ticks=anyio.current_time), **options)


def virtual(rate, **options):
    """Return a scheduler whose time is the event loop's, which a virtual clock moves."""
    rate = rate if isinstance(rate, Rate) else Rate(rate)
    return Scheduler(rate, bucket=LocalBucket(rate, clock=anyio.current_time), **options)


def fill(app, provider, count, word="n", **fields):
    """Let another program add jobs to the account, without HTTP, and return their ids.

    Each has the `fields` too.
    """
    service = app.emulator
    call = service.call(provider, dict(zip(service.tokens, service.accounts, strict=True))[TOKEN])
    with service.store.transaction():
        return [add_job(call, new_job(call, spec | fields))["id"] for spec in specs(count, word)]


class Hurry(Scheduler):
    """A scheduler whose rests before a repeat or a look-up take no time."""

    async def _sleep(self, seconds):
        await anyio.lowlevel.checkpoint()


def client_of(app, provider="fastcron", token=TOKEN, **options):
    """Return a client of the emulator `app` in process, in a hurry unless a scheduler is given."""
    if "scheduler" not in options:  # whose holds pass in real time, and a virtual clock is faster
        limiters = getattr(app, "emulator", None) and app.emulator.limiters
        assert not limiters or limiters[provider].rate is None, "it would be refused"
        options["scheduler"] = Scheduler(10_000.0)
    options.setdefault("transport", httpx.ASGITransport(app))
    options.setdefault("base_url", BASE_URLS[provider])
    return Client(PROVIDERS[provider], token, **options)


def paced(app, provider="fastcron", rate=None, **options):
    """Return a client of the emulator `app` in process, on a virtual clock, at its service's rate
    or at another, unless a scheduler is given.
    """
    options.setdefault("scheduler", virtual(rate or RATES[provider]))
    return client_of(app, provider, **options)


def spec_of(number, word="n"):
    """Return the spec of the job with this number."""
    return {"url": f"{URL}/{number}", "name": f"{word}{number}"}


def specs(count, word="n"):
    """Return specs of so many jobs."""
    return [spec_of(number, word) for number in range(count)]


async def together(*calls):
    """Run calls that are asked for one right after the other, and return what each returned or
    raised.
    """
    results = [None] * len(calls)

    async def run(place, call):
        try:
            results[place] = await call()
        except Exception as error:  # noqa: BLE001 -- what users' own functions raise as well
            results[place] = error

    async with anyio.create_task_group() as group:
        for place, call in enumerate(calls):
            group.start_soon(run, place, call)
            await anyio.wait_all_tasks_blocked()
    return results
