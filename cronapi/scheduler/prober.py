"""The process that has a probe: its name, and a check if it has crashed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_GONE = {"Z", "X"}
"""States of a process that has ended, but whose parent has not asked how."""


def this_process() -> str:
    """Return the name of this process. It has the space of its number, as of a container."""
    return f"{_space()}:{os.getpid()}"


def has_crashed(name: str) -> bool:
    """Return True if a process has surely ended. One in another container may always live."""
    space, _, number = name.rpartition(":")
    if os.name != "posix" or space != _space() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return _state(number) in _GONE


def _space() -> str:
    with suppress(OSError):
        return str((_PROC / "self" / "ns" / "pid").readlink())
    return ""


def _state(number: str) -> str:
    with suppress(OSError):
        text = (_PROC / number / "stat").read_bytes().decode("latin-1")
        return text.rpartition(")")[2].split()[0]
    return ""
