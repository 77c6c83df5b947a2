"""A forked process has no thread of its parent but one, so it renews what the others may hold."""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """An object with a lock, a connection or a caller that a forked process does not have."""

    def _renew(self) -> None:
        """Forget whatever belongs to the parent."""


_renewable: WeakSet[Renewable] = WeakSet()


def renew_in_child(item: Renewable) -> None:
    """Renew an object in each process that is forked while it lives."""
    _renewable.add(item)


def _renew_all() -> None:
    for item in list(_renewable):
        item._renew()  # noqa: SLF001 -- each hands itself over


_LONGEST_WAIT = 2.0
"""Seconds that a fork waits for work to be finished. A signal may have interrupted that work."""
_forking = threading.Lock()
_work: WeakSet[threading.Lock] = WeakSet()
_finished: list[threading.Lock] = []


def finish_before_forks(lock: threading.Lock) -> None:
    """Let no process be forked while a lock is held, as a library may not survive that."""
    _work.add(lock)


def _finish() -> None:
    locks = (_forking, *_work)
    _finished.extend(lock for lock in locks if lock.acquire(timeout=_LONGEST_WAIT))


def _go_on() -> None:
    while _finished:
        _finished.pop().release()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_finish, after_in_parent=_go_on, after_in_child=_go_on)
    os.register_at_fork(after_in_child=_renew_all)
