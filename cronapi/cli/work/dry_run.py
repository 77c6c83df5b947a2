"""What a command would send, and its cost, told without sending it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cronapi.bulk.report import Cost
from cronapi.cli.frame.escape import escaped
from cronapi.cli.frame.json_line import json_document, json_line
from cronapi.cli.frame.words import counted
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


def named(targets: Sequence[Target]) -> str:
    """Return some targets by name: `a (1), b (2), ... and 115 more`."""
    shown = ", ".join(map(str, targets[:_SHOWN]))
    more = len(targets) - _SHOWN
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
) -> None:
    """Print the request that would be sent and its cost. `batch` is the function that is sent."""
    shown = params if session.common.show_secrets else masked(params)
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
        write = json_line if session.printer.output == "ndjson" else json_document
        click.echo(write({"dry_run": facts}))
        return
    given = ", ".join(f"{name}={value}" for name, value in shown.items() if name != "id")
    click.echo(escaped(f"would {would}"))
    if given:
        click.echo(escaped(f"{function}: {given}"))
    click.echo(told(session, cost, batch or function))
    click.echo("nothing was sent")


def span(seconds: float) -> str:
    """Return a time in words: `2.5 s`, `3 min 10 s`."""
    if seconds < 90:  # noqa: PLR2004 -- a minute and a half
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
