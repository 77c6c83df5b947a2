"""The signals that end a command on an event loop."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import anyio

ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_signals() -> Iterator[AsyncIterator[signal.Signals]]:
    """Receive Ctrl-C and SIGTERM in the block.

    Event loops of Windows cannot. None is received there, and Ctrl-C is a KeyboardInterrupt, which
    cancels the block.
    """
    with ExitStack() as stack:
        try:
            signals = stack.enter_context(anyio.open_signal_receiver(*ENDING))
        except NotImplementedError:
            signals = _never()
        yield signals


async def _never() -> AsyncIterator[signal.Signals]:
    await anyio.sleep_forever()
    yield signal.SIGINT
