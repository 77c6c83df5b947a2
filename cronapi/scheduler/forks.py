"""A forked process has no thread of its parent but one, so it renews what the others may hold."""

from __future__ import annotations

import os
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


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_all)
