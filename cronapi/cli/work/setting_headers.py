"""Changing some headers of jobs, each of which keeps its others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cronapi.cli.work.deeds import Deed, carry_out
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import Target
from cronapi.models import CronJob, Headers


async def set_headers(
    session: Session,
    targets: Sequence[Target],
    headers: Mapping[str, str],
    params: Mapping[str, Any],
) -> None:
    """Read the jobs, and edit each with its headers and the new ones. A dry run reads none.

    If a job cannot be read, nothing is changed.
    """
    ids = [target.id for target in targets]
    edits = {id: {**params, "http_headers": headers} for id in ids}
    reads = session.plan.cron.get_many(ids).cost().requests if ids else 0
    if ids and not session.common.dry_run:
        for job in await _jobs(session, ids):
            edits[job.id] = {**params, "http_headers": shown_headers(job) | headers}
    deed = Deed(
        "cron.edit",
        "edit",
        one=lambda client, number: client.cron.edit(number, **edits[number]),
        many=lambda client, ids, **more: client.cron.edit_many(
            {id: edits[id] for id in ids}, **more
        ),
        params={**params, "set_header": headers},
        before=reads,
    )
    await carry_out(session, deed, targets)


async def _jobs(session: Session, ids: Sequence[int]) -> Sequence[CronJob]:
    if len(ids) == 1:
        return [await session.api.cron.get(ids[0])]
    report = await session.api.cron.get_many(ids)
    for outcome in report:
        if outcome.error is not None:
            raise outcome.error
    return report.values


def shown_headers(job: CronJob) -> Headers:
    """Return the headers of a job. Headers that an answer does not show would be lost."""
    if job.http_headers is None:
        raise click.ClickException(
            f"The service does not show the headers of {Target(job.id, job.name)}, so they cannot "
            "be kept. Nothing was changed. --header replaces them all."
        )
    return job.headers
