"""The standard streams of a command: text that fits them, and an end that nobody has to trace."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

CLOSED_PIPE = 141
"""The exit code where a reader such as `head` has gone away, as of a program that SIGPIPE ends."""


class OutputError(Exception):
    """A standard stream took no more. Its cause is the error of the system."""


class _Stream(io.BufferedWriter):
    """A stream whose failures are told apart from those of files and sockets."""

    def write(self, data: object) -> int:
        """Write, or raise OutputError."""
        try:
            return super().write(data)  # type: ignore[arg-type]  # whatever the base takes
        except OSError as error:
            raise OutputError from error

    def flush(self) -> None:
        """Flush, or raise OutputError."""
        try:
            super().flush()
        except OSError as error:
            raise OutputError from error


@contextmanager
def standard_output() -> Iterator[None]:
    """Let a command write any text in any encoding, and end quietly where its reader has gone.

    Raises SystemExit with CLOSED_PIPE then. For any other failure, such as a full disk, there is
    one line on stderr, and the exit code is 1.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)
    try:
        try:
            yield
        finally:
            _flush()
    except BaseException as error:  # an exit may have an error of output behind it
        lost = _output_error(error)
        if lost is None:
            raise
        raise SystemExit(_report(lost)) from None
    finally:
        _drop(sys.stdout)
        _drop(sys.stderr)
        sys.stdout, sys.stderr = before


def _guarded(stream: TextIO | None) -> TextIO:
    """Return a stream to the same place, or the stream itself if it is no file of the system."""
    if stream is None:  # it was closed when the process began
        return io.TextIOWrapper(_Stream(io.FileIO(os.devnull, "wb")), "utf-8", "replace")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    try:
        raw = io.FileIO(stream.fileno(), "wb", closefd=False)
    except OSError:
        return stream
    return io.TextIOWrapper(
        _Stream(raw),
        stream.encoding,
        # A sign that the terminal does not have is better than no output at all.
        "replace" if stream.errors in {"strict", "surrogateescape"} else stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(getattr(stream, "buffer", None), _Stream):
            stream.flush()


def _drop(stream: TextIO) -> None:
    """Let go of a stream without another try to write what it did not take."""
    buffer = getattr(stream, "buffer", None)
    if isinstance(buffer, _Stream):
        buffer.raw.close()


def _output_error(error: BaseException) -> OSError | None:
    """Return the system's error if an output's end has ended the command, else `None`."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_output_error, error.exceptions)), None)
    cause = error.__cause__ if isinstance(error, OutputError) else None
    return cause if isinstance(cause, OSError) else None


def _report(lost: OSError) -> int:
    if lost.errno == errno.EPIPE:
        return CLOSED_PIPE
    with suppress(OutputError, OSError):
        sys.stderr.write(f"Error: cannot write the output: {lost.strerror}.\n")
        sys.stderr.flush()
    return 1
