"""Commands that call a service: a coroutine function with its own options and the common ones."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import click

from cronapi.cli.exit_codes import UNKNOWN
from cronapi.cli.frame.again import again
from cronapi.cli.frame.combinations import check_combination
from cronapi.cli.frame.common import COMMON, common_of, path_of
from cronapi.cli.frame.forms import OF_ROWS, Prints, Told, check_form

Work = Callable[..., Coroutine[Any, Any, None]]
"""The body of a command. It gets the session, and its own options as keyword arguments."""

_WIDEST = 30
"""The columns that options take beside their help, as click has it. At most half of a line."""

READS = (0, 1, 4, 7, 64, 130, 143)
"""The exit codes of a command that reads."""
READS_ONE = (0, 1, 4, 5, 7, 64, 130, 143)
"""The exit codes of a command that reads one thing."""
CHANGES = (0, 1, 4, 5, 6, 7, 64, 130, 143)
"""The exit codes of a command that changes something."""
OFFLINE = (0, 64)
"""The exit codes of a command that calls no service."""


class Leaf(click.Command):
    """A command whose help lists its own options before the common ones, and its exit codes."""

    exits: tuple[int, ...] = OFFLINE
    prints: Prints = ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. An option that there is not is an error with the one that is meant.

        click would name options that have only their dashes and a letter or two in common.
        """
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise self._no_option(error.option_name, ctx) from None

    def _no_option(self, name: str, ctx: click.Context) -> click.UsageError:
        from cronapi._protocol.hints import nearest  # noqa: PLC0415 -- only a mistake needs it

        plain = name.lstrip("-")
        options = [one for one in self.params if isinstance(one, click.Option)]
        known = {spelling.lstrip("-"): spelling for one in options for spelling in one.opts}
        near = nearest(plain, known)
        meant = "" if near is None else f" Did you mean {known[near]!r}?"
        if plain in {one.name for one in self.params} - {one.name for one in options}:
            meant = f" {plain.upper()} is given without an option."
        return click.UsageError(f"No such option {name!r}.{meant}", ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in two sections."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        own = [option for option in options if option not in COMMON]
        common = [option for option in options if option in COMMON and self._uses(option)]
        write_options(ctx, formatter, "Options", own)
        write_options(ctx, formatter, "Common options", common)

    def _uses(self, option: click.Option) -> bool:
        return isinstance(self.prints, str) or OF_ROWS.isdisjoint(option.opts)

    def format_epilog(
        self,
        ctx: click.Context,  # noqa: ARG002 -- as click calls it
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the exit codes that this command can give."""
        codes = ", ".join(map(str, self.exits))
        formatter.write_paragraph()
        formatter.write_text(f"Exit codes: {codes}; see `cronapi help exit-codes`.")


class Local(click.Command):
    """A command of this machine, whose options are written as those of other commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, unless one of its options would be ignored."""
        check_combination(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        write_options(ctx, formatter, "Options", options)


class LocalGroup(Local, click.Group):
    """A group of such commands, which does something without one of them too."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options and the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def write_options(
    ctx: click.Context, formatter: click.HelpFormatter, title: str, options: Iterable[click.Option]
) -> None:
    """Write a section of help."""
    records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
    with formatter.section(title):
        formatter.write_dl(records, col_max=min(_WIDEST, formatter.width // 2))


def leaf(exits: tuple[int, ...], prints: Prints) -> Callable[[Work], Leaf]:
    """Make a command of a coroutine function, which is imported with nothing heavy.

    `prints` is a `Text`, or the name of a kind of rows in `show.columns.KINDS`.
    """

    def decorate(work: Work) -> Leaf:
        @click.pass_context
        def run(ctx: click.Context, /, **params: Any) -> None:
            check_form(ctx, prints, common_of(ctx))
            check_combination(ctx)
            from cronapi.cli.work.carry_out import carry_out  # noqa: PLC0415 -- imports the client

            told = Told(prints, again(path_of(ctx), changes=UNKNOWN in exits))
            ctx.exit(carry_out(work, common_of(ctx), told, params))

        own: list[click.Parameter] = [*reversed(getattr(work, "__click_params__", ()))]
        taken = {name for param in own for name in param.opts}
        common = [option for option in COMMON if taken.isdisjoint(option.opts)]
        command = Leaf(
            work.__name__.replace("_", "-"),
            callback=run,
            params=[*own, *common],
            help=work.__doc__,
        )
        command.exits, command.prints = exits, prints
        return command

    return decorate
