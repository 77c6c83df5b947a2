"""Ctrl-C and SIGTERM: the first lets requests under way end, the second ends at once."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from types import FrameType

import anyio
import click
from attrs import define, field

from cronapi.cli.exit_codes import INTERRUPTED, TERMINATED
from cronapi.cli.frame.words import counted
from cronapi.cli.signals import ending_signals
from cronapi.scheduler.stopping import StoppableScheduler

Handler = Callable[[int, FrameType | None], object] | signal.Handlers

_CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


@contextmanager
def signals_to(interrupt: Handler, terminate: Handler) -> Iterator[None]:
    """Let these handlers take Ctrl-C and SIGTERM in the block."""
    before = {number: signal.getsignal(number) for number in _CODES}
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def default_signals() -> AbstractContextManager[None]:
    """Let signals end a question: the event loop does not see them while it is asked."""
    return signals_to(signal.default_int_handler, signal.SIG_DFL)


@define(eq=False)
class Interruption:
    """The signals that a command got. `code` is its exit code then, else None.

    `stopped` is set at the first signal.
    """

    code: int | None = None
    ended_at_once: bool = False
    stopped: anyio.Event = field(factory=anyio.Event)
    _schedulers: list[StoppableScheduler] = field(factory=list)

    def covers(self, scheduler: StoppableScheduler) -> None:
        """Stop this scheduler at the first signal."""
        self._schedulers.append(scheduler)
        if self.code is not None:
            scheduler.stop()

    @property
    def in_flight(self) -> int:
        """The number of requests under way."""
        return sum(scheduler.stats.in_flight for scheduler in self._schedulers)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Handle signals in the block, which the second one cancels."""
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                await group.start(self._listen, scope)
                yield
                group.cancel_scope.cancel()

    async def _listen(
        self,
        scope: anyio.CancelScope,
        *,
        task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        with ending_signals() as signals:
            task_status.started()
            async for number in signals:
                self._take(number, scope)

    def _take(self, number: signal.Signals, scope: anyio.CancelScope) -> None:
        if self.code is None:
            self.code = _CODES[number]
            self.stopped.set()
            for scheduler in self._schedulers:
                scheduler.stop()
            if self.in_flight:
                click.echo("Waiting for requests under way; Ctrl-C again ends at once.", err=True)
            return
        self.ended_at_once = True
        count = self.in_flight
        if count:
            click.echo(f"Up to {counted(count, 'request')} may have been applied.", err=True)
        scope.cancel()
