"""What the tests share: the emulator in process, and clients of it."""

from __future__ import annotations

import contextlib

import httpx
import pytest

from cronapi import FASTCRON, SETCRONJOB, Client, Scheduler
from cronapi.emulator import create_app

TOKEN = "emulator-token-0123456789abcdef"
ORIGIN = "http://127.0.0.1:1"
BASE_URLS = {"fastcron": f"{ORIGIN}/api/v1/", "setcronjob": f"{ORIGIN}/api/"}
PROVIDERS = {"fastcron": FASTCRON, "setcronjob": SETCRONJOB}
FAST = {"fastcron": None, "setcronjob": None}
"""Limits of the emulator for tests that are not about the limit."""


def client_of(app, provider="fastcron", token=TOKEN, **options):
    """Return a client of the emulator `app` in process, in a hurry unless a scheduler is given."""
    options.setdefault("scheduler", Scheduler(10_000.0))
    options.setdefault("transport", httpx.ASGITransport(app))
    options.setdefault("base_url", BASE_URLS[provider])
    return Client(PROVIDERS[provider], token, **options)


@pytest.fixture
async def emulate():
    """Return a function that makes an emulator without a limit and a client of it; the client is closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(provider="fastcron", app=None, **options):
            app = app or create_app(rates=FAST)
            api = await stack.enter_async_context(client_of(app, provider, **options))
            return app, api

        yield make
