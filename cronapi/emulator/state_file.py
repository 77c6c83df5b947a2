"""The emulator's file on disk: readable by its owner alone, and used by one emulator at a time."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
from contextlib import suppress

_PRIVATE = 0o600
_BESIDE = ("", "-wal", "-shm", "-journal", ".lock", ".lock-journal")


def keep_private(path: str) -> None:
    """Create a file, and keep it and those that SQLite puts beside it from other users.

    Files that exist already lose the rights of others. Raises `OSError` if that is not allowed.
    """
    for name in (path, f"{path}.lock"):
        os.close(os.open(name, os.O_RDWR | os.O_CREAT, _PRIVATE))
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            _tighten(path + ending)


def take(path: str) -> sqlite3.Connection:
    """Return a connection that holds the lock of a file until it is closed or the process ends.

    Raises `OSError` that names the holder if there is one.
    """
    # The lock is SQLite's own, so it works on every system and ends with a process that is killed.
    lock = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN IMMEDIATE")
        lock.execute("CREATE TABLE IF NOT EXISTS holder (name TEXT)")
        lock.execute("DELETE FROM holder")
        lock.execute("INSERT INTO holder VALUES (?)", (_own_name(),))
        # Others can read what is committed while the next transaction keeps them from writing.
        lock.execute("COMMIT")
        lock.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        if not isinstance(error, sqlite3.OperationalError):
            lock.close()
            raise
        holder = _holder(lock)
        lock.close()
        raise OSError(
            f"another emulator has it, {holder}; stop that one, or give this one another file"
        ) from error
    return lock


def _tighten(path: str) -> None:
    mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 -- the name may be of any kind
    if mode & ~_PRIVATE:
        os.chmod(path, mode & _PRIVATE)  # noqa: PTH101 -- the name may be of any kind


def _own_name() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _holder(lock: sqlite3.Connection) -> str:
    with suppress(sqlite3.Error):
        (name,) = lock.execute("SELECT name FROM holder").fetchone() or ("",)
        if name:
            return str(name)
    return "a process that is just starting or stopping"
