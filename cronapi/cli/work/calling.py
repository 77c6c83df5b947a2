"""A raw call: its parameters are read from the command line, and its data is written as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import click

from cronapi._functions import TABLE
from cronapi._names import wire_name
from cronapi.cli.frame.values import expand, is_literal
from cronapi.cli.frame.words import TOO_MUCH
from cronapi.cli.work.dry_run import cost_of, dry_run
from cronapi.cli.work.session import Session

_PAIR = re.compile(r"([A-Za-z_][\w.-]*?)(:=|=)(.*)", re.DOTALL)


async def call_function(session: Session, function: str, parameters: Sequence[str]) -> None:
    """Call a function, and write its data."""
    name = function if function in TABLE else _known(function)
    params = dict(map(_read, parameters))
    if "token" in params:
        raise click.UsageError("The token is the account's: give it by --token-file.")
    if session.common.dry_run:
        dry_run(session, name, params, cost=cost_of(session), would=f"call {name}")
        return
    session.printer.raw(await session.api.call(name, **params))


def _known(function: str) -> str:
    """Return the name of a known function that was spelt as another service spells it."""
    for name in TABLE:
        if function.replace("-", "_") in {name, name.replace(".", "_"), name.replace(".", " ")}:
            return name
    return function


def _read(parameter: str) -> tuple[str, Any]:
    match = _PAIR.fullmatch(parameter)
    if match is None:
        raise click.UsageError(f"{parameter!r} is neither KEY=VALUE nor KEY:=JSON.")
    name, sign, text = match.groups()
    if wire_name(name.replace("-", "_")) in {"password", "secret"} and is_literal(text):
        raise click.UsageError(
            f"{name} would stand in the process list: give {name}='${{NAME}}', @FILE or -."
        )
    value = expand(text, name)
    if sign == "=":
        return name, value
    try:
        return name, json.loads(value)
    except json.JSONDecodeError as error:
        raise click.UsageError(f"{name}:= is no JSON: {error.msg}.") from None
    except (ValueError, RecursionError):
        raise click.UsageError(f"{name}:= cannot be read: {TOO_MUCH}.") from None
