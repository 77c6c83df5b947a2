"""How one task sleeps until another wakes it: an event for a single waiter, a tenth the size of anyio's, on asyncio and trio."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any

from anyio.lowlevel import current_token


class Sleeper:
    """A task that sleeps until it is woken, or cancelled."""

    __slots__ = ("_bed",)

    def __init__(self) -> None:
        self._bed: asyncio.Future[None] | Any = None
        """On asyncio what the task awaits, on trio the task."""

    def sleep(self) -> Awaitable[None]:
        """Return what to await, at once: it ends when somebody calls `wake()` from now on."""
        loop = current_token().native_token
        if isinstance(loop, asyncio.AbstractEventLoop):
            self._bed = loop.create_future()
            return (
                self._bed
            )  # not from a coroutine, which would be half a kilobyte for each of those who wait
        return self._sleep_on_trio(sys.modules["trio"].lowlevel)

    def wake(self) -> None:
        """Let the task go on; nothing happens where it is awake or cancelled."""
        bed, self._bed = self._bed, None
        if isinstance(bed, asyncio.Future):
            if not bed.done():
                bed.set_result(None)
        elif bed is not None:
            sys.modules["trio"].lowlevel.reschedule(bed)

    async def _sleep_on_trio(self, lowlevel: Any) -> None:
        def abort(_: object) -> Any:
            self._bed = None
            return lowlevel.Abort.SUCCEEDED

        self._bed = lowlevel.current_task()
        await lowlevel.wait_task_rescheduled(abort)
