"""The parameters of a job, from the options of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from cronapi._protocol.params import KIND_OF
from cronapi.cli.frame.job_options import option_of
from cronapi.cli.frame.values import MOMENT, Expanded, expand, is_literal
from cronapi.cli.work.session import Session
from cronapi.models.headers import HEADER_NAME

SET_HEADER, REMOVE_HEADER = "--set-header", "--remove-header"


def params_of(options: Mapping[str, Any], clear: Sequence[str] = ()) -> dict[str, Any]:
    """Return the parameters that were given. Those to clear are None."""
    given = {
        name: _value(name, value) for name, value in options.items() if value not in (None, ())
    }
    cleared = dict.fromkeys(name.replace("-", "_") for name in clear)
    both = sorted(given.keys() & cleared.keys())
    if both:
        raise click.UsageError(f"{option_of(both[0])} and --clear {both[0]}: give one of them.")
    return given | cleared


def _value(name: str, value: Any) -> Any:
    option = option_of(name)
    if name == "http_headers":
        return _headers([expand(line, option) for line in value], option)
    if name == "password" and is_literal(value):
        raise click.BadParameter(
            "a password would stand in the process list; give ${NAME}, @FILE or -.",
            param_hint=option,
        )
    text = expand(value, option)
    if name == "run" and text.startswith("+"):
        return MOMENT.convert(text, None, None)
    kind = KIND_OF[name]
    return kind.send(name, text) if kind.reads else text


def tell_one_name(session: Session, targets: Sequence[object], params: Mapping[str, Any]) -> None:
    """Tell of several jobs that are about to get one name."""
    if len(targets) > 1 and params.get("name"):
        session.say(f"{len(targets)} jobs get the name {params['name']!r}.")


class HeaderChanges(NamedTuple):
    """Changes of some headers of a job: lines of those to set, and names of those to remove."""

    set: Sequence[str] = ()
    remove: Sequence[str] = ()

    def checked(self, params: Mapping[str, Any], clear: Sequence[str]) -> dict[str, str]:
        """Return the headers to set. Refused is a change beside one of all headers."""
        for option, lines in ((SET_HEADER, self.set), (REMOVE_HEADER, self.remove)):
            if lines and "http_headers" in params:
                cleared = clear and params["http_headers"] is None
                other = "--clear http-headers" if cleared else "--header"
                raise click.UsageError(f"{other} and {option}: give one of them.")
        headers = _headers([expand(line, SET_HEADER) for line in self.set], SET_HEADER)
        names = {name.lower() for name in headers}
        for name in self.remove:
            if not HEADER_NAME.fullmatch(name):
                raise click.BadParameter(
                    "give a name alone, as in X-Key.", param_hint=REMOVE_HEADER
                )
            if name.lower() in names:
                raise click.UsageError(
                    f"{SET_HEADER} and {REMOVE_HEADER} {name}: give one of them."
                )
        return headers


def _headers(lines: Sequence[str], option: str) -> dict[str, str]:
    headers = dict[str, str]()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise click.BadParameter("a header is 'NAME: VALUE'.", param_hint=option)
        headers[name.strip()] = _header_value(line, value.strip())
    return headers


def _header_value(line: str, value: str) -> str:
    if not isinstance(line, Expanded):
        return value
    kept = Expanded(value)
    kept.shown = line.shown.partition(":")[2].strip()
    return kept
