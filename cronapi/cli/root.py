"""The group that all commands belong to, and how an error reads on the command line."""

from __future__ import annotations

from typing import Any

import click

from cronapi.cli.demo.command import demo
from cronapi.cli.emulator.command import emulator
from cronapi.cli.pace.command import pace
from cronapi.errors import CronAPIError

EXTRAS = {"rich": "cli", "uvicorn": "emulator", "cronsim": "emulator"}
"""Which extra brings what a command may miss."""


class Commands(click.Group):
    """A group whose commands end with one line and exit code 1 where cronapi raises an error or an extra is missing."""

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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cronapi-client", prog_name="cronapi")
def cronapi() -> None:
    """Hosted cron services, paced and cancel-safe: SetCronJob and FastCron."""


cronapi.add_command(demo)
cronapi.add_command(emulator)
cronapi.add_command(pace)
