"""A scheduler that can be told to start nothing more, for a program that is asked to end."""

from __future__ import annotations

from collections.abc import Awaitable

import anyio

from cronapi.errors import SchedulerError
from cronapi.providers import Rate
from cronapi.scheduler.bucket import Bucket
from cronapi.scheduler.queue import Scheduler
from cronapi.scheduler.slot import Slot


class StoppedError(SchedulerError):
    """The scheduler was stopped. This attempt was not sent."""

    advice = ""


class StoppableScheduler(Scheduler):
    """A scheduler with a method `stop`. Calls that wait then fail with StoppedError.

    Requests under way go on, and nothing is sent after them: no repeat and no lookup.
    """

    def __init__(
        self, rate: Rate | float, *, max_in_flight: int = 10, bucket: Bucket | None = None
    ) -> None:
        super().__init__(rate, max_in_flight=max_in_flight, bucket=bucket)
        self.is_stopped: bool = False
        self.started: int = 0
        """The number of slots that were granted: requests, unless one was given back unused."""
        self.waited: float = 0.0
        """The seconds that calls waited for their slots, one after the other or at once."""
        self._waits: set[anyio.CancelScope] = set()

    def stop(self) -> None:
        """Grant no slot any more."""
        self.is_stopped = True
        for scope in self._waits:
            scope.cancel()

    def _seize(self, slot: Slot) -> bool:
        granted = not self.is_stopped and super()._seize(slot)
        self.started += granted
        return granted

    async def _enter(self, slot: Slot) -> None:
        began = anyio.current_time()
        try:
            if await self._is_broken_off(super()._enter(slot)):
                raise StoppedError("Interrupted: nothing more is sent.")
        finally:
            self.waited += anyio.current_time() - began
        self.started += 1

    async def _sleep(self, seconds: float) -> None:
        # The attempt after it gets no slot, and its call knows what was sent before.
        await self._is_broken_off(super()._sleep(seconds))

    async def _is_broken_off(self, wait: Awaitable[None]) -> bool:
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                if self.is_stopped:
                    scope.cancel()
                await wait
            finally:
                self._waits.discard(scope)
        return scope.cancelled_caught
