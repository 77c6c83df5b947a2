"""A file of lines that only grows: on disk when it says so, held by one process, and mended where a kill tore its last line."""

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


class LineFile:
    """The file of a journal; `append` is for the event loop, the rest blocks and is for a thread.

    What goes wrong with the file is a ConfigurationError. After a failed write every later one fails too, since what that one took
    along is not on disk, whoever asks.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = _path(path)
        self._file: io.FileIO | None = None
        self._lines: deque[bytes] = deque()
        """What is to be written: a deque, since the event loop appends while a thread takes."""
        self._fault: str | None = None
        self._over = False
        self._busy = threading.Lock()
        """Held while a thread is at the file: it goes on where the task that sent it is cancelled."""

    def open(self, read: Callable[[BinaryIO], int]) -> None:
        """Open the file, or make it, and cut off what follows the end that `read` returns."""
        with self._busy, self._explained("opened"):
            if self._over:
                raise self._closed()  # its task was cancelled before this thread began
            self._file = _opened(self.path)
            _lock(self._file, self.path)
            with open(self._file.fileno(), "rb", closefd=False) as file:
                file.seek(0)
                self._file.truncate(read(file))

    def append(self, line: bytes) -> None:
        """Have a line written by the next `commit`."""
        if self._file is None:
            raise self._closed()
        self._lines.append(line)

    def commit(self) -> None:
        """Write what was appended; it is on disk when this returns."""
        with self._busy:
            if self._file is None:
                raise self._closed()
            if self._fault is not None:
                raise ConfigurationError(self._fault)
            with self._explained("written"):
                _write(self._file, b"".join(self._taken()))

    def sync_folder(self) -> None:
        """Have the name of a new file on disk too, where the system can."""
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(self.path) or ".", os.O_RDONLY)  # noqa: PTH120 -- the path is text
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def close(self) -> None:
        """Write what was appended and let go of the file; closing twice is harmless."""
        try:
            if self._lines and self._file is not None and self._fault is None:
                self.commit()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file and write nothing more."""
        with self._busy:
            file, self._file, self._over = self._file, None, True
            if file is not None:
                file.close()

    def _taken(self) -> Iterator[bytes]:
        while self._lines:
            yield self._lines.popleft()

    def _closed(self) -> ConfigurationError:
        return ConfigurationError(f"The journal {self.path} is closed.")

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._fault = f"The journal {self.path} could not be {what}: {error.strerror or type(error).__name__}."
            raise ConfigurationError(self._fault) from error


def _path(path: str | os.PathLike[str]) -> str:
    try:
        text = os.fsdecode(path)
    except TypeError as error:
        raise ConfigurationError(f"A journal needs a path, not a {type(path).__name__}.") from error
    if not text or "\0" in text:
        raise ConfigurationError(f"A journal needs a path, not {text!r}.")
    return text


def _opened(path: str) -> io.FileIO:
    """Open a file for reading and appending; only its owner may read a new one."""
    file = open(path, "a+b", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115 -- it stays open
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "Not a regular file")
    return file


def _lock(file: io.FileIO, path: str) -> None:
    """Keep other runs out until the file is closed, or its process is killed."""
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 -- not on Windows

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigurationError(
            f"The journal {path} is in use by another run; wait for its end, or use a new path."
        ) from error
    except OSError:
        return  # a file system without locks


def _write(file: io.FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]  # a signal or a full disk can cut a write short
    os.fsync(file.fileno())
