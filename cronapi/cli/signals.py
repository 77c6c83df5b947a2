"""The signals that end a command on an event loop."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress

import anyio

ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_signals() -> Iterator[AsyncIterator[signal.Signals]]:
    """Receive Ctrl-C and SIGTERM in the block.

    Event loops of Windows cannot. There handlers of the process pass the signals on to the loop.
    """
    with ExitStack() as stack:
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
        before = {number: signal.signal(number, pass_on) for number in ENDING}
        try:
            yield receive
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
