"""A virtual clock on asyncio and on trio: an hour of waiting takes milliseconds, and time is the same in every run."""

from __future__ import annotations

import asyncio
import selectors

import pytest
import trio.testing


class _InstantSelector(selectors.DefaultSelector):
    """Moves the loop's clock forward instead of waiting."""

    loop = None

    def select(self, timeout=None):
        events = super().select(0 if timeout is None or timeout > 0 else timeout)
        if not events and timeout is not None and timeout > 0:
            self.loop.now += timeout
        if not events and timeout is None:
            return super().select(None)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when everybody waits for it."""

    def __init__(self):
        self.now = 0.0
        selector = _InstantSelector()
        super().__init__(selector)
        selector.loop = self

    def time(self):
        return self.now


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    if request.param == "asyncio":
        return ("asyncio", {"loop_factory": VirtualLoop})
    return ("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)})
