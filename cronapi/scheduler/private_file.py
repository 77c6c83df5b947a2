"""The file of a pace: where it is, who may use it, and how it is made."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from cronapi.scheduler.faults import Fault
from cronapi.scheduler.file_faults import (
    DIRECTORY,
    FOLDER,
    FOLDER_OWNER,
    FORBIDDEN,
    HOMELESS,
    LINK,
    OWNER,
    SPECIAL,
    unusable,
)

_FOLDER = (".local", "state", "cronapi", "pace")
_KINDS = (
    (stat.S_ISLNK, LINK),
    (stat.S_ISDIR, DIRECTORY),
    (lambda mode: not stat.S_ISREG(mode), SPECIAL),
)


def default_path(budget: str) -> Path:
    """Return the path of a budget's file: the same for each process of a user.

    It depends on no variable of the environment, which crontab sets in another way.
    """
    name = f"{sha256(budget.encode()).hexdigest()[:16]}.sqlite3"
    return Path(_home(), *_FOLDER, name)


def make_folder(path: Path) -> None:
    """Make the directory of a default path, for this user alone. Raises OSError."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.stat()
    if state.st_uid != _user():
        raise unusable(path, FOLDER_OWNER)
    if state.st_mode & 0o077:
        folder.chmod(0o700)


def found(path: Path, *, is_private: bool) -> os.stat_result:
    """Return what is known of a file. It is made if there is none.

    Raises OSError if it is no regular file, or if another user may have put it there.
    """
    try:
        state = path.lstat()
    except FileNotFoundError:
        _make(path)
        state = path.lstat()
    fault = _fault_of(path, state, is_private=is_private)
    if fault is not None:
        raise unusable(path, fault)
    return state


def is_same(path: Path, seen: os.stat_result) -> bool:
    """Return True if the file of a path is the one that was seen before."""
    with suppress(OSError):
        return os.path.samestat(path.lstat(), seen)
    return False


def renew(path: Path, seen: os.stat_result) -> None:
    """Put an empty file in the place of the one that was seen, unless another is there by now.

    SQLite removes a journal beside an empty file, and does not replay it. Two processes may both do
    this: what one has learnt in the moment between is lost. Raises OSError.
    """
    with _new(path) as new:
        if is_same(path, seen):
            new.replace(path)


def closed_to_us(path: Path) -> Fault | None:
    """Return the fault of a file that this user may not write, or in whose directory not."""
    by_user = {"effective_ids": os.access in os.supports_effective_ids}
    if not os.access(path.parent, os.W_OK | os.X_OK, **by_user):
        return FOLDER
    if not os.access(path, os.R_OK | os.W_OK, **by_user):
        return FORBIDDEN
    return None


def _fault_of(path: Path, state: os.stat_result, *, is_private: bool) -> Fault | None:
    for is_kind, fault in _KINDS:
        if is_kind(state.st_mode):
            return fault
    if state.st_uid == _user():
        return None
    # Where everybody may make files, any user could have made this one.
    is_open = path.parent.stat().st_mode & stat.S_IWOTH
    return OWNER if is_private or (is_open and state.st_uid != 0) else None


def _make(path: Path) -> None:
    """Make an empty file, unless there is one.

    It gets its name last. A process that closes a file that SQLite has open drops SQLite's locks.
    """
    with _new(path) as new, suppress(FileExistsError):
        path.hardlink_to(new)


@contextmanager
def _new(path: Path) -> Iterator[Path]:
    """Make an empty file beside a path, for this user, or for the group if that may write there.

    It is removed in the end if it still has the name that it was given.
    """
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    folder = path.parent.stat()
    handle = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        try:
            _share(handle, folder)
        finally:
            os.close(handle)
        yield new
    finally:
        new.unlink(missing_ok=True)


def _share(handle: int, folder: os.stat_result) -> None:
    """Let the group of a directory write to a file if that may write to the directory."""
    is_for_group = folder.st_mode & stat.S_IWGRP and not folder.st_mode & stat.S_IWOTH
    if is_for_group and hasattr(os, "fchown"):
        with suppress(PermissionError):  # this user is none of the group
            os.fchown(handle, -1, folder.st_gid)
            os.fchmod(handle, 0o660)


def _home() -> str:
    """Return the home directory of this user, which the environment cannot change."""
    try:
        import pwd  # noqa: PLC0415 -- there is none on Windows
    except ImportError:
        return str(Path.home())
    try:
        return pwd.getpwuid(_user()).pw_dir
    except KeyError:
        raise unusable(Path(*_FOLDER), HOMELESS) from None


def _user() -> int:
    """Return the number of this user, 0 on Windows, where each file's owner has that number."""
    return os.geteuid() if hasattr(os, "geteuid") else 0
