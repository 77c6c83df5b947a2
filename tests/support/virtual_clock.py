"""A virtual clock on asyncio and on trio: an hour of waiting takes milliseconds.

Time jumps instead of passing, so it is the same in every run. It does not jump while a thread of
`anyio.to_thread` is at work, since threads take real time. Not for real sockets: time would jump
while the kernel works.
"""

from __future__ import annotations

import asyncio
import selectors
import time

import anyio.to_thread
import trio.testing

PATIENCE = 0.02
"""Seconds of real time that a clock waits for a thread: it may itself wait for the clock."""
REST = 0.0002
"""Seconds of real time between two looks at a thread, on trio."""


class Threads:
    """Counts the threads that are at work."""

    def __init__(self):
        self.at_work = 0
        self._run_sync = anyio.to_thread.run_sync

    async def run_sync(self, *args, **options):
        """Take the place of `anyio.to_thread.run_sync`."""
        self.at_work += 1
        try:
            return await self._run_sync(*args, **options)
        finally:
            self.at_work -= 1


class _InstantSelector(selectors.DefaultSelector):
    """Moves the loop's clock forward instead of waiting."""

    loop = None

    def select(self, timeout=None):
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(PATIENCE if self.loop.threads.at_work else 0)
        if not events:
            self.loop.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when everybody waits for it."""

    def __init__(self, threads=None):
        self.now = 0.0
        self.threads = threads or Threads()
        selector = _InstantSelector()
        super().__init__(selector)
        selector.loop = self

    def time(self):
        return self.now


def mock_clock(threads):
    """Return trio's clock that jumps, but not while a thread is at work."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    jump, looks = clock._autojump, 0

    def jump_or_rest():
        nonlocal looks
        if threads.at_work and looks * REST < PATIENCE:
            looks += 1
            time.sleep(REST)
        else:
            looks = 0
            jump()

    clock._autojump = jump_or_rest
    return clock


def virtual_backend(name, threads):
    """Return a backend of anyio and its options, for a fresh virtual clock."""
    if name == "asyncio":
        return (name, {"loop_factory": lambda: VirtualLoop(threads)})
    return (name, {"clock": mock_clock(threads)})
