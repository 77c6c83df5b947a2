"""Tasks that the library owns: they outlive the caller that started them."""

from __future__ import annotations

import contextvars
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio
from anyio import get_cancelled_exc_class
from anyio.lowlevel import current_token

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger("cronapi")

_tasks: set[asyncio.Task[None]] = set()
"""An event loop holds its tasks weakly."""


def spawn(work: Callable[[], Awaitable[None]]) -> anyio.CancelScope:
    """Start `work`, and return the scope that cancels it.

    `work` tells its callers of its own errors. An exception that leaves it all the same is logged
    by its type alone, since its text may repeat a secret: on trio it would end the whole program,
    and on asyncio the loop would print it.
    """
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    scope = anyio.CancelScope()

    async def run() -> None:
        with scope:
            try:
                await work()
            except* Exception as errors:  # noqa: BLE001 -- it has no caller who could be told
                kinds = ", ".join(type(error).__name__ for error in errors.exceptions)
                logger.error(  # noqa: TRY400 -- a traceback may repeat a secret
                    "A task of the library failed: %s. Please report this.", kinds
                )

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
