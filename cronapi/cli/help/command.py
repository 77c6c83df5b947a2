"""The click command `cronapi help exit-codes`."""

from __future__ import annotations

import click

from cronapi.cli.exit_codes import CODES


@click.command()
def help_exit_codes() -> None:
    """List the exit codes with their meanings."""
    for row in CODES:
        click.echo(f"{row.code:>3}  {row.meaning}")
        if row.errors:
            click.echo(f"     {', '.join(row.errors)}")
