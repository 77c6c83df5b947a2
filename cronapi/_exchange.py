"""One request under way, and the caller that waits beside it."""

from __future__ import annotations

import anyio

from cronapi._retry import Ending
from cronapi._wire import Verdict
from cronapi.errors import RequestTimeoutError, TransportError

GRACE = 0.25
"""Seconds that a caller waits on, so that the transport's own timeout, which knows whether anything was sent, comes first."""


class Exchange:
    """One request under way; `verdict` is there once `event` is set."""

    __slots__ = ("event", "verdict")

    def __init__(self) -> None:
        self.event: anyio.Event = anyio.Event()
        self.verdict: Verdict = Verdict(
            ending=Ending.LOST, error=TransportError("The exchange was cut off.")
        )

    async def wait(self, timeout: float) -> Verdict:
        """Return the verdict; after `timeout` seconds that of a lost answer, while the exchange goes on by itself."""
        with anyio.move_on_after(timeout + GRACE):
            await self.event.wait()
        if self.event.is_set():
            return self.verdict
        return Verdict(
            ending=Ending.LOST, error=RequestTimeoutError(f"No answer in {timeout:g} s.")
        )
