"""Which listed job is which table: by id, by name, by former name, or under an altered name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from cronapi._calls.matching import Habits
from cronapi._calls.spelling import normal
from cronapi.manifest.bindings import Bindings, Duplicate, Listed, Pair
from cronapi.manifest.changes import Blocked
from cronapi.manifest.compare import Answer, Row, compare, id_of, name_of
from cronapi.manifest.kept_names import KeptNames
from cronapi.manifest.lines import quoted
from cronapi.manifest.respelling import may_be_kept_as, name_kinds, name_signs
from cronapi.manifest.similar import Names, SameUrl, Similar
from cronapi.manifest.variables import escaped
from cronapi.manifest.wanted import WantedJob

LOOKALIKE = "lookalike"
"""The word in `allow` that creates a job beside one that looks like it."""


def was_line(row: Row) -> str:
    """Return the line for a table that makes a listed job its former self."""
    name = escaped(name_of(row))
    is_plain = name.isprintable() and "'" not in name
    return f"was = '{name}'" if is_plain else f"was = {quoted(name)}"


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
    left = [job for job in left if not binder.is_one_of_several(job)]
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
        self._doomed = frozenset(doomed)
        self._by_id = {id_of(row): row for row in listed.owned}
        self._habits = Habits()
        self._kept = KeptNames()
        self._names: dict[str, list[Row]] = {}
        self._normal_names: dict[str, list[Row]] = {}
        for row in listed.owned:
            self._names.setdefault(name_of(row), []).append(row)
            self._normal_names.setdefault(normal("name", name_of(row)), []).append(row)

    @cached_property
    def _owned(self) -> Similar:
        return Similar(self._listed.owned, self._wires, self._listed.longest_url)

    @cached_property
    def _others(self) -> Similar:
        return Similar(self._listed.others, self._wires, self._listed.longest_url)

    @cached_property
    def _others_ids(self) -> frozenset[int]:
        return frozenset(map(id_of, self._listed.others))

    def _take(self, job: WantedJob, row: Row, *, altered: bool = False) -> bool:
        self.taken.add(id_of(row))
        self.found.pairs.append(Pair(job, row, altered))
        return True

    def _block(self, job: WantedJob, text: str, ids: Iterable[int] = ()) -> bool:
        self.found.blocked.append(Blocked(job.name, text, tuple(ids)))
        return True

    def by_id(self, job: WantedJob) -> bool:
        if job.id is None:
            return False
        namesakes = [row for row in self._names.get(job.name, []) if id_of(row) != job.id]
        row = self._by_id.get(job.id)
        if row is None and namesakes:
            return False
        if row is None:
            outside = [job.id] if job.id in self._others_ids else []
            where = "is outside of the scope: adopt it" if outside else "does not exist"
            return self._block(job, f"the job of id {job.id} {where}.", outside)
        if namesakes:
            text = f"another job has this name already (id {id_of(namesakes[0])})."
            return self._block(job, text, map(id_of, [row, *namesakes]))
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
        namesakes = self._names.get(job.was) or self._normal_names.get(normal("name", job.was), [])
        free = [row for row in namesakes if id_of(row) not in self.taken]
        if len(free) > 1:
            text = f"several jobs have its former name {job.was!r}: bind one by id = ..."
            return self._block(job, text, map(id_of, free))
        return bool(free) and self._take(job, free[0])

    def learn(self) -> None:
        """Learn from the jobs that were found how the service keeps names."""
        for pair in self.found.pairs:
            if not pair.is_altered and name_of(pair.row) == pair.job.name:
                shown = {"name": name_of(pair.row)}
                self._habits.learn({"name": pair.job.name}, shown)
                self._kept.add(pair.job.name)

    def by_altered_name(self, job: WantedJob) -> bool:
        """Find a job of the same URL under a name that the service may have made of this one.

        One of another name blocks the creation, unless something tells that it is another job.
        """
        groups = self._owned.of_url(self._wires[job.name].get("url"))
        alike = [
            row
            for row in self._named(groups, job.name).values()
            if self._may_be_altered(job.name, row)
        ]
        equal = [row for row in alike if self._contradicts_nothing(job, row)]
        if equal or (alike and self._kept.count):
            return self._take(job, (equal or alike)[0], altered=True)
        firsts = [row for group in groups if (row := group.first(self.taken)) is not None]
        if not firsts or LOOKALIKE in job.allow:
            return False
        doubtful = self._doubtful(job, groups)
        if not doubtful:
            self.found.renamed.append((job, min(firsts, key=id_of)))
            return False
        row = next(iter(doubtful.values()))
        return self._block(
            job,
            f"{name_of(row)!r} (id {id_of(row)}) in the scope has its url and may be the same job. "
            f"Write {was_line(row)} to rename it, id = {id_of(row)} to bind it, or "
            f'allow = ["{LOOKALIKE}"] to create another.',
            doubtful,
        )

    def _named(self, groups: Iterable[SameUrl], name: str) -> dict[int, Row]:
        """Return the free jobs that may have a name, and others, in order of ids."""
        return self._free(group.named(name) for group in groups)

    def _free(self, parts: Iterable[Mapping[int, Row]]) -> dict[int, Row]:
        found: dict[int, Row] = {}
        for part in parts:
            found |= part
        return {number: found[number] for number in sorted(found.keys() - self.taken)}

    def _may_be_altered(self, name: str, row: Row) -> bool:
        """Return True if the service may show the name so, as far as other names do not deny it."""
        shown = normal("name", name_of(row))
        gained = name_kinds(shown) - name_kinds(name)
        if not may_be_kept_as(name, shown, id_of(row)) or not gained <= name_signs(shown):
            return False
        if lost := name_kinds(name) - name_kinds(shown):
            return lost.isdisjoint(self._kept.kinds)
        if len(shown) < len(name):
            return self._kept.longest <= len(shown)
        signs = name_signs(name)
        return not self._kept.count or (bool(signs) and signs.isdisjoint(self._kept.signs))

    def _doubtful(self, job: WantedJob, groups: Sequence[SameUrl]) -> dict[int, Row]:
        """Return the jobs of the same URL of which nothing tells that they are other ones.

        Another name does not tell so by itself, since people rename jobs. If the service is known
        to keep names, it does so together with another difference, or if the job is deleted anyway.
        """
        if not self._habits.keeps("name", job.name):
            return self._free(group.rows for group in groups)
        wire = self._wires[job.name]
        fields = sorted(wire.keys() - {"name", "url"})
        agreeing = self._free(group.agreeing(wire, fields) for group in groups)
        cut = {
            number: row
            for number, row in self._named(groups, job.name).items()
            if self._habits.may_be_cut("name", job.name, name_of(row))
        }
        undoomed = {number: agreeing[number] for number in agreeing.keys() - self._doomed}
        return self._free([undoomed, cut])

    def _contradicts_nothing(self, job: WantedJob, row: Row) -> bool:
        return self._differs_in_none(self._wires[job.name].keys() - {"name"}, job, row)

    def _differs_in_none(self, names: Iterable[str], job: WantedJob, row: Row) -> bool:
        return all(self._compare(name, job, row) is not Answer.DIFFERS for name in names)

    def _compare(self, name: str, job: WantedJob, row: Row) -> Answer:
        wanted: Any = self._wires[job.name].get(name)
        return compare(name, wanted, row, longest_url=self._listed.longest_url)

    def is_one_of_several(self, job: WantedJob) -> bool:
        """Block the creation of a job that may be one of several which show one name.

        The service may have made that name of this one: then each plan would make the job again.
        """
        rows = self._twice.of(job.name)
        altered = [id for id, row in rows.items() if may_be_kept_as(job.name, name_of(row), id)]
        if not altered or LOOKALIKE in job.allow:
            return False
        shown = name_of(rows[min(altered)])
        text = (
            f"it may be one of the jobs that the service shows as {shown!r}. Give tables names "
            f'that differ in more, or write allow = ["{LOOKALIKE}"] to create another.'
        )
        return self._block(job, text, sorted(altered))

    @cached_property
    def _twice(self) -> Names:
        return Names([row for one in self.found.duplicates for row in one.rows])

    def is_blocked(self, job: WantedJob) -> bool:
        """Block the creation of a job that somebody seems to have made outside of the scope."""
        if LOOKALIKE in job.allow:
            return False
        wire = self._wires[job.name]
        groups = self._others.of_url(wire["url"]) if "url" in wire else self._others.groups
        fields = [name for name in ("expression",) if name in wire]
        names = {job.name, job.name.removeprefix(self._listed.prefix)}
        namesakes = {
            number: row
            for group in groups
            for name in names
            for number, row in group.named(name).items()
            if self._has_name(job, row) and self._differs_in_none(fields, job, row)
        }
        if namesakes:
            number = min(namesakes)
            return self._block(
                job,
                f"{name_of(namesakes[number])!r} (id {number}) outside of the scope looks like it, "
                f'made by hand: adopt {number}. allow = ["{LOOKALIKE}"] creates another.',
                [number],
            )
        agreeing = [rows for group in groups if (rows := group.agreeing(wire, fields))]
        if agreeing:
            self.found.lookalikes.append(min((rows[min(rows)] for rows in agreeing), key=id_of))
        return False

    def _has_name(self, job: WantedJob, row: Row) -> bool:
        """Return True if a job outside of the scope has the name, with or without the prefix."""
        shown = normal("name", name_of(row))
        plain = job.name.removeprefix(self._listed.prefix)
        return shown in (normal("name", job.name), normal("name", plain)) or may_be_kept_as(
            job.name, name_of(row), id_of(row)
        )
