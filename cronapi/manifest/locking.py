"""Locks: one apply of the files of a manifest at a time, and one change of a file."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cronapi.errors import UnsafePlanError
from cronapi.errors.concerns import setting_error
from cronapi.scheduler.until import until

PATIENCE = 30.0
"""Seconds. Whoever changes a file reads and writes it, which takes some milliseconds."""


@contextmanager
def locked(paths: Sequence[str]) -> Iterator[None]:
    """Hold the files. UnsafePlanError if another apply does. A killed process leaves no lock."""
    with ExitStack() as stack:
        for path in paths:
            with suppress(OSError):  # it is gone: nobody else can read it either
                file = stack.enter_context(Path(path).open("rb"))
                _lock(file, path)
                stack.callback(_unlock, file.fileno(), os.getpid())
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


def _unlock(descriptor: int, holder: int) -> None:
    """Let others in at once, also if a process that was forked meanwhile still has the file."""
    if sys.platform == "win32" or os.getpid() != holder:
        return
    import fcntl  # noqa: PLC0415 -- not on Windows

    with suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@asynccontextmanager
async def changing(path: Path) -> AsyncIterator[None]:
    """Hold the folder of a file while it is read and written anew. Others wait for that moment.

    The file itself cannot be held, since a new one takes its place. ConfigurationError if somebody
    else holds the folder for too long. A cancelled wait holds nothing.
    """
    with ExitStack() as stack:
        if sys.platform != "win32":
            folder = _folder_of(path)
            if folder is not None:
                stack.callback(os.close, folder)
                stack.callback(_unlock, folder, os.getpid())
            if not await until(lambda: _is_held(folder), PATIENCE):
                raise setting_error(
                    f"Somebody else has held the folder of {path} for {PATIENCE:.0f} s. Nothing "
                    "was written. Find out who does, and give the same command again."
                )
        yield


def _folder_of(path: Path) -> int | None:
    """Open the folder of a file, or return None if it may be written alone.

    ConfigurationError if it is not there.
    """
    try:
        return os.open(path.resolve().parent, os.O_RDONLY)
    except PermissionError:
        return None
    except OSError as error:
        raise setting_error(f"The folder of {path} cannot be read: {error.strerror}.") from error


def _is_held(folder: int | None) -> bool:
    """Hold a folder, and return False if somebody else does."""
    import fcntl  # noqa: PLC0415 -- not on Windows

    if folder is None:  # nobody can hold it
        return True
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
