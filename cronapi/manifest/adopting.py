"""Take jobs that were made by hand into a manifest and its scope."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from cronapi.bulk import Cost, Report
from cronapi.client import Client
from cronapi.errors import NotFoundError
from cronapi.manifest.account import Account
from cronapi.manifest.applying import new_group
from cronapi.manifest.choosing import Choice, Tables
from cronapi.manifest.compare import Row, id_of, name_of
from cronapi.manifest.comparing import Comparer
from cronapi.manifest.exporting import Secrets, export_rows
from cronapi.manifest.extending import Extended
from cronapi.manifest.writing import check_place, check_values, values_first
from cronapi.models import CronJob


@attrs.frozen
class AdoptedJob:
    """A job that is adopted: its name in the file, and the one `before` at the service.

    `is_moved` is True if it gets into the group of the scope.
    """

    id: int
    name: str
    before: str
    is_moved: bool = False

    @property
    def is_renamed(self) -> bool:
        """True if it gets another name at the service."""
        return self.name != self.before


@attrs.frozen
class Adopted:
    """What an adoption has done, or would do.

    `names` are the tables of the jobs, and `jobs` say what changes at the service. `cost` is that
    of these changes. `environ` has the values of the variables of new tables, by their names.
    `report` has an outcome for each job that was moved into the scope or renamed, or is None.
    """

    names: tuple[str, ...]
    environ: dict[str, str] = attrs.field(repr=lambda _: "***")
    report: Report[CronJob] | None
    jobs: tuple[AdoptedJob, ...] = ()
    cost: Cost = attrs.field(factory=lambda: Cost(0, 0.0))


async def adopt(
    comparer: Comparer,
    path: Path,
    choice: Choice,
    secrets: Secrets,
    *,
    env_file: str | PathLike[str] | None,
    dry_run: bool,
) -> Adopted:
    """Write the values of variables, add tables of jobs to a file, and move the jobs at last.

    A table binds its job by its id until the job has its name. So after a crash before the last
    step, a plan renames the jobs, or says that they are to be adopted. The repeated adoption moves
    them, and adds no other table. It takes the file of values that the first one wrote, and writes
    none if all variables are in the file already.
    """
    check_place(env_file)
    comparison = await comparer.compare()
    account, scope = comparison.account, comparer.wanted.scope
    await account.finish()
    comparison = attrs.evolve(comparison, decision=comparer.decide(account))
    tables = Tables.of(comparison, comparer.wanted)
    rows = choice.rows(tables)
    names = choice.names(rows, tables)
    jobs = _jobs(rows, names, tables)
    cost = _cost(comparer, account, jobs)
    export = export_rows(
        [row for row in rows if tables.described.get(id_of(row)) != names[id_of(row)]],
        comparer.api.provider,
        with_group=scope.group is None,
        secrets=secrets,
        names=names,
        known=comparer.wanted.environ,
    )
    check_values(env_file, export.environ)
    if dry_run:
        return Adopted(tuple(names.values()), {}, None, jobs, cost)
    before = {one.id: one.before for one in jobs}
    file = Extended(path, export, comparer.wanted, before, partial(_names, comparer.api))
    with values_first(env_file if export.environ else None, export.environ):
        await file.write({one.id for one in jobs if one.is_renamed})
    report, left = await _move(comparer, account, jobs)
    await file.unbind(left)
    return Adopted(tuple(names.values()), dict(export.environ), report, jobs, cost)


async def _names(api: Client, ids: Collection[int]) -> Mapping[int, str]:
    """Return the names that jobs have at the service now, of those that are there.

    Raises the error of the first read that failed: such a job may be there.
    """
    report = await api.cron.get_many(list(ids))
    errors = (one.error for one in report if not isinstance(one.error, NotFoundError))
    if error := next(filter(None, errors), report.stopped_by):
        raise error
    return {job.id: job.name or "" for job in report.values}


def _jobs(rows: Iterable[Row], names: Mapping[int, str], tables: Tables) -> tuple[AdoptedJob, ...]:
    has_group = tables.wanted.scope.group is not None
    return tuple(
        AdoptedJob(
            id_of(row),
            names[id_of(row)],
            name_of(row),
            is_moved=has_group and not tables.owns(row),
        )
        for row in rows
    )


def _changed(jobs: Iterable[AdoptedJob]) -> list[AdoptedJob]:
    return [one for one in jobs if one.is_renamed or one.is_moved]


def _cost(comparer: Comparer, account: Account, jobs: Iterable[AdoptedJob]) -> Cost:
    """Return the cost of the edits, and of the group if it is missing."""
    is_missing = comparer.wanted.scope.group is not None and account.group_id is None
    requests = len(_changed(jobs)) + is_missing
    return Cost(requests, requests * comparer.calls.caller.scheduler.rate.interval)


async def _move(
    comparer: Comparer, account: Account, jobs: Iterable[AdoptedJob]
) -> tuple[Report[CronJob] | None, set[int]]:
    """Bring jobs into the scope, under their names. Return the ids of those that are left, too."""
    group, group_id = comparer.wanted.scope.group, account.group_id
    if group is not None and group_id is None:
        group_id = await new_group(comparer.api, group)
    edits: dict[int, dict[str, Any]] = {
        one.id: ({"name": one.name} if one.is_renamed else {})
        | ({"group": group_id} if one.is_moved else {})
        for one in _changed(jobs)
    }
    if not edits:
        return None, set()
    report = await comparer.api.cron.edit_many(edits)
    done = zip(edits, report, strict=True)
    return report, {id for id, outcome in done if outcome.status != "done"}
