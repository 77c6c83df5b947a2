"""What the tests share: the emulator in process, and clients of it."""

from __future__ import annotations

import contextlib
import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from cronapi.emulator import create_app
from emulated import FAST, client_of

# How long an example takes is the machine's business, not the library's.
settings.register_profile("cronapi", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cronapi")


def pytest_collection_finish():
    """Let the collector pass over the modules and the tests themselves, which stay to the end: what a test leaves it still finds."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session):
    """Turn a skipped test into a failure where all judges must be present."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        os.environ.get("CRONAPI_NO_SKIPS")
        and reporter is not None
        and reporter.stats.get("skipped")
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
async def emulate():
    """Return a function that makes an emulator without a limit and a client of it; the client is closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(provider="fastcron", app=None, **options):
            app = app or create_app(rates=FAST)
            api = await stack.enter_async_context(client_of(app, provider, **options))
            return app, api

        yield make
