"""The click command `cronapi completion`: it prints what click makes, and calls no service."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from cronapi.cli.frame.leaf import Local

_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


class _UncheckedBash(BashComplete):
    """The script for bash, without a bash of this machine being asked for its version."""

    @staticmethod
    def _check_version() -> None:
        return


@click.command(cls=Local)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def completion(shell: str) -> None:
    """Print the script that completes commands.

    For bash and zsh, put `eval "$(cronapi completion bash)"` into ~/.bashrc or the like of zsh into
    ~/.zshrc. For fish, write its script to ~/.config/fish/completions/cronapi.fish.
    """
    root = click.get_current_context().find_root().command
    kind = _UncheckedBash if shell == "bash" else _SHELLS[shell]
    click.echo(kind(root, {}, "cronapi", "_CRONAPI_COMPLETE").source())
