"""A virtual clock on asyncio and on trio: an hour of waiting takes milliseconds.

Time jumps instead of passing, so it is the same in every run. Not for real sockets: time would jump
while the kernel works.
"""

from __future__ import annotations

import asyncio
import selectors

import trio.testing


class _InstantSelector(selectors.DefaultSelector):
    """Moves the loop's clock forward instead of waiting."""

    loop = None

    def select(self, timeout=None):
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(0)
        if not events:
            self.loop.now += timeout
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


def virtual_backend(name):
    """Return a backend of anyio and its options, for a fresh virtual clock."""
    if name == "asyncio":
        return (name, {"loop_factory": VirtualLoop})
    return (name, {"clock": trio.testing.MockClock(autojump_threshold=0)})
