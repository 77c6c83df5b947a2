"""The click command `cronapi help exit-codes`."""

from __future__ import annotations

import sys
import textwrap
from shutil import get_terminal_size

import click

from cronapi.cli.exit_codes import CODES
from cronapi.cli.frame.leaf import Local

_INDENT = " " * 5


@click.command(cls=Local)
def help_exit_codes() -> None:
    """List the exit codes with their meanings."""
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    for line in exit_code_lines(width):
        click.echo(line)


def exit_code_lines(width: int | None = None) -> list[str]:
    """Return the lines of all codes, wrapped for a terminal. None is no terminal."""
    lines = list[str]()
    for row in CODES:
        errors = [f"{_INDENT}{', '.join(row.errors)}"] if row.errors else []
        for line in (f"{row.code:>3}  {row.meaning}", *errors):
            lines += textwrap.wrap(
                line, width or len(line), subsequent_indent=_INDENT, break_on_hyphens=False
            )
    return lines
