"""Event loops: which one is running, and which ones have ended."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any


def never() -> bool:
    """Say that nothing has ended."""
    return False


def running_loop() -> Any:
    """Return the running event loop: asyncio's, or the token of trio's run.

    Raises RuntimeError if none runs in this thread.
    """
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    loop = None if asyncio is None else asyncio._get_running_loop()  # noqa: SLF001 -- raises nothing
    if loop is not None:
        return loop
    if trio is None:
        raise RuntimeError("no event loop runs in this thread")
    return trio.lowlevel.current_trio_token()


def end_of(loop: Any) -> Callable[[], bool]:
    """Return a function that says if a loop has ended for good, and does not keep it alive."""
    return _end_of_asyncio(weakref.ref(loop)) if hasattr(loop, "is_closed") else _end_of_trio(loop)


def end_of_running_loop() -> Callable[[], bool]:
    """Return `end_of` the loop that runs now, or `never` where none runs."""
    try:
        return end_of(running_loop())
    except RuntimeError:
        return never


def _end_of_asyncio(loop: Callable[[], Any]) -> Callable[[], bool]:
    def has_ended() -> bool:
        living = loop()
        return living is None or living.is_closed()

    return has_ended


def _end_of_trio(token: Any) -> Callable[[], bool]:
    trio: Any = sys.modules["trio"]

    def is_running_here() -> bool:
        try:
            return trio.lowlevel.current_trio_token() is token
        except RuntimeError:
            return False

    def has_ended() -> bool:
        if is_running_here():
            return False
        try:
            token.run_sync_soon(never)  # trio refuses it once the run is over
        except trio.RunFinishedError:
            return True
        return False

    return has_ended
