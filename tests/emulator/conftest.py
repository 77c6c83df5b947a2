"""Fixtures of the emulator tests: handlers called directly, and the app called through httpx."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx
import pytest
import trio.testing
from attrs import evolve

from cronapi.emulator import ManualClock, create_app
from cronapi.emulator.call import Call, Settings
from cronapi.emulator.parameters import read_parameters, signature
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.service import HANDLERS
from cronapi.emulator.store import Store
from tests.support.virtual_clock import VirtualLoop

START = 1_800_000_000
TOKEN = "emulator-token-0123456789abcdef"
UNLIMITED = {"fastcron": None, "setcronjob": None}


class Desk:
    """Calls handlers directly, at a time that the test sets."""

    def __init__(self, provider="fastcron", account="one", **settings):
        self.now = START
        self._call = Call(provider, account, {}, self.now, Store(), Settings(**settings))

    def __call__(self, function, **raw):
        settings = self._call.settings
        given = signature(self._call.provider, function, settings.era, settings.undocumented)
        params = read_parameters(given, raw, strict=settings.strict)
        return HANDLERS[function](evolve(self._call, params=params, now=self.now))

    def add(self, **raw):
        return self("cron.add", **{"url": "https://example.com/ping", **raw})

    def as_other(self, account):
        other = Desk()
        other._call = evolve(self._call, account=account)
        return other


def refused(match, function, *args, **params):
    with pytest.raises(Refusal, match=match):
        function(*args, **params)


class Caller:
    """Posts JSON to an app in process."""

    def __init__(self, app, http):
        self.app, self.http = app, http

    async def fastcron(self, function, **params):
        return await self.http.post(
            f"/api/v1/{function.replace('.', '_', 1)}", json={"token": TOKEN, **params}
        )

    async def setcronjob(self, function, **params):
        return await self.http.post(f"/api/{function}", json={"token": TOKEN, **params})


@asynccontextmanager
async def calling(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
        yield Caller(app, http)


@pytest.fixture(params=["asyncio", "trio"])
def virtual_backend(request):
    """Return arguments for anyio.run: a backend with a virtual clock."""
    if request.param == "asyncio":
        return {"backend": "asyncio", "backend_options": {"loop_factory": VirtualLoop}}
    return {
        "backend": "trio",
        "backend_options": {"clock": trio.testing.MockClock(autojump_threshold=0)},
    }


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
async def caller(clock):
    async with calling(create_app(clock=clock, rates=UNLIMITED)) as found:
        yield found
