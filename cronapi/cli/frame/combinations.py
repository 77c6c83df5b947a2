"""Options of one command that mean nothing beside, or without, another one of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import click
from click.core import ParameterSource

from cronapi.cli.frame.common import path_of


class Rule(NamedTuple):
    """Options that need one of some others, or that none of them goes with."""

    options: Sequence[str]
    others: Sequence[str]
    goes: bool
    """True if the options go only with one of the others, False if with none."""

    def refusal(self, given: Sequence[str]) -> str | None:
        """Return the fault of the options that were given, if there is one."""
        used = [one for one in self.options if one in given]
        beside = [one for one in self.others if one in given]
        if not used or bool(beside) == self.goes:
            return None
        if self.goes:
            return f"{used[0]} needs {' or '.join(self.others)}."
        return f"{used[0]} means nothing with {beside[0]}."


RULES: Mapping[str, Sequence[Rule]] = {
    "cron add": [Rule(["--journal", "--no-journal"], ["--from"], goes=True)],
    "cron logs": [Rule(["--failed", "--since", "--last"], ["--output-of"], goes=False)],
    "demo": [Rule(["--speed"], ["--provider"], goes=False)],
    "migrate": [
        Rule(["--overlap", "--journal"], ["--cutover", "--back"], goes=True),
        Rule(
            ["--out", "--group", "--prefix", "--env-file", "--accept-losses"],
            ["--back"],
            goes=False,
        ),
    ],
}
"""By the paths of commands."""


def check_combination(ctx: click.Context) -> None:
    """Refuse options that were given on the command line and would be ignored."""
    given = given_of(ctx)
    for rule in RULES.get(path_of(ctx), ()):
        if (refusal := rule.refusal(given)) is not None:
            raise click.UsageError(refusal)


def given_of(ctx: click.Context) -> list[str]:
    """Return the long spellings of the options that stood on the command line."""
    return [
        max(param.opts, key=len)
        for param in ctx.command.params
        if isinstance(param, click.Option)
        and ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
    ]
