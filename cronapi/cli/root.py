"""The group that all commands belong to, and how a command ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Any, NoReturn

from cronapi._protocol.extras import EXTRAS, command_for, missing

try:
    import click
except ModuleNotFoundError as _error:
    raise missing("cronapi.cli", "click") from _error

from cronapi.cli.exit_codes import INTERRUPTED
from cronapi.cli.frame.common import COMMON
from cronapi.cli.frame.fault import report, wants_json
from cronapi.cli.frame.leaf import write_options
from cronapi.cli.lazy import LazyGroup
from cronapi.cli.table import COMMANDS
from cronapi.errors import CronAPIError

_LEAST_OF_CLICK, _LEAST_HELP = 50, 20
_TARGETS = ("account.", "cron.", "group.", "server.")


def help_width(columns: int) -> int | None:
    """Return the width of help on a narrow terminal, or None where click's own fits.

    click writes at least 50 columns, which a narrower terminal would break inside of words.
    """
    return max(columns - 1, _LEAST_HELP) if columns <= _LEAST_OF_CLICK else None


class Commands(LazyGroup):
    """A group whose commands report expected errors in one line, with the exit code of each.

    Expected are the errors of cronapi and of click, and a missing package that an extra brings.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line, and exit with its code."""
        arguments = list(sys.argv[1:] if args is None else args)

        width = {"terminal_width": help_width(get_terminal_size().columns), **extra}

        def run() -> Any:
            return super(Commands, self).main(
                arguments, prog_name, complete_var, standalone_mode=False, **width
            )

        return _exit_with_code_of(run, arguments) if standalone_mode else run()

    def unlisted(self, function: str, /) -> click.Command | None:
        """Return a raw command for a function of a service that has no command of its own yet."""
        if not function.startswith(_TARGETS):
            return None
        from cronapi._functions import TABLE  # noqa: PLC0415 -- imports attrs
        from cronapi.cli.api.call import call_of  # noqa: PLC0415 -- only this needs it

        return call_of(function) if function in TABLE else None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands. The help of each command lists the common options."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        write_options(ctx, formatter, "Options", [one for one in options if one not in COMMON])
        self.format_commands(ctx, formatter)


def _exit_with_code_of(run: Any, arguments: Sequence[str]) -> NoReturn:
    before = signal.getsignal(signal.SIGINT)
    try:
        code = _code_of(run, arguments)
    finally:  # an interrupted command takes no second Ctrl-C
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)
    sys.exit(code)


def _code_of(run: Any, arguments: Sequence[str]) -> int:
    as_json = wants_json(arguments, os.environ)
    try:
        code = run()
    except (click.Abort, KeyboardInterrupt):
        code = report(click.ClickException("Interrupted."), as_json=as_json, code=INTERRUPTED)
    except (click.ClickException, CronAPIError) as error:
        code = report(error, as_json=as_json)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        code = report(click.ClickException(_advice(error.name)), as_json=as_json)
    return code if isinstance(code, int) else 0


def _advice(module: str) -> str:
    extras = ("cli",) if EXTRAS[module] == "cli" else ("cli", EXTRAS[module])
    return f"This command needs {module}: {command_for(*extras)}"


@click.group(
    cls=Commands,
    table=COMMANDS,
    params=list(COMMON),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="cronapi-client", prog_name="cronapi")
def cronapi() -> None:
    """Hosted cron services, paced and cancel-safe: SetCronJob and FastCron.

    The token is read from FASTCRON_TOKEN or SETCRONJOB_TOKEN, or by --token-file of a command. To
    try it without an account, start `cronapi emulator`, which prints the lines to set.
    `cronapi cron list` shows the jobs. Each command has --help, and -n changes nothing.
    """
