"""The way to a pace in a SQLite file: one transaction for each evaluation.

A transaction is the lock. It ends with its process, so a crash leaves the file as it was before.
Each opens the file anew, so no process goes on with a file that was removed, and no child has a
connection of its parent.
"""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from attrs import astuple

from cronapi._logs import lines
from cronapi.scheduler.faults import UnusableError
from cronapi.scheduler.file_faults import (
    FOREIGN,
    FORMAT,
    FORMAT_FAULT,
    REPLACED,
    error_of,
    unusable,
)
from cronapi.scheduler.fleet import Answer
from cronapi.scheduler.forks import finish_before_forks
from cronapi.scheduler.pace_record import last_sent_of, pace_of, record_of
from cronapi.scheduler.private_file import closed_to_us, found, is_same, make_folder, renew
from cronapi.scheduler.prober import has_crashed, this_process
from cronapi.scheduler.shared_pace import evaluate, lease_of, rate_of

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that a transaction waits for the one of another process."""
GLANCE = 0.03
"""Seconds that a request waits for a look: it has its start, so it goes out without one."""
OLD = 86_400
"""Seconds after its last use until the row of another boot is removed."""
TRIES = 3
"""Files that may take each other's place while one is opened."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_TABLE = """
CREATE TABLE pace (
    boot TEXT PRIMARY KEY, format INTEGER NOT NULL, used REAL NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID
"""
_READ = "SELECT format, state FROM pace WHERE boot = ?"
_WRITE = "INSERT OR REPLACE INTO pace (boot, format, used, state) VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM pace WHERE boot <> ? AND used < ?"


class FileScript:
    """Evaluates the pace in a file, in one transaction at a time.

    A private file lies in a directory that is made for this user alone. The clock is the same in
    all processes of the machine.
    """

    def __init__(self, path: Path, clock: Callable[[], float], *, is_private: bool) -> None:
        self.path: Path = path
        self._clock = clock
        self._is_private = is_private
        self._boot = _boot_id()
        self._seen: os.stat_result | None = None
        self._busy = threading.Lock()
        finish_before_forks(self._busy)

    def __call__(self, arguments: Sequence[int | str]) -> Sequence[int]:
        """Evaluate the pace. Raises OSError."""
        with self._busy:
            return astuple(self._settled(partial(self._evaluate, arguments)))

    def check(self) -> None:
        """Make the file if there is none. Raises OSError if it cannot be used."""
        with self._busy:
            self._settled(self._prepare)

    def last_sent(self, most: float) -> float:
        """Return when the last request went out, by a read alone, or minus infinity if unknown.

        It is unknown where the file is locked, or in use by this process, for longer than a glance.
        """
        if not self._busy.acquire(timeout=GLANCE):
            return -math.inf
        try:
            kept_format, record = self._read()
        except (OSError, sqlite3.Error, TypeError):  # a file that cannot be read is told elsewhere
            return -math.inf
        finally:
            self._busy.release()
        return last_sent_of(record, self._clock(), most) if kept_format == FORMAT else -math.inf

    def _read(self) -> tuple[object, object]:
        """Return the format and the record of this boot. Raises TypeError if there is none."""
        found(self.path, is_private=self._is_private)
        with closing(_connected(self.path, GLANCE)) as connection:
            kept_format, record = connection.execute(_READ, (self._boot,)).fetchone()
        return kept_format, record

    def _settled(self, work: Callable[[sqlite3.Connection], T], tries: int = TRIES) -> T:
        """Do work in a transaction, and again if the file is replaced or made anew meanwhile."""
        try:
            return self._in_transaction(work)
        except UnusableError:
            if tries == 1 or not self._is_replaced():
                raise
        except (OSError, sqlite3.Error) as error:
            if tries == 1 or not (self._is_replaced() or self._is_renewed(error)):
                raise self._told(error) from error
        return self._settled(work, tries - 1)

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in a transaction, and commit it unless it fails or nobody else would see it."""
        self._seen = None
        if self._is_private:
            make_folder(self.path)
        self._seen = found(self.path, is_private=self._is_private)
        with closing(_connected(self.path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            done = work(connection)
            if self._is_replaced():  # SQLite itself does not look if the file was empty
                raise unusable(self.path, REPLACED)
            connection.execute("COMMIT")
        return done

    def _is_replaced(self) -> bool:
        """Return True if the file was removed or replaced since it was found."""
        return self._seen is not None and not is_same(self.path, self._seen)

    def _is_renewed(self, error: OSError | sqlite3.Error) -> bool:
        """Put an empty file in the place of a private one that is damaged; return True if it is.

        It holds nothing but a pace, while a path may name a file that somebody needs.
        """
        if not self._is_private or self._seen is None or _code(error) not in _DAMAGED:
            return False
        with suppress(OSError):
            renew(self.path, self._seen)
            lines.write(lines.PACE_FILE_RENEWED, error)
            return True
        return False

    def _told(self, error: OSError | sqlite3.Error) -> UnusableError:
        is_closed = _is_refused(error) and not self._is_replaced()
        fault = closed_to_us(self.path) if is_closed else None
        if fault is not None:
            return unusable(self.path, fault, str(error))
        return error_of(self.path, error)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        self._record(connection)
        connection.execute(f"PRAGMA user_version = {FORMAT}")  # which writes in any case

    def _evaluate(self, arguments: Sequence[int | str], connection: sqlite3.Connection) -> Answer:
        now, record = self._clock(), self._record(connection)
        pace = pace_of(record, rate_of(arguments), now, lease_of(arguments))
        if pace.probe_is_out and has_crashed(pace.prober):
            pace.forget_probe()
        answer = evaluate(pace, arguments, now)
        if answer.probe:
            pace.prober = this_process()
        values = (self._boot, FORMAT, time.time(), record_of(pace, now))
        connection.execute(_WRITE, values)
        return answer

    def _record(self, connection: sqlite3.Connection) -> object:
        """Return the record of this boot, or None if there is none yet."""
        try:
            row = connection.execute(_READ, (self._boot,)).fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise unusable(self.path, FOREIGN) from error
            connection.execute(_TABLE)
            return None
        if row is None:
            connection.execute(_FORGET, (self._boot, time.time() - OLD))
            return None
        kept_format, record = row
        if kept_format != FORMAT:
            raise unusable(self.path, FORMAT_FAULT)
        return record


def _connected(path: Path, patience: float = PATIENCE) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=patience, isolation_level=None
    )
    connection.text_factory = bytes  # a record that is no text is void, and no error
    try:
        # A crash of the machine makes the pace void anyway, so nothing waits for the disk. It may
        # damage the file, and a private one is then made anew.
        connection.execute("PRAGMA synchronous = OFF")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_refused(error: OSError | sqlite3.Error) -> bool:
    """Return True if SQLite could not open the file, or the journal beside it: it is not clear."""
    return _code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def _code(error: OSError | sqlite3.Error) -> int:
    """Return the kind of an error of SQLite, or 0 for another."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _boot_id() -> str:
    """Return the name of the time since the machine was started, or nothing if it has none."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
