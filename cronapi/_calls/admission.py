"""The calls of one client that were accepted and have not ended. Closing may wait for them."""

from __future__ import annotations

from contextvars import ContextVar

import anyio

from cronapi.errors.concerns import closed_error

CLOSED = "This client is closed; make a new one."


class Admission:
    """Counts calls, and refuses further ones once the client is to be closed.

    A call that another one makes, such as a page of a lookup or a step of a bulk, belongs to that
    one: it is not counted, and goes on while the client closes.
    """

    def __init__(self) -> None:
        self.count: int = 0
        self.is_ending: bool = False
        self._empty: anyio.Event | None = None

    def check(self) -> None:
        """Refuse a new call if the client is to be closed."""
        if self.is_ending:
            raise closed_error(CLOSED)

    def call(self) -> Admitted:
        """Return a context manager that counts a call until it has ended."""
        return Admitted(self)

    def announce(self) -> Admitted:
        """Return such a context manager for a task that is about to begin, and count it already.

        It has to be entered. A client that is to be closed refuses it there.
        """
        admitted = Admitted(self)
        if not self.is_ending:
            self.count += 1
            admitted.is_counted = True
        return admitted

    async def drained(self, seconds: float) -> int:
        """Refuse new calls, and wait up to `seconds` until the others have ended.

        Return the number of those that have not.
        """
        self.is_ending = True
        if self.count and seconds > 0:
            self._empty = self._empty or anyio.Event()
            with anyio.move_on_after(seconds):
                await self._empty.wait()
        return self.count

    def wake(self) -> None:
        """Tell those that wait for the end of all calls."""
        if not self.count and self._empty is not None:
            self._empty.set()


class Admitted:
    """One accepted call, or a part of one."""

    __slots__ = ("_admission", "_is_open", "_outer", "is_counted")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._is_open = False
        self._outer: Admitted | None = None
        self.is_counted: bool = False

    def __enter__(self) -> None:
        # Each call comes this way, so the usual case enters no other function.
        self._outer, admission = _innermost.get(), self._admission
        if not self.is_counted:
            if self._outer is not None and self._outer.covers(admission):
                return
            if admission.is_ending:
                admission.check()
            admission.count += 1
        self._is_open = True
        _innermost.set(self)

    def __exit__(self, *_: object) -> None:
        if self._is_open:
            self._is_open = False
            _innermost.set(self._outer)
            self._admission.count -= 1
            if self._admission.is_ending:
                self._admission.wake()

    def covers(self, admission: Admission) -> bool:
        """Return True if a call of this client is a part of this one.

        A task that was started during a call may outlive it, and then makes calls of its own.
        """
        return self._is_open and self._admission is admission


_innermost: ContextVar[Admitted | None] = ContextVar("cronapi_call", default=None)
"""The accepted call that the running code belongs to. Tasks of the library inherit it."""
