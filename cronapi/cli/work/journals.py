"""The journal of `cron add --from`: by default for more than 50 rows, in the state directory."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from attrs import define

from cronapi._calls.options import fingerprint_of
from cronapi.cli.frame.again import GOES_ON
from cronapi.cli.frame.home import in_home
from cronapi.cli.work.session import Session

MOST_WITHOUT = 50
"""Rows that need no journal."""
_DAY = 86400


@define
class Kept:
    """A journal that is in use, or none. It is removed once all is done."""

    path: str | None
    is_finished: bool = False
    goes_on: bool = True
    """False if the journal was refused, so that the same command would be refused again."""


@contextmanager
def journal_of(
    session: Session, digest: str, path: str | None, *, wanted: bool, rows: int
) -> Iterator[Kept]:
    """Yield the journal of a file of rows. One that is older than a day is a usage error."""
    by_default = path is None and wanted and rows > MOST_WITHOUT
    if by_default:
        path = str(_default_path(session, digest))
        _check_age(path)
    kept = Kept(path)
    if path is not None:
        session.again = GOES_ON
    try:
        yield kept
    finally:
        if path is not None and kept.is_finished:
            Path(path).unlink(missing_ok=True)
        elif path is not None and kept.goes_on and Path(path).exists():
            session.say(f"The same command goes on: the journal is {path}.")


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the directory for what a command keeps."""
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA", "~")
    else:
        base = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return in_home(base) / "cronapi"


def state_folder(name: str, instead: str) -> Path:
    """Return a directory in the state directory. UsageError with what to give instead of it."""
    folder = state_dir(os.environ) / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(
            f"Cannot make {folder}: {error.strerror}; give {instead}."
        ) from error
    return folder


def _default_path(session: Session, digest: str) -> Path:
    account = fingerprint_of(session.credentials.token)
    folder = state_folder("journals", "--journal or --no-journal")
    return folder / f"{session.provider.name}-{account}-{digest}.jsonl"


def _check_age(path: str) -> None:
    try:
        age = time.time() - Path(path).stat().st_mtime
    except OSError:
        return
    if age > _DAY:
        raise click.UsageError(
            f"The journal {path} is older than a day. Go on with --journal {path}, or remove it "
            "to create all rows again."
        )
