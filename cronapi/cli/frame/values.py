"""Values on the command line: variables, files and standard input; durations and times."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cronapi.cli.frame.standard_input import read_all

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic since click 8.5 only

_VARIABLE = re.compile(r"\$(\$)?\{([A-Za-z_][A-Za-z0-9_]*)\}")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h|d)?")
_LONGEST = 365_000
"""Days of a duration at most. Behind the year 9999 there are no dates."""
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, None: 1}


class Expanded(str):
    """A text that came from a variable, a file or standard input. `shown` stands for it."""

    __slots__ = ("shown",)
    shown: str

    def __repr__(self) -> str:
        return repr(self.shown)


def expand(text: str, option: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the value of an option: `${NAME}` is a variable, `@FILE` a file, `-` standard input.

    `$${NAME}` is the text `${NAME}`. A variable that is not set is a usage error.
    """
    if text == "-":
        return _expanded(_without_last_break(read_all()), "(standard input)")
    if text.startswith("@") and len(text) > 1:
        return _expanded(_without_last_break(_read(text[1:], option)), f"(file {text[1:]})")
    if "${" not in text:
        return text
    environ = os.environ if environ is None else environ
    shown = _VARIABLE.sub(lambda m: m[0][1:] if m[1] else f"(secret {m[2]})", text)
    value = _VARIABLE.sub(lambda m: m[0][1:] if m[1] else _variable(m[2], option, environ), text)
    return _expanded(value, shown)


def is_literal(text: str) -> bool:
    """Return True if a value stands on the command line itself."""
    return not (text == "-" or text.startswith("@") or _VARIABLE.fullmatch(text))


def _expanded(value: str, shown: str) -> Expanded:
    text = Expanded(value)
    text.shown = shown
    return text


def _variable(name: str, option: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise click.BadParameter(f"the variable {name} is not set.", param_hint=option)
    return environ[name]


def _without_last_break(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _read(path: str, option: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise click.BadParameter(f"cannot read {path}: {reason}.", param_hint=option) from error


def whole_number(text: str) -> int | None:
    """Return a number of digits alone, or None. Python reads no thousands of digits."""
    try:
        return int(text) if text.isascii() and text.isdigit() else None
    except ValueError:
        return None


class Span(ParamType):
    """A duration, such as 90, 90s, 15m, 2h or 1d, as seconds."""

    name = "span"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the seconds."""
        match = _DURATION.fullmatch(str(value).strip())
        if match is None or not float(match[1]):
            self.fail(f"{value!r} is no duration; give 90s, 15m, 2h or 1d.", param, ctx)
        seconds = float(match[1]) * _SECONDS[match[2]]
        if seconds > _LONGEST * _SECONDS["d"]:
            self.fail(f"a duration of more than {_LONGEST}d is too long.", param, ctx)
        return seconds


class Moment(ParamType):
    """A time: ISO 8601 with a zone, Unix seconds, or `+15m` from now, as Unix seconds."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return Unix seconds. A time without a zone names no moment, and is refused."""
        text = str(value).strip()
        if text.startswith("+"):
            return int(time.time() + SPAN.convert(text[1:], param, ctx))
        if (number := whole_number(text)) is not None:
            return number
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no time; give 2030-05-24T06:00:00+02:00 or +15m.", param, ctx)
        if found.tzinfo is None:
            self.fail(f"{text!r} has no time zone; add Z or +02:00.", param, ctx)
        return int(found.timestamp())


SPAN, MOMENT = Span(), Moment()
