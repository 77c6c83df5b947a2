"""Standard input, which may be closed, unreadable or no text."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import TextIO

import click

_BYTE_ORDER_MARK = "\ufeff"


def is_terminal() -> bool:
    """Return True if somebody can type an answer. Python has no stream where it was closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def read_all() -> str:
    """Return all of the text. UsageError if there is none to be read."""
    return _read(lambda stream: stream.read())


def read_first_line() -> str:
    """Return the first line. UsageError if it cannot be read."""
    return _read(lambda stream: stream.readline())


def _read(read: Callable[[TextIO], str]) -> str:
    if sys.stdin is None:
        raise click.UsageError("Cannot read standard input: it is closed.")
    try:
        text = read(sys.stdin)
        text.encode("utf-8")  # Python lets bytes that are no text through as half surrogates
    except UnicodeError:
        reason = "it is not UTF-8"
    except OSError as error:
        reason = "it is not for reading"
        if error.errno != errno.EBADF:  # an error of Python itself has neither number nor text
            reason = error.strerror or reason
    else:
        return text.removeprefix(_BYTE_ORDER_MARK)
    raise click.UsageError(f"Cannot read standard input: {reason}.")
