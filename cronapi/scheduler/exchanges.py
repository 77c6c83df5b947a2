"""The work of a shared bucket outside of the event loop: in worker threads, and one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import anyio
import anyio.to_thread
from anyio.lowlevel import checkpoint

TURN_CHECK = 0.005
"""Seconds between two checks for the end of another caller's evaluation."""


class Exchanges:
    """Does work in worker threads, unless `threads` is False.

    `turn` is held during an evaluation, so that there is one at a time.
    """

    def __init__(self, *, threads: bool) -> None:
        self._threads = threads
        self.turn: threading.Lock = threading.Lock()

    async def run(self, evaluate: Callable[[], None]) -> None:
        """Do an evaluation, or wait a little if there is one already."""
        if self.turn.locked():  # by a caller that went away meanwhile, or on another event loop
            await anyio.sleep(TURN_CHECK)
        else:
            await self.run_beside(evaluate)

    async def run_beside(self, work: Callable[[], None]) -> None:
        """Do work that need not be the only one. A cancelled caller leaves it to end by itself."""
        if self._threads:  # with a limiter of its own, which no other work in threads can use up
            await anyio.to_thread.run_sync(
                work, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
            )
        else:
            work()
            await checkpoint()

    def begin(self, evaluate: Callable[[], None]) -> None:
        """Begin an evaluation that nobody waits for."""
        if self._threads:
            threading.Thread(target=evaluate, daemon=True).start()
        else:
            evaluate()
