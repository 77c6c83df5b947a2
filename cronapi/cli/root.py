"""The group that all commands belong to, and how an error reads on the command line."""

from __future__ import annotations

from typing import Any

from cronapi._protocol.extras import EXTRAS, command_for, missing
from cronapi.errors import CronAPIError

try:
    import click
except ModuleNotFoundError as error:
    raise missing("cronapi.cli", "click") from error

from cronapi.cli.lazy import LazyGroup

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
    extras = dict.fromkeys(("cli", EXTRAS[module]))
    return f"This command needs {module}: {command_for(*extras)}"


@click.group(cls=Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cronapi-client", prog_name="cronapi")
def cronapi() -> None:
    """Hosted cron services, paced and cancel-safe: SetCronJob and FastCron."""
