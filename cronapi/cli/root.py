"""The group that all commands belong to, and how an error reads on the command line."""

from __future__ import annotations

from typing import Any

import click

from cronapi.cli.lazy import LazyGroup
from cronapi.errors import CronAPIError

COMMANDS = {
    "demo": (
        "cronapi.cli.demo.command",
        "Work at both services at once, at a local emulator.",
    ),
    "emulator": (
        "cronapi.cli.emulator.command",
        "Serve both services locally, with their rate limits.",
    ),
    "next": (
        "cronapi.cli.next.command",
        "Tell when an expression runs, without a request.",
    ),
    "pace": (
        "cronapi.cli.pace.command",
        "Draw live how the scheduler paces requests.",
    ),
}

EXTRAS = {"rich": "cli", "uvicorn": "emulator"}
"""The extra that brings each package that a command may miss."""


class Commands(LazyGroup):
    """A group whose commands report expected errors in one line and exit with 1.

    Expected are the errors of cronapi, and a missing package that an extra brings.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CronAPIError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise
            raise click.ClickException(_advice(error.name)) from error


def _advice(module: str) -> str:
    extras = "cli,emulator" if EXTRAS[module] == "emulator" else "cli"
    return f'This command needs {module}: pip install "cronapi-client[{extras}]"'


@click.group(cls=Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cronapi-client", prog_name="cronapi")
def cronapi() -> None:
    """Hosted cron services, paced and cancel-safe: SetCronJob and FastCron."""
