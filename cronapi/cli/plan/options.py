"""The options that the commands for manifests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

ALL = "*"
"""Stands for all hidden fields."""
READS_MANIFEST = (0, 1, 2, 3, 4, 7, 64, 130, 143)
"""The exit codes of a command that compares."""
CHECKS = (0, 1, 2, 4, 7, 64, 130, 143)
"""The exit codes of a command that reads, and may have something to tell."""
MIGRATES = (0, 1, 2, 3, 4, 6, 7, 64, 130, 143)
"""The exit codes of a command that reads one service for another, and may move jobs."""
APPLIES = (0, 1, 3, 4, 5, 6, 7, 64, 130, 143)
"""The exit codes of a command that applies."""
PREVIEWS = (*APPLIES[:2], 2, *APPLIES[2:])
"""The exit codes of a command that applies, and with -n tells that there is a difference."""


class Files(NamedTuple):
    """The files of a manifest, and its environment."""

    paths: tuple[str, ...]
    env: str | None


class Asked(NamedTuple):
    """What a plan may do."""

    prune: bool
    enable: bool
    revive: bool
    dedupe: bool
    resend_hidden: tuple[str, ...]
    max_deletes: int | None


_FILES = (
    click.option(
        *("-f", "--file"),
        "files",
        multiple=True,
        metavar="FILE",
        help="The manifest, cronjobs.toml by default; - for stdin. More files add jobs.",
    ),
    click.option("--env", metavar="NAME", help="The environment of the manifest."),
)
_PLAN = (
    click.option("--prune", is_flag=True, help="Delete jobs in the scope that no table names."),
    click.option("--max-deletes", type=click.IntRange(0), metavar="N", help="Allow N deletions."),
    click.option("--enable", is_flag=True, help="Let jobs run that somebody disabled or paused."),
    click.option(
        "--revive", is_flag=True, help="Let jobs run that the service stopped or calls failed."
    ),
    click.option("--dedupe", is_flag=True, help="Delete all but one of equal jobs of one name."),
    click.option(
        "--resend-hidden",
        multiple=True,
        is_flag=False,
        flag_value=ALL,
        metavar="[FIELD]",
        help="Send what the service does not show: all, or a field.",
    ),
)


def _with(command: F, options: tuple[Callable[[Any], Any], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def manifest_options(command: F) -> F:
    """Add the options that name a manifest."""
    return _with(command, _FILES)


def plan_options(command: F) -> F:
    """Add the options that name a manifest, and say what a plan may do."""
    return _with(command, (*_FILES, *_PLAN))


def taken(options: dict[str, Any]) -> tuple[Files, Asked]:
    """Take the shared options out of all that were given."""
    files = Files(options.pop("files"), options.pop("env"))
    return files, Asked(**{name: options.pop(name) for name in Asked._fields})
