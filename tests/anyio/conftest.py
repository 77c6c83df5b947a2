"""A virtual clock on asyncio and on trio: an hour of waiting takes milliseconds, and time is the same in every run."""

from __future__ import annotations

import gc

import pytest
import trio.testing

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
