"""Event loops: which one is running, and which ones have ended."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import anyio
from anyio.lowlevel import current_token

from cronapi.errors.concerns import setting_error

T = TypeVar("T")
NO_LOOP = (
    "This has to be awaited in a task of asyncio or trio, and no event loop runs here. Nothing was "
    "sent. Numbers such as stats, eta and cost can be read anywhere."
)


def never() -> bool:
    """Say that nothing has ended."""
    return False


def running_loop_or_none() -> Any:
    """Return the running event loop, or None if none runs in this thread.

    It is asyncio's, or the token of trio's run. A callback of a loop has one too.
    """
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    loop = None if asyncio is None else asyncio._get_running_loop()  # noqa: SLF001 -- raises nothing
    if loop is not None or trio is None:
        return loop
    try:
        return trio.lowlevel.current_trio_token()
    except RuntimeError:
        return None


def running_loop() -> Any:
    """Return the running event loop. ConfigurationError if none runs in this thread."""
    loop = running_loop_or_none()
    if loop is None:
        raise setting_error(NO_LOOP)
    return loop


def native_loop() -> Any:
    """Return the event loop of the running task: asyncio's, or the token of trio's run.

    Raises a RuntimeError where no task runs.
    """
    # anyio takes four times as long. It is asked where asyncio has no task: a task of trio may be
    # the guest of asyncio's loop.
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is not None:
        loop = asyncio._get_running_loop()  # noqa: SLF001 -- raises nothing
        if loop is not None and asyncio.current_task(loop) is not None:
            return loop
    return current_token().native_token


def clock_of(loop: Any) -> Callable[[], float]:
    """Return the clock of an event loop, which is anyio's in the tasks of that loop."""
    return getattr(loop, "time", anyio.current_time)


def end_of(loop: Any) -> Callable[[], bool]:
    """Return a function that says if a loop has ended for good, and does not keep it alive."""
    return _end_of_asyncio(weakref.ref(loop)) if hasattr(loop, "is_closed") else _end_of_trio(loop)


def end_of_running_loop() -> Callable[[], bool]:
    """Return `end_of` the loop that runs now, or `never` where none runs."""
    loop = running_loop_or_none()
    return never if loop is None else end_of(loop)


class ByLoop(Generic[T]):
    """A value for each event loop. Any thread may ask for it.

    The values of loops that have ended are dropped when a new loop comes.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: weakref.WeakKeyDictionary[Any, T] = weakref.WeakKeyDictionary()

    def of(self, loop: object) -> T:
        """Return the value of a loop, made when it is first asked for."""
        value = self._values.get(loop)
        return self._begin(loop) if value is None else value

    def _begin(self, loop: object) -> T:
        for known in self._values.keyrefs():
            other = known()
            if other is not None and other is not loop and end_of(other)():
                self._values.pop(other, None)
        return self._values.setdefault(loop, self._make())


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
