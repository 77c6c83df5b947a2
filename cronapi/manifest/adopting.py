"""Take jobs that were made by hand into a manifest and its scope."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from cronapi.bulk import Cost, Report
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import input_error, setting_error
from cronapi.manifest.account import Account
from cronapi.manifest.applying import new_group
from cronapi.manifest.choosing import Choice, Tables
from cronapi.manifest.compare import Row, id_of, name_of
from cronapi.manifest.comparing import Comparer
from cronapi.manifest.exporting import UNMANAGED, Export, Secrets, export_rows
from cronapi.manifest.fields import HEADERS
from cronapi.manifest.format import may_clear
from cronapi.manifest.locking import changing
from cronapi.manifest.reading import source_of
from cronapi.manifest.writing import (
    check_place,
    check_values,
    replace_file,
    values_first,
    with_tables,
)
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
    file = _Extended(path, export, comparer.wanted.environ.keys())
    with values_first(env_file if export.environ else None, export.environ):
        file.write({one.id for one in jobs if one.is_renamed})
    report, left = await _move(comparer, account, jobs)
    file.unbind(left)
    return Adopted(tuple(names.values()), dict(export.environ), report, jobs, cost)


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


@attrs.define
class _Extended:
    """A file with the tables of an adoption. `known` are the variables that were in it before."""

    path: Path
    export: Export
    known: Collection[str]
    _text: str = attrs.field(default="", init=False, repr=False)
    _bound: set[int] = attrs.field(factory=set, init=False)
    _written: str = attrs.field(default="", init=False, repr=False)

    def write(self, bound: set[int]) -> None:
        """Add the tables to all that is in the file now, with the ids of jobs without their names.

        ConfigurationError if one of the variables stands for another value in it meanwhile.
        """
        with changing(self.path):
            self._text = self.path.read_bytes().decode()
            new = self.export.environ.keys() - self.known
            if names := [name for name in sorted(new) if f"${{{name}}}" in self._text]:
                raise setting_error(
                    f"{self.path} has got the variable {names[0]} meanwhile. Nothing was written "
                    "or sent. Give the same command again, which reads the file anew."
                )
            self._bound, self._written = bound, self._extended(bound)
            replace_file(self.path, self._written)

    def unbind(self, left: Collection[int]) -> None:
        """Take out the ids of all jobs but those that are left, if the file is as it was written.

        They do no harm, so a file that cannot be written now keeps them.
        """
        if self._bound <= set(left):
            return
        with suppress(ConfigurationError, OSError), changing(self.path):
            if self.path.read_bytes() == self._written.encode():
                replace_file(self.path, self._extended(self._bound & set(left)))

    def _extended(self, bound: Collection[int]) -> str:
        export = self.export
        tables = [
            attrs.evolve(one, values={"id": export.ids[one.name], **one.values})
            if export.ids[one.name] in bound
            else one
            for one in export.tables
        ]
        return _with_tables(self.path, self._text, attrs.evolve(export, tables=tuple(tables)))


def _with_tables(path: Path, text: str, export: Export) -> str:
    """Return a file with tables. Defaults of an export go into each: the file has others."""
    base = tomllib.loads(source_of(path).text).get("defaults", {})
    tables = [
        attrs.evolve(table, values=_against(base, {**export.defaults, **table.values}))
        for table in export.tables
    ]
    if export.skipped:
        raise input_error("; ".join(export.skipped))
    return with_tables(text, tables) if tables else text


def _against(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a table under defaults, so that the job has its own and no others."""
    table = {key: value for key, value in values.items() if defaults.get(key) != value}
    if defaults.get("enabled") is False and "enabled" not in values:
        table["enabled"] = True
    headers = table.get(HEADERS)
    if isinstance(headers, Mapping) and HEADERS in defaults:  # tables would be merged
        table[HEADERS] = "\r\n".join(f"{name}: {value}" for name, value in headers.items())
    unmanaged = values.get(UNMANAGED, ())
    absent = [key for key in defaults if key not in values and key not in unmanaged]
    if clear := [key for key in absent if may_clear(key)]:
        table["clear"] = clear
    return table
