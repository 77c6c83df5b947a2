"""The one task that advances an async input, since that may hold a task group or a deadline from one item to the next."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable

import anyio

from cronapi._calls.tasks import spawn


def _nothing() -> bool:
    return True


class Reader:
    """Advances an async iterator and closes it, all in one task of its own, and no further than somebody waits for.

    Each item goes to `keep`; `end` is told once how the iterator ended. One task at a time calls `read`.
    """

    def __init__(
        self,
        items: AsyncIterator[object],
        keep: Callable[[object], None],
        end: Callable[[BaseException], None],
    ) -> None:
        self._items = items
        self._keep = keep
        self._end = end
        self._enough: Callable[[], bool] = _nothing
        self._scope: anyio.CancelScope | None = None
        self._asked = anyio.Event()
        self._answered = anyio.Event()
        self._over = anyio.Event()
        self._pausing = False
        self._closing = False
        self._raised: BaseException | None = None
        """What is no error came out of the iterator: for the next who reads."""
        self._unclosed: Exception | None = None

    async def read(self, enough: Callable[[], bool], seconds: float) -> None:
        """Wait until there is `enough`, the iterator is over, `seconds` have passed, or `release` is called.

        Who is cancelled meanwhile cancels the making of the item too.
        """
        if enough() or self._over.is_set():
            return
        self._enough, self._answered = enough, anyio.Event()
        self._go_on()
        try:
            with anyio.move_on_after(seconds):
                await self._answered.wait()
        except BaseException:
            if self._scope is not None and not enough():
                self._scope.cancel()
            raise
        finally:
            self._enough = _nothing  # the item under way is the last
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised

    def release(self) -> None:
        """Let go who waits."""
        self._answered.set()

    async def aclose(self) -> None:
        """Close the iterator where it is a generator, and raise what that raises; an item under way is cancelled."""
        self._closing = True
        if self._scope is None:
            await self._finish()
        elif self._pausing:
            self._asked.set()
        else:
            self._scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._over.wait()
        unclosed, self._unclosed = self._unclosed, None
        if unclosed is not None:
            raise unclosed

    def _go_on(self) -> None:
        if self._scope is None:
            self._scope = spawn(self._run)
        self._asked.set()

    async def _run(self) -> None:
        try:
            while not self._closing:
                if self._enough():
                    await self._pause()
                else:
                    self._keep(await anext(self._items))
        except BaseException as error:  # noqa: BLE001 -- the caller's code, however it takes being cancelled; nobody hears of a task's error
            self._end(error)
            cancelled = self._scope is not None and self._scope.cancel_called
            self._raised = None if cancelled or isinstance(error, Exception) else error
        finally:
            await self._finish()

    async def _pause(self) -> None:
        self._asked, self._pausing = anyio.Event(), True
        self._answered.set()
        try:
            with anyio.CancelScope(
                shield=True
            ):  # from a scope that the iterator holds: it learns of that when it is asked for more
                await self._asked.wait()
        finally:
            self._pausing = False

    async def _finish(self) -> None:
        try:
            await self._close()
        except Exception as error:  # noqa: BLE001 -- the caller's code, which may raise anything
            self._unclosed = error
        except BaseExceptionGroup as group:  # its cancellation among them
            self._unclosed = group.subgroup(Exception)
        finally:
            self._over.set()
            self._answered.set()

    async def _close(self) -> None:
        try:
            if isinstance(self._items, AsyncGenerator):
                await self._items.aclose()
        except* GeneratorExit:
            pass  # how a task group inside says that it was closed
