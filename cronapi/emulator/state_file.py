"""The emulator's file on disk: readable by its owner alone, and used by one emulator at a time."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
from contextlib import suppress

_PRIVATE = 0o600
_IN_MEMORY = ":memory:"
_BESIDE = ("", "-wal", "-shm", "-journal", ".lock", ".lock-journal")
_FORMAT = 1
"""The number of the file's format."""
_TABLES = {
    "documents": ["kind", "provider", "account", "id", "body"],
    "counters": ["kind", "provider", "made"],
}
"""The columns of each table."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT, provider TEXT, account TEXT, id INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (kind, provider, account, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
    kind TEXT, provider TEXT, made INTEGER NOT NULL,
    PRIMARY KEY (kind, provider)
) WITHOUT ROWID;
"""


def connect(place: str | os.PathLike[str]) -> list[sqlite3.Connection]:
    """Return the connections of a store, the store's own first."""
    path = os.fspath(place)
    if path == _IN_MEMORY:
        return [_opened(path)]
    try:
        _keep_private(path)
        lock = _take(path)
    except (OSError, sqlite3.Error) as error:
        raise OSError(f"cannot use {path}: {error}") from error
    try:
        return [_opened(path), lock]
    except sqlite3.Error as error:
        lock.close()
        raise OSError(f"cannot use {path}: {error}") from error
    except OSError:
        lock.close()
        raise


def _keep_private(path: str) -> None:
    """Create a file, and keep it and those that SQLite puts beside it from other users.

    Files that exist already lose the rights of others. Raises `OSError` if that is not allowed.
    """
    for name in (path, f"{path}.lock"):
        os.close(os.open(name, os.O_RDWR | os.O_CREAT, _PRIVATE))
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            _tighten(path + ending)


def _take(path: str) -> sqlite3.Connection:
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


def _format_of(connection: sqlite3.Connection, path: str) -> int:
    """Return the format of a file, 0 for none, or raise `OSError` if it is that of other releases.

    A state from before the formats had numbers has none, and a new file neither.
    """
    number = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if number not in (0, _FORMAT):
        connection.close()
        raise OSError(
            f"cannot use {path}: it has format {number}, and this cronapi reads format {_FORMAT}; "
            "use another file, or the release that wrote it"
        )
    return number


def _check_tables(connection: sqlite3.Connection, path: str) -> None:
    """Raise `OSError` for a file with other tables: some other program needs it.

    A kill may have left a new file with none, or with one of the two.
    """
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    for (name,) in rows.fetchall():
        columns = connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
        is_internal = name.startswith("sqlite_")
        if not is_internal and [column for (column,) in columns] != _TABLES.get(name):
            connection.close()
            raise OSError(
                f"cannot use {path}: it holds something else than the state of an emulator; "
                "use another file"
            )


def _opened(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        number = _format_of(connection, path)
        _check_tables(connection, path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
        if number != _FORMAT:
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


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
