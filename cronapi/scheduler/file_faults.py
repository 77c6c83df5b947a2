"""What is wrong with a file that cannot keep a pace: one row for each fault."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from cronapi.scheduler.faults import Fault, UnusableError, fault_in

FORMAT = 1
"""The format of the row. The row of another one is refused."""

_ANOTHER_PATH = "Name another path, or remove that file if nobody needs it."

FORMAT_FAULT = Fault(
    (),
    f"has the pace in another format; this cronapi reads format {FORMAT}",
    "Let all processes run one release of cronapi, or give the bucket another path meanwhile.",
    lasting=True,
)
FOREIGN = Fault((), "holds something else than a pace", _ANOTHER_PATH, lasting=True)
LINK = Fault((), "is a symbolic link", "Name the file itself.", lasting=True)
DIRECTORY = Fault((), "is a directory", "Name a file in it.", lasting=True)
SPECIAL = Fault((), "is not a regular file", "Name another path.", lasting=True)
OWNER = Fault(
    (),
    "belongs to another user",
    "Several users name a path in a directory in which only they may write.",
    lasting=True,
)
FOLDER_OWNER = Fault(
    (), "lies in a directory of another user", "Name a path of your own.", lasting=True
)
FOLDER = Fault(
    ("SQLITE_READONLY_DIRECTORY",),
    "lies in a directory in which this user may not write",
    "Let the user write there, as SQLite must, or name another path.",
    lasting=True,
)
FORBIDDEN = Fault(
    ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH", "EACCES", "EPERM"),
    "may not be used by this user",
    "Change its permissions, or name another path.",
    lasting=True,
)
HOMELESS = Fault((), "has no place: this user has no home directory", "Name a path.", lasting=True)
REPLACED = Fault(
    ("SQLITE_READONLY_DBMOVED",), "is replaced again and again", "End the program that does it."
)

FAULTS = (
    FOLDER,
    REPLACED,  # no lasting fault, though SQLite names it as one of permissions
    Fault(("SQLITE_NOTADB",), "is not a SQLite file", _ANOTHER_PATH, lasting=True),
    Fault(("SQLITE_CORRUPT",), "is damaged", "Remove it: the pace is learnt anew.", lasting=True),
    Fault(
        ("EROFS",),
        "lies on a read-only file system",
        "Name a path on one that can be written.",
        lasting=True,
    ),
    FORBIDDEN,
    Fault(
        ("SQLITE_FULL", "ENOSPC", "EDQUOT"),
        "cannot be written: the disk is full",
        "Free some space, or name a path on another disk.",
        lasting=True,
    ),
    Fault(("ENOENT", "ENOTDIR"), "lies in no directory", "Make the directory first.", lasting=True),
    Fault(("ELOOP",), "lies behind a loop of links", "Name another path.", lasting=True),
    Fault(("ENAMETOOLONG",), "has too long a name", "Name a shorter path.", lasting=True),
    Fault(
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "is locked by another process",
        "Find the process that has stopped in the middle, and end it.",
    ),
    Fault(
        ("SQLITE_IOERR",),
        "cannot be read and written ({answer})",
        "Look at the disk; a file on a network does not lock well.",
    ),
)
UNEXPECTED = Fault((), "cannot be used ({answer})", "Name another path.")


def unusable(path: Path, fault: Fault, answer: str = "") -> UnusableError:
    """Return the error for a file with a fault."""
    return UnusableError(answer or fault.said, fault, f"the file {str(path)!r}")


def error_of(path: Path, error: OSError | sqlite3.Error) -> UnusableError:
    """Return the error for a file on which the system or SQLite failed."""
    if isinstance(error, OSError):
        name, text = errno.errorcode.get(error.errno or 0, ""), error.strerror
    else:
        name, text = getattr(error, "sqlite_errorname", ""), str(error)
    answer = f"{name or type(error).__name__}: {text}"
    return unusable(path, fault_in(answer, FAULTS) or UNEXPECTED, answer)
