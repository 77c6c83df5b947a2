"""Turns at a key: one holds it, and the others wait in the order in which they came."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

import anyio

K = TypeVar("K", bound=Hashable)


class Turns(Generic[K]):
    """Turns at keys. A free one costs no event and no wait.

    No task owns a turn: another one may end it.
    """

    def __init__(self) -> None:
        self._waiting: dict[K, list[anyio.Event]] = {}
        """Those that wait for their turn, by the keys at which one is held."""

    async def take(self, key: K, max_wait: float | None) -> bool:
        """Take a turn, also a free one with a `max_wait` of 0. Return False if it takes longer.

        A free one is no checkpoint.
        """
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = []
            return True
        turn = anyio.Event()
        waiting.append(turn)
        is_taken = False
        try:
            with anyio.move_on_after(max_wait):
                await turn.wait()
            is_taken = turn.is_set()
        finally:
            if not is_taken:
                self._leave(key, turn)
        return is_taken

    def end(self, key: K) -> None:
        """End a turn: the next one begins."""
        waiting = self._waiting[key]
        if waiting:
            waiting.pop(0).set()
        else:
            del self._waiting[key]

    def _leave(self, key: K, turn: anyio.Event) -> None:
        if turn.is_set():  # it came just when its task was cancelled
            self.end(key)
        else:
            self._waiting[key].remove(turn)
