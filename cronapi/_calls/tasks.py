"""Tasks that the library owns: they outlive the caller that started them."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
from anyio import get_cancelled_exc_class

from cronapi._logs.lines import TASK_FAILED, write
from cronapi.errors.concerns import setting_error
from cronapi.scheduler.loops import NO_LOOP, ByLoop, native_loop

if TYPE_CHECKING:
    import asyncio

Work = Callable[[], Awaitable[None]]
_tasks: ByLoop[set[asyncio.Task[None]]] = ByLoop(set)
"""The tasks of each event loop, which holds them weakly itself."""


def loop_of_task() -> Any:
    """Return the event loop of the running task. ConfigurationError if there is none."""
    try:
        return native_loop()
    except RuntimeError:
        raise setting_error(NO_LOOP) from None


def begin(work: Work) -> None:
    """Start `work`, which tells its callers of its own errors, in the running event loop.

    An exception that leaves it all the same is logged by its type alone, since its text may repeat
    a secret: on trio it would end the whole program, and on asyncio the loop would print it.
    """
    beginner(native_loop())(work)


def beginner(loop: Any) -> Callable[[Work], None]:
    """Return the function that starts work in an event loop."""
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    if not isinstance(loop, asyncio.AbstractEventLoop):
        return _begin_on_trio
    tasks = _tasks.of(loop)

    def begin_here(work: Work) -> None:
        task = loop.create_task(_guarded(work, asyncio.CancelledError))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return begin_here


def _begin_on_trio(work: Work) -> None:
    trio, context = sys.modules["trio"], contextvars.copy_context()
    trio.lowlevel.spawn_system_task(_guarded, work, trio.Cancelled, context=context)


def scopes_of_task() -> type[anyio.CancelScope]:
    """Return the class of the running event loop's cancel scopes.

    `anyio.CancelScope` looks for the loop each time, which costs three times as much as a scope.
    """
    return type(anyio.CancelScope())


def spawn(
    work: Work,
    begin: Callable[[Work], None] = begin,
    scopes: type[anyio.CancelScope] = anyio.CancelScope,
) -> anyio.CancelScope:
    """Start `work` by `begin`, and return the scope that cancels it."""
    scope = scopes()

    async def run() -> None:
        with scope:
            await work()

    begin(run)
    return scope


async def _guarded(work: Work, cancelled: type[BaseException]) -> None:
    ends = (cancelled, KeyboardInterrupt, SystemExit)
    try:
        await work()
    except ends:
        raise
    except BaseException as error:  # noqa: BLE001 -- there is no caller who could be told
        ended, failed = BaseExceptionGroup("", [error]).split(ends)
        if failed is not None:
            write(TASK_FAILED, type(failed.exceptions[0]).__name__)
        if ended is not None:
            raise ended from None


def is_cancelled() -> bool:
    """Return True if the running task itself is being cancelled, after a CancelledError.

    Awaiting a cancelled task raises the same error.
    """
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    task = asyncio.current_task() if get_cancelled_exc_class() is asyncio.CancelledError else None
    return task is not None and task.cancelling() > 0
