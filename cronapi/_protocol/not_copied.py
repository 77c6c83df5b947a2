"""The refusal to pickle or copy what holds locks, connections or a part of a rate."""

from __future__ import annotations

from typing import ClassVar, NoReturn


class NotCopied:
    """The base of what cannot be pickled or copied.

    A copy would have the same locks and connections, and no fork would renew them.
    """

    __slots__ = ()

    _not_copied: ClassVar[str]
    """The reason, and what to do instead."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(self._not_copied)
