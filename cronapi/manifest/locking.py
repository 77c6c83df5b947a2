"""Locks: one apply of the files of a manifest at a time, and one change of a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cronapi.errors import UnsafePlanError


@contextmanager
def locked(paths: Sequence[str]) -> Iterator[None]:
    """Hold the files. UnsafePlanError if another apply does. A killed process leaves no lock."""
    with ExitStack() as stack:
        for path in paths:
            with suppress(OSError):  # it is gone: nobody else can read it either
                _lock(stack.enter_context(Path(path).open("rb")), path)
        yield


def _lock(file: BinaryIO, path: str) -> None:
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 -- not on Windows

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UnsafePlanError(
            f"Another apply of {path} is at work. Nothing was sent; wait for its end."
        ) from None


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold the folder of a file while it is read and written anew. Others wait for that moment.

    The file itself cannot be held, since a new one takes its place.
    """
    with ExitStack() as stack:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 -- not on Windows

            with suppress(OSError):  # a file system without locks
                folder = os.open(path.resolve().parent, os.O_RDONLY)
                stack.callback(os.close, folder)
                fcntl.flock(folder, fcntl.LOCK_EX)
        yield
