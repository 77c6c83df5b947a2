"""Creating and changing jobs from the options of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

from cronapi._protocol.encoding import encode_params
from cronapi._protocol.params import JobSpec
from cronapi.bulk import Report
from cronapi.cli.frame.again import EDIT_THAT_RUNS
from cronapi.cli.frame.targets import Named
from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import ENSURED
from cronapi.cli.show.masking import masked
from cronapi.cli.show.members import members_of
from cronapi.cli.work.deeds import Deed, carry_out, run_bulk
from cronapi.cli.work.dry_run import cost_of, dry_run
from cronapi.cli.work.job_group import with_group_id
from cronapi.cli.work.job_params import HeaderChanges, params_of, tell_one_name
from cronapi.cli.work.journals import journal_of
from cronapi.cli.work.rows import rows_of
from cronapi.cli.work.session import Session
from cronapi.cli.work.setting_headers import change_headers
from cronapi.cli.work.targets import group_number, job_or_none, targets_of
from cronapi.errors import ConfigurationError
from cronapi.models import CronJob

_ENSURE = 3
"""Requests: two searches by name, and one change."""


async def add(session: Session, options: Mapping[str, Any]) -> None:
    """Create one job."""
    params = params_of(await with_group_id(session, options))
    if "url" not in params:
        raise click.UsageError("A new job needs --url.")
    spec = JobSpec(**params)
    encode_params(spec.params, session.provider, clear=False)
    if session.common.dry_run:
        would = f"add a job that calls {masked(params)['url']}"
        dry_run(session, "cron.add", params, cost=cost_of(session), would=would)
        return
    session.show(await session.api.cron.add(**spec.params))


ADD = Deed(
    "cron.add",
    "add",
    many=lambda client, specs, **options: client.cron.add_many(specs, **options),
)


async def add_from(
    session: Session,
    options: Mapping[str, Any],
    path: str,
    journal: str | None,
    *,
    no_journal: bool,
) -> None:
    """Create a job for each row of a file. Options stand in for what a row leaves out."""
    if journal is not None and no_journal:
        raise click.UsageError("Give --journal or --no-journal, not both.")
    common = params_of(await with_group_id(session, options))
    rows = await rows_of(path, common, partial(group_number, session))
    for note in rows.notes:
        session.warn(note)
    count = len(rows.jobs)
    if session.common.dry_run:
        cost = ADD.many(session.plan, rows.jobs).cost()
        would = f"add {counted(count, 'job')} from {path}"
        dry_run(session, "cron.add", common, cost=cost, would=would, rows=rows.jobs)
        return
    with journal_of(session, rows.digest, journal, wanted=not no_journal, rows=count) as kept:
        report = await run_bulk(session, ADD, rows.jobs, journal=kept.path)
        kept.is_finished = len(report.done) == count
        kept.goes_on = not isinstance(report.stopped_by, ConfigurationError)
    _tell_idle(session, report, rows.idle)


def _tell_idle(session: Session, report: Report[CronJob], idle: Sequence[int]) -> None:
    """Name the new jobs that run and did not where they came from, as a command to paste."""
    new = [str(one.value.id) for one in report.done if one.index in idle]
    if new:
        session.say(f"They run now; to stop them: cronapi cron disable {' '.join(new)}")


async def edit(
    session: Session,
    named: Named,
    options: Mapping[str, Any],
    some: HeaderChanges,
    clear: Sequence[str],
) -> None:
    """Change the jobs that were named, all alike but for headers that each of them keeps."""
    params = params_of(await with_group_id(session, options), clear)
    headers = some.checked(params, clear)
    if not params and not headers and not some.remove:
        raise click.UsageError("Nothing to change: give at least one field, such as --expression.")
    if params.get("run"):
        session.again = EDIT_THAT_RUNS
    sent = {**params, "http_headers": headers} if headers else params
    encode_params(sent, session.provider, clear=True)
    targets = await targets_of(session, named)
    tell_one_name(session, targets, params)
    if headers or some.remove:
        await change_headers(session, targets, headers, some.remove, params)
        return
    if targets and params.get("http_headers"):
        session.say("--header replaces all headers of a job; --set-header keeps the others.")
    deed = Deed(
        "cron.edit",
        "edit",
        one=lambda client, number: client.cron.edit(number, **params),
        many=lambda client, ids, **more: client.cron.edit_many(dict.fromkeys(ids, params), **more),
        params=params,
    )
    await carry_out(session, deed, targets)


async def ensure(session: Session, name: str, options: Mapping[str, Any]) -> None:
    """Make sure of a job by its name, and tell what that took."""
    params = {"name": name, **params_of(await with_group_id(session, options))}
    if "url" not in params:
        raise click.UsageError("A job to ensure needs --url.")
    if params.get("run"):
        session.again = EDIT_THAT_RUNS
    encode_params(params, session.provider, clear=True)
    if session.common.dry_run:
        cost = cost_of(session, _ENSURE)
        dry_run(session, "cron.ensure", params, cost=cost, would=f"ensure the job {name}")
        return
    before = await job_or_none(session, name)
    job = await session.api.cron.ensure(**params)
    result = "created" if before is None else "unchanged" if job == before else "edited"
    session.show({"result": result, **members_of(job)}, ENSURED)
