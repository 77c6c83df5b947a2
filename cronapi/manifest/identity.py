"""Which listed job is which table: by id, by name, by former name, or under an altered name."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from cronapi._calls.matching import Habits
from cronapi._calls.spelling import normal
from cronapi.manifest.changes import Blocked
from cronapi.manifest.compare import Answer, Row, compare
from cronapi.manifest.respelling import may_be_kept_as, name_kinds, name_signs
from cronapi.manifest.wanted import WantedJob

LOOKALIKE = "lookalike"
"""The word in `allow` that creates a job beside one that looks like it."""


@attrs.frozen
class Pair:
    """A table and the job that it is about. `is_altered` if the service shows another name."""

    job: WantedJob
    row: Row = attrs.field(repr=lambda row: str(row.get("id")))
    is_altered: bool = False


@attrs.frozen
class Duplicate:
    """A table and the several jobs of its name, the lowest id first."""

    job: WantedJob
    rows: tuple[Row, ...] = attrs.field(repr=lambda rows: str([row.get("id") for row in rows]))


@attrs.define
class Bindings:
    """The jobs of tables as far as they were found.

    `free` are those in the scope of no table. `lookalikes` are jobs outside of the scope, each with
    the url and the expression of a missing one. `renamed` are missing jobs, each with a free one
    that has its url.
    """

    pairs: list[Pair] = attrs.field(factory=list)
    duplicates: list[Duplicate] = attrs.field(factory=list)
    blocked: list[Blocked] = attrs.field(factory=list)
    missing: list[WantedJob] = attrs.field(factory=list)
    free: list[Row] = attrs.field(factory=list)
    lookalikes: list[Row] = attrs.field(factory=list)
    renamed: list[tuple[WantedJob, Row]] = attrs.field(factory=list)


@attrs.frozen
class Listed:
    """The jobs of an account: those in the scope, and the others, each in order of ids.

    `prefix` is that of the scope, or "". `longest_url` is the length of the longest URL.
    """

    owned: Sequence[Row]
    others: Sequence[Row]
    prefix: str
    longest_url: int


def name_of(row: Row) -> str:
    """Return the name of a listed job, "" if it has none."""
    return str(row.get("name") or "")


def id_of(row: Row) -> int:
    """Return the id of a listed job."""
    return int(row["id"])


def was_line(row: Row) -> str:
    """Return the line for a table that makes a listed job its former self."""
    name = name_of(row)
    is_plain = name.isprintable() and "'" not in name
    return f"was = '{name}'" if is_plain else f"was = {json.dumps(name, ensure_ascii=False)}"


def bind(
    jobs: Iterable[WantedJob],
    wires: Mapping[str, Row],
    listed: Listed,
    *,
    doomed: Collection[int] = (),
) -> Bindings:
    """Find the job of each table. `wires` has the wanted values of each, as they are sent.

    `doomed` are the ids of jobs that are deleted if they are of no table.
    """
    binder = _Binder(wires, listed, doomed)
    left = [job for job in jobs if not binder.by_id(job)]
    left = [job for job in left if not binder.by_name(job)]
    left = [job for job in left if not binder.by_former_name(job)]
    left = [job for job in left if not binder.by_normal_name(job)]
    binder.learn()
    left = [job for job in left if not binder.by_altered_name(job)]
    binder.found.missing = [job for job in left if not binder.is_blocked(job)]
    binder.found.free = [row for row in listed.owned if id_of(row) not in binder.taken]
    return binder.found


class _Binder:
    def __init__(self, wires: Mapping[str, Row], listed: Listed, doomed: Collection[int]) -> None:
        self.found = Bindings()
        self.taken: set[int] = set()
        self._wires = wires
        self._listed = listed
        self._doomed = doomed
        self._by_id = {id_of(row): row for row in listed.owned}
        self._habits = Habits()
        self._kept: list[str] = []
        self._names: dict[str, list[Row]] = {}
        self._normal_names: dict[str, list[Row]] = {}
        for row in listed.owned:
            self._names.setdefault(name_of(row), []).append(row)
            self._normal_names.setdefault(normal("name", name_of(row)), []).append(row)

    def _take(self, job: WantedJob, row: Row, *, altered: bool = False) -> bool:
        self.taken.add(id_of(row))
        self.found.pairs.append(Pair(job, row, altered))
        return True

    def _block(self, job: WantedJob, text: str, rows: Iterable[Row] = ()) -> bool:
        ids = tuple(id_of(row) for row in rows)
        self.found.blocked.append(Blocked(job.name, text, ids))
        return True

    def by_id(self, job: WantedJob) -> bool:
        if job.id is None:
            return False
        namesakes = [row for row in self._names.get(job.name, []) if id_of(row) != job.id]
        row = self._by_id.get(job.id)
        if row is None and namesakes:
            return False
        if row is None:
            outside = [one for one in self._listed.others if id_of(one) == job.id]
            where = "is outside of the scope: adopt it" if outside else "does not exist"
            return self._block(job, f"the job of id {job.id} {where}.", outside)
        if namesakes:
            text = f"another job has this name already (id {id_of(namesakes[0])})."
            return self._block(job, text, [row, *namesakes])
        shown = name_of(row)
        return self._take(
            job, row, altered=shown != job.name and may_be_kept_as(job.name, shown, job.id)
        )

    def by_name(self, job: WantedJob) -> bool:
        return self._by(job, self._names.get(job.name, []))

    def by_normal_name(self, job: WantedJob) -> bool:
        return self._by(job, self._normal_names.get(normal("name", job.name), []), altered=True)

    def _by(self, job: WantedJob, rows: Iterable[Row], *, altered: bool = False) -> bool:
        free = [row for row in rows if id_of(row) not in self.taken]
        if len(free) > 1:
            self.found.duplicates.append(Duplicate(job, tuple(free)))
            self.taken.update(map(id_of, free))
            return True
        return bool(free) and self._take(job, free[0], altered=altered)

    def by_former_name(self, job: WantedJob) -> bool:
        if job.was is None:
            return False
        free = [row for row in self._names.get(job.was, []) if id_of(row) not in self.taken]
        if len(free) > 1:
            text = f"several jobs have its former name {job.was!r}: bind one by id = ..."
            return self._block(job, text, free)
        return bool(free) and self._take(job, free[0])

    def learn(self) -> None:
        """Learn from the jobs that were found how the service keeps names."""
        for pair in self.found.pairs:
            if not pair.is_altered and name_of(pair.row) == pair.job.name:
                shown = {"name": name_of(pair.row)}
                self._habits.learn({"name": pair.job.name}, shown)
                self._kept.append(pair.job.name)

    def by_altered_name(self, job: WantedJob) -> bool:
        """Find a job of the same URL under a name that the service may have made of this one.

        One of another name blocks the creation, unless something tells that it is another job.
        """
        similar = [
            row
            for row in self._listed.owned
            if id_of(row) not in self.taken and self._compare("url", job, row) is not Answer.DIFFERS
        ]
        alike = [row for row in similar if self._may_be_altered(job.name, row)]
        equal = [row for row in alike if self._contradicts_nothing(job, row)]
        if equal or (alike and self._kept):
            return self._take(job, (equal or alike)[0], altered=True)
        if not similar or LOOKALIKE in job.allow:
            return False
        doubtful = [row for row in similar if self._may_be(job, row)]
        if not doubtful:
            self.found.renamed.append((job, similar[0]))
            return False
        row = doubtful[0]
        return self._block(
            job,
            f"{name_of(row)!r} (id {id_of(row)}) in the scope has its url and may be the same job. "
            f"Write {was_line(row)} to rename it, id = {id_of(row)} to bind it, or "
            f'allow = ["{LOOKALIKE}"] to create another.',
            doubtful,
        )

    def _may_be_altered(self, name: str, row: Row) -> bool:
        """Return True if the service may show the name so, as far as other names do not deny it."""
        shown = normal("name", name_of(row))
        gained = name_kinds(shown) - name_kinds(name)
        if not may_be_kept_as(name, shown, id_of(row)) or not gained <= name_signs(shown):
            return False
        if lost := name_kinds(name) - name_kinds(shown):
            return all(lost.isdisjoint(name_kinds(kept)) for kept in self._kept)
        if len(shown) < len(name):
            return all(len(kept) <= len(shown) for kept in self._kept)
        signs = name_signs(name)
        return not self._kept or (
            bool(signs) and all(signs.isdisjoint(name_signs(kept)) for kept in self._kept)
        )

    def _may_be(self, job: WantedJob, row: Row) -> bool:
        """Return True if nothing tells that a job of the same URL is another one.

        Another name does not tell so by itself, since people rename jobs. If the service is known
        to keep names, it does so together with another difference, or if the job is deleted anyway.
        """
        if id_of(row) not in self._doomed and self._contradicts_nothing(job, row):
            return True
        keeps = self._habits.keeps("name", job.name)
        return not keeps or self._habits.may_be_cut("name", job.name, name_of(row))

    def _contradicts_nothing(self, job: WantedJob, row: Row) -> bool:
        names = self._wires[job.name].keys() - {"name"}
        return all(self._compare(name, job, row) is not Answer.DIFFERS for name in names)

    def _compare(self, name: str, job: WantedJob, row: Row) -> Answer:
        wanted: Any = self._wires[job.name].get(name)
        return compare(name, wanted, row, longest_url=self._listed.longest_url)

    def is_blocked(self, job: WantedJob) -> bool:
        """Block the creation of a job that somebody seems to have made outside of the scope."""
        if LOOKALIKE in job.allow:
            return False
        wire = self._wires[job.name]
        names = [name for name in ("url", "expression") if name in wire]
        alike = [
            row
            for row in self._listed.others
            if all(self._compare(name, job, row) is not Answer.DIFFERS for name in names)
        ]
        for row in alike:
            if self._has_name(job, row):
                number = id_of(row)
                return self._block(
                    job,
                    f"{name_of(row)!r} (id {number}) outside of the scope looks like it, made by "
                    f'hand: adopt {number}. allow = ["{LOOKALIKE}"] creates another.',
                    [row],
                )
        self.found.lookalikes += alike[:1]
        return False

    def _has_name(self, job: WantedJob, row: Row) -> bool:
        """Return True if a job outside of the scope has the name, with or without the prefix."""
        shown = normal("name", name_of(row))
        plain = job.name.removeprefix(self._listed.prefix)
        return shown in (normal("name", job.name), normal("name", plain)) or may_be_kept_as(
            job.name, name_of(row), id_of(row)
        )
