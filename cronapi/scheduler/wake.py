"""A task sleeps until another wakes it, on asyncio and trio.

It is an event for a single waiter, a tenth the size of anyio's.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import anyio

from cronapi.scheduler.loops import native_loop

if TYPE_CHECKING:
    import asyncio


class Sleeper:
    """A task that sleeps until it is woken or cancelled."""

    __slots__ = ("_asleep",)

    def __init__(self) -> None:
        self._asleep: asyncio.Future[None] | Any = None
        """On asyncio the future that the task awaits, on trio the task."""

    def until_woken(self) -> Awaitable[None]:
        """Return an awaitable that ends at the first `wake()` from now on."""
        loop = native_loop()
        if hasattr(loop, "create_future"):  # asyncio's
            # Not from a coroutine, which would cost half a kilobyte for each waiter.
            future: asyncio.Future[None] = loop.create_future()
            self._asleep = future
            return future
        return self._sleep_on_trio(sys.modules["trio"].lowlevel)

    async def sleep_at_most(self, seconds: float) -> None:
        """Sleep until the first `wake()`, or for these seconds."""
        asleep = self.until_woken()
        if seconds == math.inf:
            return await asleep
        if self._asleep is None:  # on trio it has not begun
            with anyio.move_on_after(seconds):
                await asleep
            return None
        # A timer alone costs a third of a cancel scope with one.
        timer = self._asleep.get_loop().call_later(seconds, self.wake)
        try:
            return await asleep
        finally:
            timer.cancel()

    def wake(self) -> None:
        """Let the task go on. Nothing happens if it is awake or cancelled."""
        asleep, self._asleep = self._asleep, None
        if hasattr(asleep, "set_result"):  # asyncio's
            # A loop that was closed with work left has nobody to wake.
            if not asleep.done() and not asleep.get_loop().is_closed():
                asleep.set_result(None)
        elif asleep is not None:
            sys.modules["trio"].lowlevel.reschedule(asleep)

    async def _sleep_on_trio(self, lowlevel: Any) -> None:
        def abort(_: object) -> Any:
            self._asleep = None
            return lowlevel.Abort.SUCCEEDED

        self._asleep = lowlevel.current_task()
        await lowlevel.wait_task_rescheduled(abort)
