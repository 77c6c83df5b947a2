"""Runs of jobs: queued, awaited and listed."""

from __future__ import annotations

import time as clock
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import anyio
import click

from cronapi.cli.exit_codes import FAILED
from cronapi.cli.frame.forms import OF_ROWS
from cronapi.cli.frame.targets import Named
from cronapi.cli.frame.values import expand
from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import QUEUED, RUNS, RUNS_OF_ALL, RUNS_OF_JOBS
from cronapi.cli.show.members import RunOf
from cronapi.cli.work.deeds import Deed, carry_out
from cronapi.cli.work.session import Session
from cronapi.cli.work.targets import Target, one_job, targets_of
from cronapi.errors import CronAPIError, NotFoundError
from cronapi.models import CronJob, Execution

_POLL = 15.0
"""Seconds between two looks at the log of a job."""


class Chosen(NamedTuple):
    """The runs that are to be shown."""

    failed: bool = False
    since: float | None = None
    last: int | None = None
    output_of: int | None = None

    def of(self, runs: Sequence[Execution]) -> list[Execution]:
        """Return the runs that fit, newest first."""
        begin = clock.time() - self.since if self.since is not None else None
        fitting = [
            run
            for run in runs
            if (not self.failed or run.succeeded is False)
            and (begin is None or (run.time is not None and run.time.timestamp() >= begin))
        ]
        return fitting[: self.last]


async def run(
    session: Session, named: Named, time: int | None, payload: str | None, *, wait: bool
) -> None:
    """Queue a run of each job that was named, and wait for the end of a single one."""
    session.printer.check(RUNS if wait else QUEUED)
    if payload is not None:
        payload = expand(payload, "--payload")
    targets = await targets_of(session, named)
    if wait and len(targets) != 1:
        raise click.UsageError("--wait takes one job.")
    params: dict[str, Any] = {"time": time, "payload": payload}
    names = {target.id: {"name": target.name} for target in targets if target.name}
    deed = Deed(
        "cron.run",
        "run",
        one=lambda client, number: client.cron.run(number, time=time, payload=payload),
        many=lambda client, ids, **more: client.cron.run_many(ids, **params, **more),
        params={name: value for name, value in params.items() if value is not None},
        kind=QUEUED,
        shown=lambda number, time: {"id": number, **names.get(number, {}), "time": time},
    )
    if not wait or session.common.dry_run:
        await carry_out(session, deed, targets)
        return
    queued = await session.api.cron.run(targets[0].id, time=time, payload=payload)
    session.say(f"Queued for {queued:%H:%M:%S} UTC; one request each {_POLL:.0f} s until its end.")
    execution = await _end_of(session, targets[0].id, queued)
    session.show(execution, RUNS)
    if not execution.succeeded:
        session.fail(
            CronAPIError("The run failed.", provider=session.provider.name, function="cron.run"),
            FAILED,
        )


async def _end_of(session: Session, id: int, queued: datetime) -> Execution:
    """Return the first run that ended after a job was queued."""
    stopped = session.interruption.stopped
    while True:
        with anyio.move_on_after(_POLL):
            await stopped.wait()
        for execution in await session.api.cron.logs(id):
            if execution.time is not None and execution.time >= queued:
                return execution


async def logs(session: Session, named: Named, search: str | None, chosen: Chosen) -> None:
    """Write the runs of each job that was named, or the output of one run."""
    unused = (OF_ROWS | {"--output", "--json"}) & {*session.common.given}
    if chosen.output_of is not None and unused:
        raise click.UsageError(f"--output-of prints a text as it is. It has no {min(unused)}.")
    targets = await targets_of(session, named)
    is_one = len(named.ids) == 1 or named.name is not None
    kind = RUNS if is_one else RUNS_OF_JOBS
    session.printer.check(kind)
    if chosen.output_of is not None:
        if len(targets) != 1:
            raise click.UsageError("--output-of takes one job.")
        await _output(session, targets[0], search, chosen.output_of)
        return
    limit = None if chosen.failed or chosen.since else chosen.last

    async def found() -> AsyncIterator[Execution | RunOf]:
        for target in targets:
            runs = await session.api.cron.logs(target.id, keyword=search, limit=limit)
            for run in chosen.of(runs):
                yield run if is_one else RunOf(run, target.id, target.name)

    await session.printer.stream(found(), kind)


async def _output(session: Session, target: Target, search: str | None, number: int) -> None:
    """Write the output of one run of a job."""
    runs = await session.api.cron.logs(target.id, keyword=search)
    found = next((one for one in runs if one.no == number), None)
    if found is None:
        numbered = any(one.no is not None for one in runs)
        why = (
            "" if numbered or not runs else " Its runs have no numbers: --json shows their outputs."
        )
        raise NotFoundError(
            f"There is no run {number} in the log of {target}.{why}",
            provider=session.provider.name,
            function="cron.logs",
        )
    session.printer.text(found.output or "")


async def failures(
    session: Session, id: int | None, name: str | None, search: str | None, chosen: Chosen
) -> None:
    """Write the failed runs of a job, or of all."""
    is_one = id is not None or name is not None
    kind = RUNS_OF_JOBS if is_one else RUNS_OF_ALL
    session.printer.check(kind)
    target = await one_job(session, id, name) if is_one else None
    limit = chosen.last if chosen.since is None else None
    number = None if target is None else target.id
    found = chosen.of(await session.api.cron.failures(number, keyword=search, limit=limit))
    if target is None:
        rows = await _with_jobs(session, found)
    else:
        rows = [RunOf(run, target.id, target.name) for run in found]
    session.show_all(rows, kind)


async def _with_jobs(session: Session, runs: Sequence[Execution]) -> list[RunOf]:
    """Return runs with their jobs, told by the id, or else by an address that one job has.

    A service need not tell whose run it is. Then the list of jobs is read.
    """
    if not runs:
        return []
    names, owners = dict[int, str | None](), dict[str | None, list[CronJob]]()
    async for job in session.api.cron.iterate():
        names[job.id] = job.name
        owners.setdefault(job.url, []).append(job)
    rows = [_of_job(run, names, owners.get(run.last.url, ())) for run in runs]
    unknown = sum(row.job_id is None for row in rows)
    if unknown:
        verb = "name" if unknown > 1 else "names"
        session.say(
            f"{counted(unknown, 'run')} {verb} no job: several jobs have the address, or none has "
            "it any more. `cronapi cron failures ID` has those of one job."
        )
    return rows


def _of_job(run: Execution, names: Mapping[int, str | None], owners: Sequence[CronJob]) -> RunOf:
    id = run.job_id
    if id is None and run.last.url is not None and len(owners) == 1:
        id = owners[0].id
    return RunOf(run, id, None if id is None else names.get(id))
