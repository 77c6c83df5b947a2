"""The refusal to pickle or copy an emulator."""

from __future__ import annotations

from typing import NoReturn


class NotCopied:
    """The base of the parts of an emulator that hold a database, locks or requests under way."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "An emulator cannot be pickled or copied, nor can its parts: they hold a database, "
            "locks and requests under way. Call create_app again, or hand on its address."
        )
