"""A file of lines that only grows, held by one process.

Its lines are on disk when it says so, and a last line that a kill tore is cut off.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import setting_error
from cronapi.scheduler.forks import renew_in_child


class AppendOnlyFile:
    """The file of a journal.

    `append` is for the event loop. All other methods block, and are for a thread. A file that
    cannot be used is a ConfigurationError. After a failed write all later ones fail too, because
    the lines of the failed one are not on disk. In a forked process it is closed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = checked_path(path)
        self._file: io.FileIO | None = None
        self._lines: deque[bytes] = deque()
        """The lines to write: a deque, because the event loop appends while a thread takes."""
        self._fault: str | None = None
        self._is_closed = False
        self._busy = threading.Lock()
        """Held while a thread uses the file: it goes on after its task was cancelled."""
        renew_in_child(self)

    def open(self, read: Callable[[BinaryIO], int]) -> None:
        """Open or create the file, and cut it off at the end that `read` returns."""
        with self._busy, self._explain_errors("opened"):
            if self._is_closed:
                raise self._closed_error()  # its task was cancelled before this thread began
            self._file = _open(self.path)
            _lock(self._file, self.path)
            with open(self._file.fileno(), "rb", closefd=False) as file:
                file.seek(0)
                self._file.truncate(read(file))

    def append(self, line: bytes) -> None:
        """Add a line, which the next `commit` writes."""
        if self._file is None:
            raise self._closed_error()
        self._lines.append(line)

    def commit(self) -> None:
        """Write the added lines, and return when they are on disk."""
        with self._busy:
            if self._file is None:
                raise self._closed_error()
            if self._fault is not None:
                raise setting_error(self._fault)
            with self._explain_errors("written"):
                _write(self._file, b"".join(self._take_lines()))

    def sync_folder(self) -> None:
        """Put the name of a new file on disk too, if the system can."""
        sync_folder_of(self.path)

    def close(self) -> None:
        """Write the added lines and release the file. A second call does nothing."""
        try:
            if self._lines and self._file is not None and self._fault is None:
                self.commit()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Release the file and write nothing more."""
        with self._busy:
            file, self._file, self._is_closed = self._file, None, True
            if file is not None:
                _unlock(file)
                file.close()

    def _renew(self) -> None:
        """Leave the file to the parent: its lines are no matter of a forked process."""
        self._busy = threading.Lock()
        self._lines.clear()
        file, self._file = self._file, None
        if file is not None:
            self._is_closed = True
            file.close()  # its lock stays with the parent, and ends with that one

    def _take_lines(self) -> Iterator[bytes]:
        while self._lines:
            yield self._lines.popleft()

    def _closed_error(self) -> ConfigurationError:
        return setting_error(f"The journal {self.path} is closed.")

    @contextlib.contextmanager
    def _explain_errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._fault = f"The journal {self.path} could not be {verb}: {reason}."
            raise setting_error(self._fault) from error


def sync_folder_of(path: str) -> None:
    """Put the name of a file on disk, if the system can."""
    parent = os.path.dirname(path) or "."  # noqa: PTH120 -- the path is text
    with contextlib.suppress(OSError):
        folder = os.open(parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def checked_path(path: str | os.PathLike[str]) -> str:
    """Return the path of a journal as text, or say why there can be no such file."""
    text = _as_text(path)
    if text is None:
        raise setting_error(f"A journal needs a path, not a {type(path).__name__}.")
    if not text or "\0" in text or not _is_name(text):
        raise setting_error(f"A journal needs a path, not {text!r}.")
    return text


def _as_text(path: str | os.PathLike[str]) -> str | None:
    try:
        return os.fsdecode(path)
    except Exception:  # noqa: BLE001 -- a path object of the caller's own may raise anything
        return None


def _is_name(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _open(path: str) -> io.FileIO:
    """Open a file for reading and appending. Only its owner may read a new one."""
    file = open(path, "a+b", buffering=0, opener=_create_private)  # noqa: SIM115 -- it stays open
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "Not a regular file")
    return file


def _create_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(file: io.FileIO, path: str) -> None:
    """Keep other runs out until the file is closed or its process is killed."""
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 -- not on Windows

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise setting_error(
            f"The journal {path} is in use by another run; wait for its end, or use a new path."
        ) from error
    except OSError:
        return  # this file system has no locks


def _unlock(file: io.FileIO) -> None:
    """Let other runs in at once, also if a forked process still has the file."""
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 -- not on Windows

    with contextlib.suppress(OSError):  # this file system has no locks
        fcntl.flock(file, fcntl.LOCK_UN)


def _write(file: io.FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]  # a signal or a full disk can cut a write short
    os.fsync(file.fileno())
