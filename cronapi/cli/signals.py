"""A command on an event loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import math
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

import anyio

T = TypeVar("T")
ENDING = (signal.SIGINT, signal.SIGTERM)


def run_on_loop(work: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    """Run a command on an event loop of its own. Ctrl-C cancels it, each time that it comes.

    Raises KeyboardInterrupt if that has ended it. From then on Ctrl-C does nothing: the process
    ends. Where somebody else has a handler for it, or in another thread, it is none of ours.
    """
    before = signal.getsignal(signal.SIGINT)
    is_ours = before in (signal.default_int_handler, _do_nothing)
    if not is_ours or threading.current_thread() is not threading.main_thread():
        return anyio.run(work, *args)
    return _run_cancellable(work, *args)


def _do_nothing(_number: int, _frame: object) -> None:
    """Take a Ctrl-C that comes when the command has been interrupted."""


def _run_cancellable(work: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    afterwards = signal.getsignal(signal.SIGINT)
    interrupts = 0

    async def cancellable() -> T:
        nonlocal interrupts
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 -- this coroutine runs in it

        def cancel(_number: int, _frame: object) -> None:
            nonlocal interrupts
            interrupts += 1
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(task.cancel)

        # asyncio's own handler raises KeyboardInterrupt in the middle of the loop at the second.
        signal.signal(signal.SIGINT, cancel)
        return await work(*args)

    try:
        return anyio.run(cancellable)
    except asyncio.CancelledError:
        if not interrupts:
            raise
        afterwards = _do_nothing
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, afterwards)


@contextmanager
def ending_signals() -> Iterator[AsyncIterator[signal.Signals]]:
    """Receive Ctrl-C and SIGTERM in the block.

    Event loops of Windows cannot. There handlers of the process pass the signals on to the loop.
    The handlers of before are there again afterwards.
    """
    with ExitStack() as stack:
        for number in ENDING:  # asyncio leaves Python's own
            stack.callback(signal.signal, number, signal.getsignal(number))
        try:
            signals = stack.enter_context(anyio.open_signal_receiver(*ENDING))
        except NotImplementedError:
            signals = stack.enter_context(_handlers())
        yield signals


@contextmanager
def _handlers() -> Iterator[AsyncIterator[signal.Signals]]:
    """Receive signals in the block by handlers, as uvicorn does.

    Without them Ctrl-C would be a KeyboardInterrupt, which cancels the block and all it had to
    tell. The loop is woken: its pipe for signals is there on Windows too.
    """
    loop = asyncio.get_running_loop()
    send, receive = anyio.create_memory_object_stream[signal.Signals](math.inf)

    def deliver(number: int) -> None:
        with suppress(anyio.ClosedResourceError):  # it came at the end of the block
            send.send_nowait(signal.Signals(number))

    def pass_on(number: int, _: object) -> None:
        loop.call_soon_threadsafe(deliver, number)

    with send, receive:
        for number in ENDING:
            signal.signal(number, pass_on)
        yield receive
