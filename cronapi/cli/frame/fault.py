"""How a command ends that failed: a line on stderr, as text or as JSON, and an exit code.

A wrong manifest has a line for each of its problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import click

from cronapi.cli.exit_codes import exit_code
from cronapi.cli.frame.escape import escaped, one_line
from cronapi.errors import CronAPIError, ManifestError

_JSON = ("json", "ndjson")


def wants_json(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Return True if errors are to be JSON. The arguments may be wrong in any way."""
    said = list(arguments)
    spellings = {"--json", *(f"{option}{name}" for option in ("-o", "--output=") for name in _JSON)}
    if not spellings.isdisjoint(said):
        return True
    values = [value for option, value in pairwise(said) if option in {"-o", "--output"}]
    return (values or [environ.get("CRONAPI_OUTPUT", "")])[-1] in _JSON


def report(error: Exception, *, as_json: bool, code: int | None = None, more: str = "") -> int:
    """Write an error to stderr, and return its exit code, unless that is given.

    `more` is a sentence behind its text.
    """
    code = exit_code(error) if code is None else code
    if as_json:
        click.echo(_as_json(error, code, more), err=True)
        return code
    is_manifest = isinstance(error, ManifestError)
    text = _with(_text(error), more)
    for line in text.split("\n") if is_manifest else [text]:
        click.echo(escaped(line) if is_manifest else f"Error: {one_line(line)}", err=True)
    return code


def _text(error: Exception) -> str:
    return error.format_message() if isinstance(error, click.ClickException) else str(error)


def _with(text: str, more: str) -> str:
    """Return a text with a sentence behind it."""
    if not more:
        return text
    return f"{text} {more}" if text.endswith((".", "]")) else f"{text}. {more}"


def _as_json(error: Exception, code: int, more: str) -> str:
    from cronapi.cli.frame.json_line import json_line  # noqa: PLC0415 -- only an error needs it

    facts = facts_of(error)
    return json_line(
        {"error": {**facts, "message": _with(facts["message"], more), "exit_code": code}}
    )


def facts_of(error: Exception) -> dict[str, Any]:
    """Return the facts of an error as JSON has them."""
    is_usage = isinstance(error, click.UsageError)
    name = "UsageError" if is_usage else type(error).__name__
    facts: dict[str, Any] = {"class": name, "message": _text(error)}
    if isinstance(error, CronAPIError):
        facts |= {
            "function": error.function,
            "provider": error.provider,
            "attempts": error.attempts,
            "applied": error.applied.value,
        }
    later = getattr(error, "retry_after", None) or getattr(error, "wait", None)
    return facts if later is None else {**facts, "retry_after": later}
