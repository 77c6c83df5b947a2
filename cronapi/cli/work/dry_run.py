"""What a command would send, and its cost, told without sending it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cronapi.bulk.report import Cost
from cronapi.cli.frame.escape import escaped
from cronapi.cli.frame.json_line import json_document, json_line
from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import RAW
from cronapi.cli.show.masking import masked
from cronapi.cli.show.members import plain
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import Target

_SHOWN = 3
"""Targets that are named."""


def cost_of(session: Session, requests: int = 1) -> Cost:
    """Return the cost of a number of requests."""
    return Cost(requests, requests * session.scheduler.rate.interval)


def told(session: Session, cost: Cost, function: str) -> str:
    """Return a cost in words: `2 requests (cron.run), about 3 s at 1 request a second`."""
    rate = session.scheduler.rate
    speed = f"about {span(cost.seconds)} at {counted(rate.limit / rate.per, 'request')} a second"
    return f"{counted(cost.requests, 'request')} ({function}), {speed}"


def named(session: Session, targets: Sequence[object]) -> str:
    """Return some targets by name: `a (1), b (2), ... and 115 more`. With -v, all of them."""
    count = len(targets) if session.common.verbose else _SHOWN
    shown = ", ".join(map(str, targets[:count]))
    more = len(targets) - count
    return f"{shown}, ... and {more} more" if more > 0 else shown


def dry_run(
    session: Session,
    function: str,
    params: Mapping[str, Any],
    *,
    cost: Cost,
    would: str,
    asks: bool = False,
    batch: str | None = None,
    targets: Sequence[Target] = (),
    rows: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Print the request that would be sent and its cost. `batch` is the function that is sent.

    `targets` are named, and `rows` are what would be added. Where the output has rows, each target
    is one, and the rest is for people.
    """
    shown = params if session.common.show_secrets else masked(params)
    rows = rows or [{"id": target.id, "name": target.name} for target in targets]
    if session.printer.is_json:
        facts = {
            "function": function,
            "provider": session.provider.name,
            "parameters": plain(shown),
            "requests": cost.requests,
            "seconds": round(cost.seconds, 3),
            "token": session.token_source,
            "asks": asks and not session.common.yes,
        }
        if rows:
            facts["targets"] = [session.printer.members(row) for row in rows]
        write = json_line if session.printer.output == "ndjson" else json_document
        click.echo(write({"dry_run": facts}))
        return
    in_rows = session.common.output in {"csv", "tsv", "ids"}
    if in_rows:
        _write_rows(session, rows or [params])
    given = ", ".join(f"{name}={value}" for name, value in shown.items() if name != "id")
    lines = _named_lines(session, f"would {would}", targets or [_name_of(row) for row in rows])
    lines += [f"{function}: {given}"] if given else []
    for line in (*lines, told(session, cost, batch or function), "nothing was sent"):
        click.echo(escaped(line), err=in_rows)


def _write_rows(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a row for each target. Ids are those of things that there are."""
    if session.printer.output == "ids":
        rows = [row for row in rows if "id" in row]
    names = () if session.common.fields else dict.fromkeys(name for row in rows for name in row)
    session.show_all([*rows], RAW._replace(columns=tuple(names)))


def _named_lines(session: Session, text: str, targets: Sequence[object]) -> list[str]:
    """Return a text with its targets: a line for each with -v, else some of them."""
    if not targets:
        return [text]
    if session.common.verbose:
        return [f"{text}:", *(f"  {target}" for target in targets)]
    return [f"{text}: {named(session, targets)}" if isinstance(targets[0], Target) else text]


def _name_of(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or masked(row).get("url"))


def span(seconds: float) -> str:
    """Return a time in words: `2.5 s`, `3 min 10 s`."""
    if seconds < 90:  # noqa: PLR2004 -- a minute and a half
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
