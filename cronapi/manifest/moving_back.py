"""One way back after a cutover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

import attrs

from cronapi._calls.spelling import normal
from cronapi.client import Client
from cronapi.errors import CronAPIError, NotFoundError
from cronapi.manifest.account import Account, read_account
from cronapi.manifest.applying import Save, no_save
from cronapi.manifest.compare import Row, name_of
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.deciding import split_by_scope
from cronapi.manifest.move_reading import all_jobs
from cronapi.manifest.moved import MovedBack, Overlap, Unmoved
from cronapi.manifest.moves import Beginning, Entry, Moves
from cronapi.manifest.problems import Place, Source
from cronapi.manifest.switching import runs
from cronapi.manifest.undo import next_undo, undo_of
from cronapi.manifest.wanted import Scope
from cronapi.models import JobStatus


@attrs.define
class MovingBack:
    """One way back. `look` reads both accounts, and `run` undoes the cutover."""

    source: Client
    target: Client
    moves: Moves
    begun: Beginning
    overlap: Overlap
    chunk: int
    undo: str | PathLike[str] | None
    old: dict[int, Row] = attrs.field(init=False, repr=False)
    new: Account = attrs.field(init=False)
    made: dict[int, list[int]] = attrs.field(init=False)
    _kept: set[int] = attrs.field(factory=set, init=False)
    _enabled: int = attrs.field(default=0, init=False)
    _deleted: int = attrs.field(default=0, init=False)
    _errors: list[CronAPIError] = attrs.field(factory=list, init=False)

    @property
    def _scope(self) -> Scope:
        return Scope(Place(Source("cutover", ""), ()), group=self.begun.route[2])

    async def look(self) -> None:
        """Read both accounts."""
        self.old = await all_jobs(self.source)
        self.new = await read_account(calls_of(self.target), self._scope)
        await self.new.finish()
        made: dict[str, set[int]] = {}
        for number, row in self.new.rows.items():
            if number > self.begun.newest and str(row.get("group")) == str(self.new.group_id):
                made.setdefault(normal("name", name_of(row)), set()).add(number)
        self.made = {one.id: self._made_of(one, made) for one in self.begun.entries}

    def _made_of(self, entry: Entry, made: Mapping[str, set[int]]) -> list[int]:
        """Return the jobs that the cutover has made of one, twins and those not noted as well."""
        noted = {self.moves.made.get(entry.id, 0)} & self.new.rows.keys()
        if entry.id not in self.moves.sent:
            return sorted(noted)
        return sorted(noted | made.get(normal("name", entry.name), set()))

    async def run(self) -> MovedBack:
        """Undo all, look again, and return the result."""
        undo = self.undo
        if undo is not None and self.moves.is_going_back:
            undo = next_undo(undo)
        rows, group_id = list(self.new.rows.values()), self.new.group_id
        owned = split_by_scope(rows, self._scope, group_id).owned
        save = undo_of(undo, self._scope, self.target.provider, owned) or no_save
        await self.moves.note_back()
        for at in range(0, len(self.begun.entries), self.chunk):
            some = self.begun.entries[at : at + self.chunk]
            if self.overlap == "none":
                await self._delete([one for one in some if self.may_run(one)], save)
                await self._enable([one for one in some if not self.made[one.id]])
            else:
                await self._enable(some)
                await self._delete([one for one in some if not self.is_off(one)], save)
        await self.look()
        result = self.result()
        if result.is_complete:
            self.moves.remove()
        return result

    def is_off(self, entry: Entry) -> bool:
        """Return True if the cutover has disabled a job, and it is not enabled again."""
        if not entry.ran or entry.id not in self.moves.disabled:
            return False
        return entry.id not in self.old or not runs(self.old[entry.id])

    def may_run(self, entry: Entry) -> bool:
        """Return True if the old job is there to be enabled, or need not be."""
        return entry.id in self.old or not self.is_off(entry)

    async def _enable(self, entries: Sequence[Entry]) -> None:
        ids = [one.id for one in entries if one.id in self.old and self.is_off(one)]
        if not ids:
            return
        for number, outcome in zip(ids, await self.source.cron.enable_many(ids), strict=True):
            if outcome.status == "done":
                self.old[number] = {**self.old[number], "status": JobStatus.ACTIVE.value}
                self._enabled += 1
            elif outcome.error is not None:
                self._errors.append(outcome.error)

    async def _delete(self, entries: Sequence[Entry], save: Save) -> None:
        owners = {id: one.id for one in entries for id in self.made[one.id]}
        if not owners:
            return
        self._keep(list(owners), save)
        report = await self.target.cron.delete_many(list(owners))
        for number, outcome in zip(owners, report, strict=True):
            if outcome.status == "done" or isinstance(outcome.error, NotFoundError):
                self.made[owners[number]].remove(number)
                self._deleted += outcome.status == "done"
            elif outcome.error is not None:
                self._errors.append(outcome.error)

    def _keep(self, ids: Sequence[int], save: Save) -> None:
        """Keep jobs that are deleted next, and then as many as were kept so far.

        A file for each chunk would be written anew with all jobs before it.
        """
        missing = [id for id in ids if id not in self._kept]
        if not missing:
            return
        free = (id for one in self.begun.entries if self.may_run(one) for id in self.made[one.id])
        rest = [id for id in free if id not in self._kept and id not in missing]
        ahead = missing + rest[: len(self._kept)]
        save([self.new.rows[id] for id in ahead])
        self._kept.update(ahead)

    def result(self) -> MovedBack:
        """Return the result, with the jobs that are left by the last look."""
        return MovedBack(
            enabled=self._enabled,
            deleted=self._deleted,
            left=tuple(
                Unmoved(one.id, one.name, reason)
                for one in self.begun.entries
                if (reason := self._reason(one)) is not None
            ),
            errors=tuple(self._errors),
        )

    def _reason(self, entry: Entry) -> str | None:
        if self.made[entry.id]:
            gone = "" if self.may_run(entry) else ", and the old one is gone"
            return f"it is at the new service{gone}"
        if entry.id in self.old and self.is_off(entry):
            return "it is disabled at the old service"
        return None
