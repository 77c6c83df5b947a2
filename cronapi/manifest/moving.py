"""One cutover: the accounts of both services, and its steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

import attrs

from cronapi.client import Client
from cronapi.errors import CronAPIError, NotFoundError, UnsafePlanError
from cronapi.errors.concerns import input_error, setting_error
from cronapi.manifest.applying import Apply, new_group
from cronapi.manifest.changes import Change
from cronapi.manifest.compare import Row
from cronapi.manifest.comparing import Comparer, Comparison
from cronapi.manifest.deciding import Options
from cronapi.manifest.manifest import Manifest
from cronapi.manifest.migrating import Migrated, described
from cronapi.manifest.move_files import MoveFiles
from cronapi.manifest.move_left import gone_of, left_of
from cronapi.manifest.move_reading import all_jobs
from cronapi.manifest.moved import CutOver, Overlap, Unmoved
from cronapi.manifest.moves import Beginning, Entry, Moves
from cronapi.manifest.switching import runs
from cronapi.models import JobStatus

_LATE = "it was made after the cutover began: move it with another journal"


@attrs.define
class Moving:
    """One cutover. `look` reads both accounts, and `run` moves the jobs that are not moved yet."""

    source: Client
    target: Client
    moves: Moves
    files: MoveFiles
    overlap: Overlap
    chunk: int
    migrated: Migrated = attrs.field(init=False)
    entries: tuple[Entry, ...] = attrs.field(init=False)
    _route: tuple[str, str, str] = attrs.field(init=False)
    _has_begun: bool = attrs.field(default=False, init=False)
    old: dict[int, Row] = attrs.field(init=False, repr=False)
    _comparer: Comparer = attrs.field(init=False)
    seen: Comparison = attrs.field(init=False)
    bound: dict[str, int] = attrs.field(init=False)
    _made: int = attrs.field(default=0, init=False)
    _disabled: int = attrs.field(default=0, init=False)
    _errors: list[CronAPIError] = attrs.field(factory=list, init=False)
    _late: tuple[Unmoved, ...] = attrs.field(default=(), init=False)
    _made_before: frozenset[int] = attrs.field(default=frozenset(), init=False)
    known_by_id: set[str] = attrs.field(factory=set, init=False)
    """Names of jobs that are at the new service by the journal alone: they have other names."""
    _doubtful: set[str] = attrs.field(factory=set, init=False)
    """Names of jobs that may be at the new service, until it is looked at again."""

    async def look(self, into: str, group: str | None, prefix: str | None) -> None:
        """Read both accounts. UnsafePlanError if the way back has begun."""
        begun = self.moves.begun
        self._has_begun = begun is not None
        self._made_before = frozenset(self.moves.made)
        self._route = (self.source.provider.name, self.target.provider.name, into)
        if self.moves.is_going_back:
            raise UnsafePlanError("The way back has begun, and nothing was sent: finish it first.")
        if begun is not None and begun.route != self._route:
            raise setting_error(f"{self.moves.path} is of another move: {begun.route}.")
        known = None if begun is None else {one.id: _known(one) for one in begun.entries}
        found = await described(
            self.source, self.target.provider, into=into, group=group, prefix=prefix, known=known
        )
        if not found.ids:
            raise input_error("There is no job to be moved.")
        self.migrated = found.migrated
        self.old = {number: dict(row) for number, row in found.rows.items()}
        self.entries = tuple(
            Entry(number, name, runs(self.old[number])) for name, number in found.ids.items()
        )
        if begun is not None:
            self.entries = tuple(one for one in begun.entries if one.id in self.old)
            self._late = tuple(
                Unmoved(number, name, _LATE) for number, name in found.unknown.items()
            )
        text, environ = found.migrated.text, found.migrated.environ
        wanted = Manifest.loads(text, name="the manifest of the move", environ=environ).wanted
        self._comparer = Comparer(wanted, Options(dedupe=True), self.target, datetime.now(UTC))
        await self._look_at_target()

    async def _look_at_target(self) -> None:
        self.seen = await self._comparer.compare()
        await self.seen.account.finish()
        self._decide()

    def _decide(self) -> None:
        """Decide what is to be done by the list that was read."""
        decision = self._comparer.decide(self.seen.account)
        self.seen = attrs.evolve(self.seen, decision=decision)
        self.bound = dict(decision.bound)
        renamed = {
            one.name: self.moves.made[one.id]
            for one in self.entries
            if one.name not in self.bound and self.moves.made.get(one.id) in self.seen.account.rows
        }
        self.bound |= renamed
        self.known_by_id = set(renamed)

    def check(self, *, accept_losses: bool) -> None:
        """Raise UnsafePlanError if something gets lost, or is there already."""
        if self.moves.begun is not None:
            return
        count = len(self.migrated.losses) + len(self.migrated.skipped)
        if count and not accept_losses:
            raise UnsafePlanError(f"{count} things get lost. Nothing was sent. Accept that first.")
        others = [one.name for one in self.seen.decision.changes if one.id is not None]
        if others:
            raise UnsafePlanError(
                f"The group has other jobs of the same names, such as {others[0]!r}. Nothing was "
                "sent. Name another group, or apply the manifest first."
            )

    async def run(self) -> CutOver:
        """Move all, look again, and return the result."""
        account = self.seen.account
        if self.moves.begun is None:
            there = frozenset(self.bound.values())
            newest = max(account.rows, default=0)
            await self.moves.begin(
                Beginning(route=self._route, there=there, newest=newest, entries=self.entries)
            )
        await self.files.write(self.moves, self.migrated)
        if account.group_id is None:
            account.group_id = await new_group(self.target, self._route[2])
        for at in range(0, len(self.entries), self.chunk):
            some = self.entries[at : at + self.chunk]
            if self.overlap == "none":
                await self._move_without_overlap(some)
            else:
                await self._make(some)
                await self._disable(one for one in some if one.name in self.bound)
        await self._look_again()
        return self.result()

    async def _move_without_overlap(self, entries: Sequence[Entry]) -> None:
        creates = {one.name for one in self.seen.decision.changes if one.action == "create"}
        there = {
            one.name
            for one in entries
            if one.name in self.bound or (one.name in creates and one.id not in self.moves.made)
        }
        await self._disable(one for one in entries if one.name in there)
        await self._make([one for one in entries if not self.runs_at_source(one)])
        await self._enable_stranded(entries)

    def runs_at_source(self, entry: Entry) -> bool:
        """Return True if a job that ran at the beginning runs at the old service."""
        return entry.ran and entry.id in self.old and runs(self.old[entry.id])

    def is_off(self, entry: Entry) -> bool:
        """Return True for a job that was at the new service before, and does not run there."""
        row = self.seen.account.rows.get(self.bound.get(entry.name, 0))
        return row is not None and not runs(row)

    def is_gone(self, entry: Entry) -> bool:
        """Return True if an earlier call has made a job, and it is not at the new service."""
        return entry.id in self._made_before and entry.name not in self.bound

    def makes(self, names: Collection[str]) -> tuple[Change, ...]:
        """Return the changes that make jobs at the new service as they were at the old one."""
        return tuple(
            one
            for one in self.seen.decision.changes
            if one.action in ("create", "disable") and one.name in names
        )

    async def _make(self, entries: Iterable[Entry]) -> None:
        """Make the jobs that are missing, and disable those that did not run."""
        ids = {one.name: one.id for one in entries if one.id not in self.moves.made}
        changes = self.makes(ids)
        if not changes:
            return
        await self.moves.note_sending(ids[one.name] for one in changes if one.action == "create")
        decision = attrs.evolve(self.seen.decision, changes=changes)
        apply = Apply(self._comparer, attrs.evolve(self.seen, decision=decision))
        failed = set()
        for outcome in await apply.change():
            if outcome.error is not None:
                self._errors.append(outcome.error)
            if outcome.status == "unknown":
                self._doubtful.add(outcome.change.name)
            if outcome.status != "done":
                failed.add(outcome.change.name)
            elif outcome.change.action == "create" and outcome.id is not None:
                self.bound[outcome.change.name] = outcome.id
                self._made += 1
        await self._note_made({name: id for name, id in ids.items() if name not in failed})

    async def _note_made(self, ids: dict[str, int]) -> None:
        """Note jobs that are there and were not there at the beginning."""
        there = self.moves.begun.there if self.moves.begun else frozenset()
        stay = self.seen.account.rows.keys() - self.twins().keys()
        await self.moves.note_made(
            {
                old: self.bound[name]
                for name, old in ids.items()
                if self.bound.get(name, 0) not in {0, *there}
                and self.moves.made.get(old) not in {self.bound[name], *stay}
            }
        )

    def twins(self) -> dict[int, str]:
        """Return the names of jobs that were made more than once, by the ids that are to go."""
        newest = self.moves.begun.newest if self.moves.begun else 0
        return {
            one.id: one.name
            for one in self.seen.decision.changes
            if one.action == "delete" and one.id is not None and one.id > newest
        }

    async def _disable(self, entries: Iterable[Entry]) -> None:
        ids = [one.id for one in entries if self.runs_at_source(one) and not self.is_off(one)]
        if not ids:
            return
        await self.moves.note_disabling(ids)
        for number, outcome in zip(ids, await self.source.cron.disable_many(ids), strict=True):
            if outcome.status == "done":
                self.old[number] = {**self.old[number], "status": JobStatus.DISABLED.value}
                self._disabled += 1
            elif isinstance(outcome.error, NotFoundError):
                del self.old[number]
            elif outcome.error is not None:
                self._errors.append(outcome.error)

    async def _enable_stranded(self, entries: Iterable[Entry]) -> None:
        """Let jobs run again that were disabled, and are certainly not at the new service."""
        ids = [
            one.id
            for one in entries
            if one.ran
            and one.id in self.moves.disabled & self.old.keys()
            and not self.is_gone(one)
            and one.name not in self.bound.keys() | self._doubtful
            and not runs(self.old[one.id])
        ]
        if not ids:
            return
        for number, outcome in zip(ids, await self.source.cron.enable_many(ids), strict=True):
            if outcome.status == "done":
                self.old[number] = {**self.old[number], "status": JobStatus.ACTIVE.value}
            elif outcome.error is not None:
                self._errors.append(outcome.error)

    async def _look_again(self) -> None:
        """Read both accounts once more, delete twins, and enable jobs that run at neither."""
        await self._look_at_target()
        self._doubtful.clear()
        switched = {one.name for one in self.seen.decision.changes if one.action == "disable"}
        await self._note_made(
            {one.name: one.id for one in self.entries if one.name not in switched}
        )
        await self._delete_twins()
        self.old = await all_jobs(self.source)
        await self._enable_stranded(self.entries)

    async def _delete_twins(self) -> None:
        """Delete all but the first of equal jobs. The journal has the first one by now."""
        ids = list(self.twins())
        if not ids:
            return
        for number, outcome in zip(ids, await self.target.cron.delete_many(ids), strict=True):
            if outcome.status == "done" or isinstance(outcome.error, NotFoundError):
                del self.seen.account.rows[number]
            elif outcome.error is not None:
                self._errors.append(outcome.error)
        self._decide()

    def result(self) -> CutOver:
        """Return the result, with the jobs that are left by the last look."""
        return CutOver(
            migrated=self.migrated,
            has_begun=self._has_begun,
            made=self._made,
            disabled=self._disabled,
            left=(
                *left_of(self),
                *(one for one in self._late if one.id in self.old and runs(self.old[one.id])),
            ),
            gone=tuple(gone_of(self, self._comparer)),
            errors=tuple(self._errors),
        )


def _known(entry: Entry) -> tuple[str, int]:
    status = JobStatus.ACTIVE if entry.ran else JobStatus.DISABLED
    return entry.name, status.value
