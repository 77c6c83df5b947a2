"""Advance an async input in one task, because it may hold a task group or a deadline meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable

import anyio

from cronapi._calls.open_readings import Readings
from cronapi._calls.tasks import spawn


def _always() -> bool:
    return True


class Reader:
    """Advances and closes an async iterator, all in one task of its own.

    It advances only while `read` waits. Each item goes to `keep`. `end` is called once, with the
    exception that ended the iterator. Only one task at a time may call `read`. `readings` are those
    of the job list that the iterator is in the middle of.
    """

    def __init__(
        self,
        items: AsyncIterator[object],
        keep: Callable[[object], None],
        end: Callable[[BaseException], None],
    ) -> None:
        self.readings: Readings = Readings(self._release_if_enough)
        self._items = items
        self._keep = keep
        self._end = end
        self._enough: Callable[[], bool] = _always
        self._scope: anyio.CancelScope | None = None
        self._asked = anyio.Event()
        self._answered = anyio.Event()
        self._over = anyio.Event()
        self._pausing = False
        self._closing = False
        self._raised: BaseException | None = None
        """An exception of the iterator that is not an Exception, for the next `read`."""
        self._close_error: Exception | None = None

    async def read(self, enough: Callable[[], bool], seconds: float) -> None:
        """Advance until `enough()`, the end of the iterator, or `release`, for at most `seconds`.

        A cancelled call cancels the iterator's work on the next item too.
        """
        if enough() or self._over.is_set():
            return
        self._enough, self._answered = enough, anyio.Event()
        self._go_on()
        try:
            with anyio.move_on_after(seconds):
                await self._answered.wait()
        except BaseException:  # a cancelled read cancels the work on its item
            if self._scope is not None and not enough():
                self._scope.cancel()
            raise
        finally:
            self._enough = _always  # the item being made is the last
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised

    def release(self) -> None:
        """Let the waiting `read` return."""
        self._answered.set()

    def _release_if_enough(self) -> None:
        if self._enough():
            self._answered.set()

    async def aclose(self) -> None:
        """Close the iterator if it is a generator, and raise its errors.

        The work on an item is cancelled.
        """
        self._closing = True
        if self._scope is None:
            await self._finish()
        elif self._pausing:
            self._asked.set()
        else:
            self._scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._over.wait()
        error, self._close_error = self._close_error, None
        if error is not None:
            raise error

    def _go_on(self) -> None:
        if self._scope is None:
            self._scope = spawn(self._run)
        self._asked.set()

    async def _run(self) -> None:
        self.readings.watch()
        try:
            while not self._closing:
                if self._enough():
                    await self._pause()
                else:
                    self._keep(await anext(self._items))
                    self.readings.note_item()
        # The caller's code may answer a cancellation with anything, and this task has no listener.
        except BaseException as error:  # noqa: BLE001 -- see above
            self._end(error)
            cancelled = self._scope is not None and self._scope.cancel_called
            self._raised = None if cancelled or isinstance(error, Exception) else error
        finally:
            await self._finish()

    async def _pause(self) -> None:
        self._asked, self._pausing = anyio.Event(), True
        self._answered.set()
        try:
            # A shield from scopes of the iterator, which it finds cancelled when it goes on.
            with anyio.CancelScope(shield=True):
                await self._asked.wait()
        finally:
            self._pausing = False

    async def _finish(self) -> None:
        try:
            await self._close()
        except Exception as error:  # noqa: BLE001 -- the caller's code, which may raise anything
            self._close_error = error
        except BaseExceptionGroup as group:  # with its cancellation
            self._close_error = group.subgroup(Exception)
        finally:
            self._over.set()
            self._answered.set()

    async def _close(self) -> None:
        try:
            if isinstance(self._items, AsyncGenerator):
                await self._items.aclose()
        except* GeneratorExit:
            pass  # a task group in the generator raises it when it is closed
