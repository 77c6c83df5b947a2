"""Take jobs that were made by hand into a manifest and its scope."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from cronapi.bulk import Report
from cronapi.errors import ConfigurationError
from cronapi.manifest.account import Account
from cronapi.manifest.compare import Row
from cronapi.manifest.comparing import Comparer, Comparison
from cronapi.manifest.exporting import Export, Secrets, export_rows
from cronapi.manifest.fields import HEADERS
from cronapi.manifest.format import may_clear
from cronapi.manifest.identity import id_of, name_of
from cronapi.manifest.reading import source_of
from cronapi.manifest.wanted import Scope, Wanted
from cronapi.manifest.writing import check_new, replace_file, values_first, with_tables
from cronapi.models import CronJob


@attrs.frozen
class Adopted:
    """What an adoption has done.

    `names` are the tables of the jobs. `environ` has the values of the variables of new tables, by
    their names. `report` has an outcome for each job that was moved into the scope, or is None.
    """

    names: tuple[str, ...]
    environ: dict[str, str] = attrs.field(repr=lambda _: "***")
    report: Report[CronJob] | None


@attrs.frozen
class Choice:
    """The jobs to adopt: ids, and a pattern of names.

    `name` is another name for one job. With `{id}` in it, it is one for each of several.
    """

    ids: Collection[int] = ()
    match: str | None = None
    name: str | None = None

    def rows(self, account: Account, wanted: Wanted) -> list[Row]:
        """Return the jobs. ConfigurationError if one of the ids is not there, or none matches."""
        missing = [number for number in self.ids if number not in account.rows]
        if missing:
            raise ConfigurationError(f"There is no job {', '.join(map(str, missing))}.")
        known = {job.name for job in wanted.jobs}
        chosen = [row for number, row in sorted(account.rows.items()) if number in set(self.ids)]
        if self.match is not None:
            chosen += [
                row
                for number, row in sorted(account.rows.items())
                if fnmatchcase(name_of(row), self.match)
                and number not in self.ids
                and not (name_of(row) in known and _is_owned(row, wanted.scope, account.group_id))
            ]
        if not chosen:
            raise ConfigurationError("No job was chosen: give ids, or a pattern that matches.")
        return chosen

    def _name_of(self, row: Row) -> str:
        if self.name is None:
            return name_of(row)
        # The name comes last: it may have braces of its own.
        return self.name.replace(_ID, str(id_of(row))).replace("{name}", name_of(row)).strip()

    def names(
        self, rows: Sequence[Row], wanted: Wanted, described: Mapping[int, str]
    ) -> dict[int, str]:
        """Return the name of each job in the file. ConfigurationError if it cannot have one.

        `described` are the names of jobs that have their table already.
        """
        if self.name is not None and len(rows) != 1 and _ID not in self.name:
            raise ConfigurationError(
                f"Only one job can be given this name; {_ID} in it stands for the id of each."
            )
        names = {id_of(row): self._name_of(row) for row in rows}
        known = {job.name for job in wanted.jobs}
        prefix = wanted.scope.prefix or ""
        for number, given in names.items():
            if not given.strip():
                raise ConfigurationError(f"Job {number} has no name: give it one.")
            name = names[number] = given if given.startswith(prefix) else prefix + given
            if name in known and described.get(number) != name:
                raise ConfigurationError(f"The file has a job {name!r} already.")
            known.add(name)
        return names


_ID = "{id}"


def _is_owned(row: Row, scope: Scope, group_id: int | None) -> bool:
    if scope.prefix is not None:
        return name_of(row).startswith(scope.prefix)
    return group_id is not None and str(row.get("group")) == str(group_id)


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

    After a crash before the last step, the jobs are in the file, and a plan says that they are to
    be adopted. The repeated adoption moves them, and adds no other table.
    """
    check_new(env_file)
    comparison = await comparer.compare()
    account, wanted = comparison.account, comparer.wanted
    await account.finish()
    rows = choice.rows(account, wanted)
    described = _described(comparison, wanted.scope)
    names = choice.names(rows, wanted, described)
    if dry_run:
        return Adopted(tuple(names.values()), {}, None)
    export = export_rows(
        [row for row in rows if described.get(id_of(row)) != names[id_of(row)]],
        comparer.api.provider,
        with_group=wanted.scope.group is None,
        secrets=secrets,
        names=names,
        known=wanted.environ,
    )
    text = _extended(path, export)
    with values_first(env_file, export.environ):
        replace_file(path, text)
    moves = await _moves(comparer, account, rows, names)
    report = await comparer.api.cron.edit_many(moves) if moves else None
    return Adopted(tuple(names.values()), dict(export.environ), report)


def _described(comparison: Comparison, scope: Scope) -> dict[int, str]:
    """Return the tables of jobs outside of the scope that look like them, by the ids of the jobs.

    They block the creation of another one. An adoption that was broken off leaves such a table.
    """
    account = comparison.account
    return {
        number: one.name
        for one in comparison.decision.blocked
        for number in one.ids
        if not _is_owned(account.rows[number], scope, account.group_id)
    }


def _extended(path: Path, export: Export) -> str:
    """Return the file with the tables. Defaults of an export go into each: the file has others."""
    text = path.read_bytes().decode()
    base = tomllib.loads(source_of(path).text).get("defaults", {})
    tables = [
        attrs.evolve(table, values=_against(base, {**export.defaults, **table.values}))
        for table in export.tables
    ]
    if export.skipped:
        raise ConfigurationError("; ".join(export.skipped))
    return with_tables(text, tables) if tables else text


def _against(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a table under defaults, so that the job has its own and no others."""
    table = {key: value for key, value in values.items() if defaults.get(key) != value}
    if defaults.get("enabled") is False and "enabled" not in values:
        table["enabled"] = True
    headers = table.get(HEADERS)
    if isinstance(headers, Mapping) and HEADERS in defaults:  # tables would be merged
        table[HEADERS] = "\r\n".join(f"{name}: {value}" for name, value in headers.items())
    if clear := [key for key in defaults if key not in values and may_clear(key)]:
        table["clear"] = clear
    return table


async def _moves(
    comparer: Comparer, account: Account, rows: Sequence[Row], names: Mapping[int, str]
) -> dict[int, dict[str, Any]]:
    """Return the edits that bring jobs into the scope, by id."""
    scope, group_id = comparer.wanted.scope, account.group_id
    if scope.group is not None and group_id is None:
        group_id = (await comparer.api.group.add(scope.group)).id
    moves: dict[int, dict[str, Any]] = {}
    for row in rows:
        edit: dict[str, Any] = {}
        if names[id_of(row)] != name_of(row):
            edit["name"] = names[id_of(row)]
        if scope.group is not None and not _is_owned(row, scope, group_id):
            edit["group"] = group_id
        if edit:
            moves[id_of(row)] = edit
    return moves
