"""The decision what to change: a pure function of a manifest and the jobs of an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from cronapi._calls.spelling import normal
from cronapi._names import wire_name
from cronapi._protocol.encoding import encode_params
from cronapi.manifest.bindings import Bindings, Duplicate, Listed, Pair
from cronapi.manifest.changes import (
    Action,
    Blocked,
    Brake,
    Change,
    FieldChange,
    NotInFile,
    Stopped,
)
from cronapi.manifest.compare import Answer, Row, compare, id_of, name_of, shows_same
from cronapi.manifest.fields import field_changes, new_fields
from cronapi.manifest.identity import bind
from cronapi.manifest.lookalikes import lookalike_notes
from cronapi.manifest.masking import Mask, digest_of
from cronapi.manifest.schedules import is_over, next_run
from cronapi.manifest.switching import switch_of
from cronapi.manifest.wanted import Scope, Wanted, WantedJob
from cronapi.providers import Provider

ALL_HIDDEN = "*"
"""Stands for every field that the service does not show."""


@attrs.frozen(kw_only=True)
class Options:
    """What a plan may do beyond adding and editing.

    `prune` deletes the jobs in the scope that no table names. `enable` ends a pause, or a disabling
    by hand, `revive` one by the service. `dedupe` deletes all but the lowest id of equal jobs of
    one name. `resend_hidden` sends fields that the service does not show: their names, or "*".
    `max_deletes` overrides that of the scope.
    """

    prune: bool = False
    enable: bool = False
    revive: bool = False
    dedupe: bool = False
    resend_hidden: frozenset[str] = frozenset()
    max_deletes: int | None = None


@attrs.frozen
class Decision:
    """What is to be done, and what was seen. `bound` are the ids of the jobs of tables."""

    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...]
    not_in_file: tuple[NotInFile, ...]
    stopped: tuple[Stopped, ...]
    hidden: Mapping[str, int]
    hidden_jobs: int
    notes: tuple[str, ...]
    unchanged: int
    owned: int
    brake: Brake
    digest: str
    duplicates: tuple[Duplicate, ...] = attrs.field(repr=False)
    bound: Mapping[str, int] = attrs.field(repr=False)

    @property
    def needs_whole_list(self) -> bool:
        """True if a job that was missed in the list would change it."""
        return bool(self.blocked) or any(one.action == "create" for one in self.changes)


def split_by_scope(rows: Sequence[Row], scope: Scope, group_id: int | None) -> Listed:
    """Return the jobs in the scope and the others. Without its group, nothing is in the scope."""

    def is_owned(row: Row) -> bool:
        if scope.prefix is not None:
            return scope.has_prefix(name_of(row))
        return group_id is not None and str(row.get("group")) == str(group_id)

    ordered = sorted(rows, key=id_of)
    owned = [row for row in ordered if is_owned(row)]
    longest = max((len(str(row.get("url") or "")) for row in rows), default=0)
    others = [row for row in ordered if not is_owned(row)]
    return Listed(owned, others, scope.prefix or "", longest)


def decide(
    wanted: Wanted, listed: Listed, provider: Provider, options: Options, now: datetime
) -> Decision:
    """Return what makes the jobs in the scope those of the manifest at a time."""
    wires = {job.name: _wire(job, provider) for job in wanted.jobs}
    keeps = wanted.scope.keeps
    doomed = [row for row in listed.owned if options.prune and not keeps(name_of(row))]
    bindings = bind(wanted.jobs, wires, listed, doomed=frozenset(map(id_of, doomed)))
    decider = _Decider(wanted, listed, wires, options, now)
    decider.pairs(bindings.pairs)
    decider.duplicates(bindings)
    decider.creates(bindings.missing)
    decider.notes += lookalike_notes(bindings)
    decider.rest(bindings.free, {id for one in bindings.blocked for id in one.ids})
    allowed = options.max_deletes
    if allowed is None:
        allowed = wanted.scope.deletes_allowed(len(listed.owned))
    changes = tuple(sorted(decider.changes, key=_order))
    deletes = sum(change.action == "delete" for change in changes)
    touched = {one.id for one in changes} | {one.id for one in decider.stopped}
    return Decision(
        changes=changes,
        blocked=(*bindings.blocked, *decider.blocked),
        not_in_file=tuple(decider.not_in_file),
        stopped=tuple(decider.stopped),
        hidden=dict(sorted(decider.hidden.items())),
        hidden_jobs=decider.hidden_jobs,
        notes=tuple(decider.notes),
        unchanged=sum(id_of(pair.row) not in touched for pair in bindings.pairs),
        owned=len(listed.owned),
        brake=Brake(deletes, allowed),
        digest=digest_of(listed.owned),
        duplicates=tuple(bindings.duplicates),
        bound=_bound(bindings),
    )


def _bound(bindings: Bindings) -> dict[str, int]:
    """Return the job of each table that has one. Of several of one name it is the first."""
    bound = {pair.job.name: id_of(pair.row) for pair in bindings.pairs}
    return bound | {one.job.name: id_of(one.rows[0]) for one in bindings.duplicates}


_ORDER = ("rename", "edit", "create", "enable", "disable", "delete")


def _order(change: Change) -> tuple[int, str, int]:
    return max(1, _ORDER.index(change.action)), change.name, change.id or 0


def _wire(job: WantedJob, provider: Provider) -> dict[str, Any]:
    """Return the values of a job as they are sent, with cleared ones empty."""
    cleared = dict.fromkeys(job.clear - job.unmanaged)
    return encode_params({**job.values, **cleared}, provider, clear=True)


def _zone_of(job: WantedJob, shown: object) -> str | None:
    """Return the zone that a job will have, or None if neither its table nor the service tells."""
    # An empty one makes it the account's, whatever zone the job has now.
    zone = job.values.get("timezone")
    return str(shown) if zone is None and shown else zone


class _Decider:
    def __init__(
        self,
        wanted: Wanted,
        listed: Listed,
        wires: Mapping[str, Row],
        options: Options,
        now: datetime,
    ) -> None:
        self.changes: list[Change] = []
        self.blocked: list[Blocked] = []
        self.not_in_file: list[NotInFile] = []
        self.stopped: list[Stopped] = []
        self.hidden: Counter[str] = Counter()
        self.hidden_jobs = 0
        self.notes: list[str] = []
        self._scope = wanted.scope
        self._mask = Mask(wanted.secrets)
        self._listed = listed
        self._wires = wires
        self._options = options
        self._now = now

    def pairs(self, pairs: Sequence[Pair]) -> None:
        for pair in pairs:
            if not self._is_over(pair.job, pair.row.get("timezone")):
                self._edit(pair)
                self._switch(pair)

    def _is_over(self, job: WantedJob, shown_zone: object = None) -> bool:
        """Return True for a date in the past: the service removes its job some days later."""
        expression = job.values.get("expression")
        if not is_over(expression, _zone_of(job, shown_zone), self._now):
            return False
        self.notes.append(f"{job.name} is over: {expression}. It is neither created nor edited.")
        return True

    def _edit(self, pair: Pair) -> None:
        job, row = pair.job, pair.row
        answers = dict(self._answers(pair))
        hidden = [name for name, answer in answers.items() if answer is Answer.CANNOT_TELL]
        self.hidden.update(hidden)
        self.hidden_jobs += bool(hidden)
        if "name" in hidden and normal("name", job.name) != normal("name", name_of(row)):
            self.notes.append(f"The service shows {job.name!r} ({id_of(row)}) as {name_of(row)!r}.")
        differing = [name for name, answer in answers.items() if answer is Answer.DIFFERS]
        resent = [name for name, answer in answers.items() if self._is_resent(name, answer)]
        fields = [
            *(one for name in differing for one in field_changes(self._mask, job, name, row)),
            *(one for name in resent for one in new_fields(self._mask, job, name, resent=True)),
        ]
        if not fields:
            return
        names = dict.fromkeys([*differing, *resent])
        if "password" in job.values:
            names["password"] = None  # a service that does not show it may drop it in an edit
        sent = {name: self._value(job, name) for name in names}
        action: Action = "rename" if "name" in names else "edit"
        noted = self._noted(job, fields, row.get("timezone"))
        self.changes.append(Change(action, job.name, id_of(row), noted, sent))

    def _noted(
        self, job: WantedJob, fields: Sequence[FieldChange], shown_zone: object = None
    ) -> tuple[FieldChange, ...]:
        """Return field changes, with the next run beside an expression."""
        note = next_run(job.values.get("expression"), _zone_of(job, shown_zone), self._now)
        return tuple(
            attrs.evolve(one, note=note) if one.field == "expression" and note else one
            for one in fields
        )

    @staticmethod
    def _value(job: WantedJob, name: str) -> Any:
        return job.name if name == "name" else job.values.get(name)

    def _answers(self, pair: Pair) -> Iterator[tuple[str, Answer]]:
        """Yield the answer for each field of a table, by its Python name."""
        job, row = pair.job, pair.row
        if name_of(row) != job.name:
            yield "name", Answer.CANNOT_TELL if pair.is_altered else Answer.DIFFERS
        wire = self._wires[job.name]
        for name in dict.fromkeys([*job.values, *sorted(job.clear - job.unmanaged)]):
            key = wire_name(name)
            longest = self._listed.longest_url
            yield name, compare(key, wire[key], row, longest_url=longest)

    def _is_resent(self, name: str, answer: Answer) -> bool:
        asked: Collection[str] = self._options.resend_hidden
        return answer is Answer.CANNOT_TELL and (ALL_HIDDEN in asked or name in asked)

    def _switch(self, pair: Pair) -> None:
        job, row = pair.job, pair.row
        if job.enabled is not None and row.get("status") is None:
            self.hidden.update(["enabled"])
        found = switch_of(job, row, enable=self._options.enable, revive=self._options.revive)
        if isinstance(found, Stopped):
            self.stopped.append(found)
            self.notes.append(str(found))
        elif found is not None:
            self.changes.append(found)

    def duplicates(self, bindings: Bindings) -> None:
        for duplicate in bindings.duplicates:
            first, *more = duplicate.rows
            ids = tuple(map(id_of, duplicate.rows))
            if self._options.dedupe and all(shows_same(first, row) for row in more):
                self.pairs([Pair(duplicate.job, first)])
                for row in more:
                    self.changes.append(Change("delete", name_of(row), id_of(row)))
                continue
            listed = ", ".join(map(str, ids))
            text = (
                f"{len(ids)} jobs in the scope have this name: ids {listed}. Adopt the others "
                "under names of their own, or dedupe those that are equal."
            )
            self.blocked.append(Blocked(duplicate.job.name, text, ids))

    def creates(self, missing: Sequence[WantedJob]) -> None:
        for job in missing:
            if self._is_over(job):
                continue
            fields = [one for name in job.values for one in new_fields(self._mask, job, name)]
            sent = {**job.values, "name": job.name}
            self.changes.append(Change("create", job.name, None, self._noted(job, fields), sent))
            if job.enabled is False:
                self.changes.append(Change("disable", job.name, None))

    def rest(self, free: Sequence[Row], doubtful: Collection[int]) -> None:
        """Delete the jobs of no table, if that was asked for, but none that may be a table's."""
        for row in free:
            name = name_of(row)
            one = NotInFile(id_of(row), name, self._scope.keeps(name))
            self.not_in_file.append(one)
            if self._options.prune and not one.is_kept and one.id not in doubtful:
                self.changes.append(Change("delete", name, one.id))
