"""A click group that knows its commands by path and summary, and imports one only to use it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from cronapi.cli.frame.forms import refuse_in_front
from cronapi.cli.frame.leaf import Leaf
from cronapi.cli.synonyms import WORKING, meant

Table = Mapping[str, tuple[str, str]]
"""Each command's path, such as `cron list`, with its module and a summary of one line.

The module has the command under its path, with underscores for blanks and hyphens. A group has no
module.
"""


class LazyGroup(click.Group):
    """A group whose commands come from a table. Alone it prints its help and exits with 0.

    Help and completion of the group see placeholders with the table's summaries. Resolving a
    command, to run it or to show its own help, imports its module.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        table: Table | None = None,
        path: str = "",
        **attrs: Any,
    ) -> None:
        super().__init__(name, invoke_without_command=True, **attrs)
        self.table: Table = table or {}
        self.path = path
        for command, (module, summary) in self.table.items():
            parent, _, last = command.rpartition(" ")
            if parent == path:
                kind = click.Command if module else click.Group
                self.add_command(kind(last, short_help=summary))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named, or print the help if none was."""
        if not ctx._protected_args and not ctx.args:  # noqa: SLF001 -- click tells it nowhere else
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, in which an underscore is as good as a hyphen."""
        cmd_name = WORKING.get(cmd_name, cmd_name)
        known = super().get_command(ctx, cmd_name) or super().get_command(
            ctx, cmd_name.replace("_", "-")
        )
        return known or self.unlisted(f"{self.path}.{cmd_name.replace('-', '_')}")

    def unlisted(self, _function: str, /) -> click.Command | None:
        """Return a command for a function that the table does not list, or None."""
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name, the command and the remaining arguments.

        A word that people use for a command is a usage error that names the command.
        """
        path = meant(self.path, args[0], self.table)
        if path is not None and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {path!r}?", ctx)
        _, command, rest = super().resolve_command(ctx, args)
        if command is None or command.name is None:
            return None, command, rest
        if self.path_of(command.name) in self.table:
            loaded = self.load(command.name)
            # A completion may stand behind options that are refused later.
            if not (ctx.resilient_parsing or isinstance(loaded, LazyGroup | Leaf)):
                refuse_in_front(ctx, loaded)
            return command.name, loaded, rest
        return command.name, command, rest

    def path_of(self, name: str) -> str:
        """Return the path of one of this group's commands."""
        return f"{self.path} {name}".lstrip()

    def load(self, name: str) -> click.Command:
        """Import a command of the table, or make a group of it."""
        path = self.path_of(name)
        module, summary = self.table[path]
        if not module:
            return type(self)(name, table=self.table, path=path, help=summary)
        names = path.replace(" ", "_").replace("-", "_")
        command: click.Command = getattr(importlib.import_module(module), names)
        return command
