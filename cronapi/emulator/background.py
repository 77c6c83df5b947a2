"""Work that the emulator does after a while, also if nobody asks it anything in between."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import current_token

if TYPE_CHECKING:
    from collections.abc import Callable


class Background:
    """Delayed work of the running event loop, asyncio's or trio's, in the loop's time.

    `waiting` counts what is still to be done. The end of the loop drops it.
    """

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self.waiting: int = 0

    def after(self, seconds: float, work: Callable[[], object]) -> None:
        """Do the work after some seconds, in the context of the caller."""
        self.waiting += 1
        loop = current_token().native_token
        if isinstance(loop, asyncio.AbstractEventLoop):
            loop.call_later(seconds, self._do, work)
            return
        import trio  # noqa: PLC0415 -- only a loop of trio needs it, and it may not be installed

        trio.lowlevel.spawn_system_task(self._wait_and_do, seconds, work, context=copy_context())

    async def _wait_and_do(self, seconds: float, work: Callable[[], object]) -> None:
        await anyio.sleep(seconds)
        self._do(work)

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            self.waiting -= 1
