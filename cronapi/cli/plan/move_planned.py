"""Tell what a cutover or a way back would do, and its cost, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cronapi.cli.frame.escape import escaped
from cronapi.cli.frame.words import counted
from cronapi.cli.work.dry_run import named, span
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import Target
from cronapi.manifest import CutOver, MovedBack, PlannedMove


def with_cost(tried: CutOver | MovedBack) -> str:
    """Return the end of a question: the requests of both services."""
    planned = tried.planned
    if planned is None:
        return ""
    return f" with {planned.source_cost.requests + planned.target_cost.requests} requests"


def tell_cutover_planned(
    session: Session, tried: CutOver, route: tuple[str, str, str], facts: Mapping[str, Any]
) -> None:
    """Print what a cutover would do on its route: from, to, and the group there."""
    source, target, into = route
    planned = tried.planned
    made, disabled = (0, 0) if planned is None else (planned.at_target, planned.at_source)
    would = (
        f"would make {counted(made, 'job')} at {target} in the group {into!r}, "
        f"and disable {disabled} at {source}"
    )
    counts = {"make": made, "disable": disabled}
    _tell(session, tried, would, (source, target), counts, {**facts, "made": 0, "disabled": 0})


def tell_way_back_planned(session: Session, tried: MovedBack, route: tuple[str, str, str]) -> None:
    """Print what a way back would do after a cutover on its route."""
    source, target, _ = route
    planned = tried.planned
    deleted, enabled = (0, 0) if planned is None else (planned.at_target, planned.at_source)
    would = f"would enable {counted(enabled, 'job')} at {source}, and delete {deleted} at {target}"
    counts = {"enable": enabled, "delete": deleted}
    _tell(session, tried, would, (source, target), counts, {"enabled": 0, "deleted": 0})


def _tell(
    session: Session,
    tried: CutOver | MovedBack,
    would: str,
    services: tuple[str, str],
    counts: Mapping[str, int],
    facts: Mapping[str, Any],
) -> None:
    planned = tried.planned
    if session.printer.is_json:
        left = {"left": [str(one) for one in tried.left], "errors": []}
        told = dict(counts) | ({} if planned is None else _cost_facts(planned, services))
        session.printer.document({"dry_run": told, **facts, **left})
        return
    jobs = frozenset[int]() if planned is None else planned.jobs
    moved = [Target(one.id, one.name) for one in tried.left if one.id in jobs]
    click.echo(escaped(f"{would}: {named(session, moved)}" if moved else would))
    for one in tried.left:
        if one.id not in jobs:
            click.echo(escaped(f"would leave {one}"))
    if planned is not None and jobs:
        click.echo(_cost_line(planned, services))
    click.echo("nothing was sent")


def _cost_facts(planned: PlannedMove, services: tuple[str, str]) -> dict[str, Any]:
    costs = (planned.source_cost, planned.target_cost)
    requests = {name: cost.requests for name, cost in zip(services, costs, strict=True)}
    return {"requests": requests, "seconds": round(sum(one.seconds for one in costs), 3)}


def _cost_line(planned: PlannedMove, services: tuple[str, str]) -> str:
    source, target = planned.source_cost, planned.target_cost
    return (
        f"{counted(source.requests, 'request')} at {services[0]} and {target.requests} at "
        f"{services[1]}, about {span(source.seconds + target.seconds)}"
    )
