"""The jobs that are adopted: how they are chosen, and the names that they get."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Self

import attrs

from cronapi.errors.concerns import input_error
from cronapi.manifest.bindings import Duplicate
from cronapi.manifest.compare import Row, id_of, name_of
from cronapi.manifest.comparing import Comparison
from cronapi.manifest.wanted import Wanted, matches

_ID, _NAME = "{id}", "{name}"


@attrs.frozen
class Tables:
    """What the tables of a file say of the jobs of an account, by the ids of the jobs.

    `bound` are the names of tables that are about a job. `described` has those of jobs too that
    look like a table, and are not in the scope under its name. An adoption that was broken off
    leaves such tables.
    """

    wanted: Wanted
    rows: Mapping[int, Row] = attrs.field(repr=False)
    bound: Mapping[int, str]
    described: Mapping[int, str]
    duplicates: Sequence[Duplicate] = attrs.field(repr=False)
    _group_id: int | None
    _names: frozenset[str]

    @classmethod
    def of(cls, comparison: Comparison, wanted: Wanted) -> Self:
        """Return what a comparison of a file with the whole list of an account has found."""
        account, decision = comparison.account, comparison.decision
        several = {one.job.name for one in decision.duplicates}
        bound = {id: name for name, id in decision.bound.items() if name not in several}
        blocked = {one.name: one.ids for one in decision.blocked if one.name not in several}
        bound |= {job.id: job.name for job in wanted.jobs if job.id in blocked.get(job.name, ())}
        described = {id: name for name, ids in blocked.items() for id in ids}
        return cls(
            wanted,
            account.rows,
            bound,
            described | bound,
            decision.duplicates,
            account.group_id,
            frozenset(job.name for job in wanted.jobs),
        )

    def owns(self, row: Row) -> bool:
        """Return True if a job is in the scope."""
        if self.wanted.scope.prefix is not None:
            return self.wanted.scope.has_prefix(name_of(row))
        return self._group_id is not None and str(row.get("group")) == str(self._group_id)

    def has_name_of(self, row: Row) -> bool:
        """Return True if a job is in the scope under the name of a table."""
        return self.owns(row) and name_of(row) in self._names

    def is_settled(self, row: Row, name: str) -> bool:
        """Return True if a table has the job under another name, or has it where it should be."""
        bound = self.bound.get(id_of(row))
        return bound is not None and (bound != name or (self.owns(row) and name_of(row) == bound))


@attrs.frozen
class Choice:
    """The jobs to adopt: ids, and a pattern of names.

    `name` is another name for one job. With `{id}` in it, it is one for each of several.
    """

    ids: Collection[int] = ()
    match: str | None = None
    name: str | None = None

    def rows(self, tables: Tables) -> list[Row]:
        """Return the jobs, without those that an earlier call has adopted unless all are.

        ConfigurationError if one of the ids is not there, or none matches.
        """
        missing = [number for number in self.ids if number not in tables.rows]
        if missing:
            raise input_error(f"There is no job {', '.join(map(str, missing))}.")
        ordered = [row for _, row in sorted(tables.rows.items())]
        chosen = [row for row in ordered if id_of(row) in self.ids]
        if self.match is not None:
            chosen += [
                row
                for row in ordered
                if matches(name_of(row), self.match)
                and id_of(row) not in self.ids
                and not self._is_known(row, tables)
            ]
        if not chosen:
            raise input_error("No job was chosen: give ids, or a pattern that matches.")
        _check_left(tables.duplicates, set(map(id_of, chosen)))
        return [row for row in chosen if not self._is_done(row, tables)] or chosen

    def names(self, rows: Sequence[Row], tables: Tables) -> dict[int, str]:
        """Return the name of each job in the file. ConfigurationError if it cannot have one."""
        if self.name is not None and len(rows) != 1 and _ID not in self.name:
            raise input_error(
                f"Only one job can be given this name; {_ID} in it stands for the id of each."
            )
        names = {id_of(row): self._name_of(row, tables) for row in rows}
        _check_unsettled(rows, names, tables)
        known = {job.name for job in tables.wanted.jobs}
        for number, name in names.items():
            if name in known and tables.described.get(number) != name:
                raise input_error(f"The file has a job {name!r} already.")
            known.add(name)
        return names

    def _is_known(self, row: Row, tables: Tables) -> bool:
        """Return True for a job that a pattern leaves out, since it is about new ones.

        One whose adoption was broken off has its table and not its place or name.
        """
        if id_of(row) not in tables.bound:
            return tables.has_name_of(row)
        is_as_it_was = self.name is None and tables.owns(row)
        return is_as_it_was or tables.is_settled(row, self._name_of(row, tables))

    def _is_done(self, row: Row, tables: Tables) -> bool:
        """Return True if a table has a job in the scope, under such a name as was asked for."""
        bound = tables.bound.get(id_of(row))
        if bound is None or name_of(row) != bound or not tables.owns(row):
            return False
        if self.name is None:
            return True
        given = self.name.replace(_ID, str(id_of(row))).strip()
        pattern = re.escape(given).replace(re.escape(_NAME), ".*")
        plain = bound.removeprefix(tables.wanted.scope.prefix or "")
        nameless = given.replace(_NAME, "").strip()
        return any(re.fullmatch(pattern, one) or one == nameless for one in (bound, plain))

    def _name_of(self, row: Row, tables: Tables) -> str:
        """Return the name that was asked for, or that of the table of a job outside of the scope.

        A plan asks for such a job to be adopted.
        """
        number, name = id_of(row), name_of(row)
        if self.name is not None:  # the name comes last: it may have braces of its own
            given = self.name.replace(_ID, str(number))
            name = given.replace(_NAME, name.strip()).strip()
        elif number in tables.described and not tables.owns(row):
            return tables.described[number]
        if not name.strip():
            raise input_error(f"Job {number} has no name: give it one.")
        scope = tables.wanted.scope
        return name if scope.has_prefix(name) else f"{scope.prefix}{name}"


def _check_left(duplicates: Sequence[Duplicate], ids: Collection[int]) -> None:
    """Raise ConfigurationError if a table of several jobs would lose all of them."""
    for one in duplicates:
        if all(id_of(row) in ids for row in one.rows):
            raise input_error(
                f"All jobs of the name {one.job.name!r} were chosen, and the file has it already: "
                "leave one of them out."
            )


def _check_unsettled(rows: Sequence[Row], names: Mapping[int, str], tables: Tables) -> None:
    """Raise ConfigurationError for jobs that have a table, and would get another one."""
    settled = [id_of(row) for row in rows if tables.is_settled(row, names[id_of(row)])]
    if settled:
        found = "; ".join(f"job {id} is in the file as {tables.bound[id]!r}" for id in settled)
        raise input_error(
            f"{found[0].upper()}{found[1:]} already. Leave it out. To rename it, give its table "
            "the new name, and was = with the old one."
        )
