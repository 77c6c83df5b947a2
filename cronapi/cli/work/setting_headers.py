"""Setting and removing some headers of jobs, each of which keeps its others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cronapi.cli.work.deeds import Deed, carry_out
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import Target
from cronapi.models import CronJob, Headers
from cronapi.models.headers import joined


async def change_headers(
    session: Session,
    targets: Sequence[Target],
    headers: Mapping[str, str],
    removed: Sequence[str],
    params: Mapping[str, Any],
) -> None:
    """Read the jobs, and edit each with the headers that are left and new ones.

    If a job cannot be read, nothing is changed. A job that has none of the headers to remove is
    left as it is, unless something else is to be changed. A dry run reads none.
    """
    ids = [target.id for target in targets]
    edits = {id: dict(params) for id in ids}
    reads = session.plan.cron.get_many(ids).cost().requests if ids else 0
    if ids and not session.common.dry_run:
        jobs = await _jobs(session, ids)
        edits = {
            job.id: {**params, "http_headers": without(shown_headers(job), removed) | headers}
            for job in jobs
        }
        if removed:
            _tell_absent(session, jobs, removed)
            changes = bool(headers or params)
            same = {job.id for job in jobs if edits[job.id]["http_headers"] == job.headers}
            targets = [one for one in targets if changes or one.id not in same]
    deed = Deed(
        "cron.edit",
        "edit",
        one=lambda client, number: client.cron.edit(number, **edits[number]),
        many=lambda client, ids, **more: client.cron.edit_many(
            {id: edits[id] for id in ids}, **more
        ),
        params={**params, **_shown(headers, removed)},
        before=reads,
    )
    await carry_out(session, deed, targets)


def without(headers: Headers, removed: Sequence[str]) -> Headers:
    """Return headers without those of some names, in any case."""
    names = {name.lower() for name in removed}
    return Headers(joined(line for line in headers.lines if line[0].lower() not in names))


def _shown(headers: Mapping[str, str], removed: Sequence[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"set_header": headers} if headers else {}
    return shown | ({"remove_header": list(removed)} if removed else {})


def _tell_absent(session: Session, jobs: Sequence[CronJob], removed: Sequence[str]) -> None:
    for name in removed:
        if not any(name in job.headers for job in jobs):
            session.warn(f"No job has a header {name!r}.")


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
