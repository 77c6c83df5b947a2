"""The form in which a command prints, and the options that it has no use for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import click

from cronapi.cli.frame.combinations import given_of
from cronapi.cli.frame.common import Common, common_of

OF_ROWS = frozenset({"--fields", "--time-format", "--spreadsheet", "--show-secrets"})
"""Options that choose or write the members of rows."""


class Text(NamedTuple):
    """A command prints a text and no rows. `word` names it. `formats` are the outputs it has."""

    word: str
    formats: tuple[str, ...] = ("json", "ndjson")


Prints = str | Text
"""A text, or the name of a kind of rows."""


class Told(NamedTuple):
    """The form of the output of a command, and its effect after an interruption."""

    prints: Prints
    again: str


def check_form(ctx: click.Context, prints: Prints, common: Common) -> None:
    """Refuse options that a command would ignore, as they were given on the command line."""
    is_formatted = not {"--output", "--json"}.isdisjoint(common.given)
    if is_formatted and "--format" in given_of(ctx):
        raise click.UsageError("Give --format or --output, not both.")
    if isinstance(prints, str):
        return
    unused = sorted(OF_ROWS.intersection(common.given))
    if is_formatted and common.output not in prints.formats:
        unused.append(f"--output {common.output}")
    if unused:
        raise click.UsageError(
            f"{ctx.info_name} prints {prints.word}, or JSON with --json. It has no {unused[-1]}."
        )


def refuse_in_front(ctx: click.Context, command: click.Command) -> None:
    """Refuse common options in front of a command that has none of them."""
    given = common_of(ctx).given
    if given:
        own = {spelling for param in command.params for spelling in param.opts}
        raise click.UsageError(f"{command.name} takes no {_in_front(given, own)}")


def _in_front(given: Iterable[str], own: Iterable[str]) -> str:
    known = [option for option in given if option in own]
    if known:
        return f"{known[0]} in front of it. Give {known[0]} behind it."
    return f"{next(iter(given))}; its own options stand behind it."
