"""What the tests share: the emulator in process, and clients of it."""

from __future__ import annotations

import contextlib

import pytest

from cronapi.emulator import create_app
from emulated import FAST, client_of


@pytest.fixture
async def emulate():
    """Return a function that makes an emulator without a limit and a client of it; the client is closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(provider="fastcron", app=None, **options):
            app = app or create_app(rates=FAST)
            api = await stack.enter_async_context(client_of(app, provider, **options))
            return app, api

        yield make
