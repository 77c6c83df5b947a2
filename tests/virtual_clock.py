"""An asyncio event loop whose time jumps instead of passing: an hour of waiting takes milliseconds.

Not for real sockets: time would jump while the kernel works.
"""

from __future__ import annotations

import asyncio
import selectors


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
