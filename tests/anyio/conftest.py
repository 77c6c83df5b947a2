"""A virtual clock on asyncio and on trio: an hour of waiting takes milliseconds, and time is the same in every run."""

from __future__ import annotations

import pytest
import trio.testing

from virtual_clock import VirtualLoop


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    if request.param == "asyncio":
        return ("asyncio", {"loop_factory": VirtualLoop})
    return ("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)})
