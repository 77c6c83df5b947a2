"""A virtual clock on asyncio and on trio: an hour of waiting takes milliseconds, and time is the same in every run."""

from __future__ import annotations

import gc

import anyio.to_thread
import pytest
import trio.testing
from anyio.lowlevel import checkpoint

from virtual_clock import VirtualLoop


def pytest_collection_finish():
    """Let the collector pass over the modules and the tests themselves, which stay to the end: what a test leaves it still finds."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    if request.param == "asyncio":
        return ("asyncio", {"loop_factory": VirtualLoop})
    return ("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)})


@pytest.fixture
def threads_take_no_time(monkeypatch):
    """A virtual clock would jump over what is held back while a thread writes the journal."""

    async def run_sync(function, *args, **_options):
        await checkpoint()
        return function(*args)

    monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync)
