"""Paths in the home directory, which a user need not have."""

from __future__ import annotations

from pathlib import Path

import click


def in_home(path: str | Path) -> Path:
    """Return a path with `~` filled in. UsageError if there is no such home directory."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise click.UsageError(f"Cannot find {path}: there is no such home directory.") from None
