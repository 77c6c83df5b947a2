"""A click group that knows its commands by name and summary, and imports one only to use it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

Table = Mapping[str, tuple[str, str]]
"""Each command's name, with the module that defines it and a summary of one line.

The module has the command under its name, with underscores for hyphens.
"""


class LazyGroup(click.Group):
    """A group whose commands come from a table.

    Help and completion of the group see placeholders with the table's summaries. Resolving a
    command, to run it or to show its own help, imports its module.
    """

    def __init__(
        self, name: str | None = None, *, table: Table | None = None, **attrs: Any
    ) -> None:
        super().__init__(name, **attrs)
        self.table: Table = table or {}
        for command, (_, summary) in self.table.items():
            self.add_command(click.Command(command, short_help=summary))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name, the command and the remaining arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.table:
            command = self.load(name)
        return name, command, rest

    def load(self, name: str) -> click.Command:
        """Import a command of the table."""
        module, _ = self.table[name]
        command: click.Command = getattr(importlib.import_module(module), name.replace("-", "_"))
        return command
