"""Tasks that the library owns: they outlive the caller that started them."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio
from anyio import get_cancelled_exc_class
from anyio.lowlevel import current_token

if TYPE_CHECKING:
    import asyncio

_tasks: set[asyncio.Task[None]] = set()
"""An event loop holds its tasks weakly."""


def spawn(work: Callable[[], Awaitable[None]]) -> anyio.CancelScope:
    """Start `work`, which must raise nothing, and return the scope that cancels it."""
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    scope = anyio.CancelScope()

    async def run() -> None:
        with scope:
            await work()

    loop = current_token().native_token
    if isinstance(loop, asyncio.AbstractEventLoop):
        task = loop.create_task(run())
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
    else:
        sys.modules["trio"].lowlevel.spawn_system_task(run, context=contextvars.copy_context())
    return scope


def is_cancelled() -> bool:
    """Return True if the running task itself is being cancelled, after a CancelledError.

    Awaiting a cancelled task raises the same error.
    """
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    task = asyncio.current_task() if get_cancelled_exc_class() is asyncio.CancelledError else None
    return task is not None and task.cancelling() > 0
