"""The service and the token of a command, and the place where the token was found."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from cronapi._protocol.hidden import hidden
from cronapi.cli.exit_codes import NoTokenError
from cronapi.cli.frame.common import Common
from cronapi.cli.frame.standard_input import read_first_line
from cronapi.cli.work.token_command import MOST_PRINTED, output_of
from cronapi.providers import FASTCRON, SETCRONJOB, Provider

PROVIDERS = {provider.name: provider for provider in (FASTCRON, SETCRONJOB)}
_VARIABLES = " or ".join(provider.token_variable for provider in PROVIDERS.values())
_OTHERS = stat.S_IRGRP | stat.S_IROTH


class Credentials(NamedTuple):
    """A token with its source: a path, a command or the name of a variable."""

    token: str
    source: str

    def __repr__(self) -> str:
        return f"<Credentials from {self.source}>"


def chosen_provider(common: Common, environ: Mapping[str, str]) -> Provider:
    """Return the service that was named, or the only one that has a token."""
    if common.provider is not None:
        return PROVIDERS[common.provider]
    found = [one for one in PROVIDERS.values() if environ.get(one.token_variable)]
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError(
            f"{_VARIABLES.replace(' or ', ' and ')} are both set: say --provider fastcron or "
            "--provider setcronjob."
        )
    if common.token_file is not None or common.dry_run:
        raise click.UsageError("Say --provider fastcron or --provider setcronjob.")
    raise NoTokenError(f"No API token: set {_VARIABLES}, or give --token-file.")


def is_standard_input(path: str | None) -> bool:
    """Return True for the name of standard input."""
    return path == "-"


def source_of_token(common: Common, profile: Mapping[str, Any], provider: Provider) -> str:
    """Return the place where the token is to be found. Nothing is read."""
    path = common.token_file
    if path is not None:
        return "standard input" if is_standard_input(path) else path
    if "token_command" in profile:
        return f"token_command of the profile {common.profile}"
    return provider.token_variable


def credentials_of(common: Common, profile: Mapping[str, Any], provider: Provider) -> Credentials:
    """Return the token of the account. NoTokenError if there is none."""
    source = source_of_token(common, profile, provider)
    if common.token_file is not None:
        token = _from_file(common.token_file)
    elif "token_command" in profile:
        token = _from_command(profile["token_command"], source)
    else:
        token = os.environ.get(provider.token_variable, "")
    token = token.strip()
    if not token:
        is_variable = source == provider.token_variable
        raise NoTokenError(
            f"No API token: set {source}." if is_variable else f"No API token in {source}."
        )
    return Credentials(hidden(token), source)


def _from_file(path: str) -> str:
    if is_standard_input(path):
        return read_first_line()
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            if sys.platform != "win32" and os.fstat(file.fileno()).st_mode & _OTHERS:
                click.echo(f"Warning: others can read {path}; chmod 600 it.", err=True)
            return file.readline()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise click.UsageError(f"Cannot read the token file {path}: {reason}.") from error


def _from_command(command: list[str], source: str) -> str:
    try:
        output, code = output_of(command)
    except (OSError, ValueError) as error:
        raise NoTokenError(f"The {source} could not be run.") from error
    if len(output) > MOST_PRINTED:
        raise NoTokenError(f"The {source} printed more than {MOST_PRINTED} bytes.")
    if code:
        raise NoTokenError(f"The {source} ended with {code}.")
    try:
        return (output.decode("utf-8-sig").splitlines() or [""])[0]
    except UnicodeDecodeError:
        raise NoTokenError(f"The {source} printed no text.") from None
