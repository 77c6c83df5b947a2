"""Carry out a plan: the group, edits, creates, switches, deletes, and a last look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import anyio
import attrs

from cronapi import bulk
from cronapi._protocol.params import as_params
from cronapi.bulk import Report
from cronapi.bulk.operations import add_operation, delete_operation
from cronapi.client import Client
from cronapi.errors import (
    ConfigurationError,
    CronAPIError,
    ManifestError,
    NotFoundError,
    UnsafePlanError,
)
from cronapi.manifest.changes import Action, Change
from cronapi.manifest.compare import Row, id_of, shows_same
from cronapi.manifest.comparing import Comparer, Comparison
from cronapi.manifest.deciding import Decision
from cronapi.manifest.result import ApplyResult, ChangeOutcome
from cronapi.manifest.wanted import Scope
from cronapi.models import CronJob

Save = Callable[[Sequence[Row]], None]
"""Keeps the jobs that are about to be deleted, so that they can be made again."""


def no_save(_rows: Sequence[Row]) -> None:
    """Keep nothing."""


def check_brake(comparison: Comparison, scope: Scope) -> None:
    """Raise UnsafePlanError if a plan deletes more than is allowed, or its group seems wrong."""
    if comparison.elsewhere:
        raise UnsafePlanError(wrong_group(comparison, scope))
    decision = comparison.decision
    brake = decision.brake
    if brake.tripped:
        raise UnsafePlanError(
            f"The plan deletes {brake.deletes} of {decision.owned} jobs, and {brake.allowed} are "
            f"allowed. Nothing was sent. If that is meant, allow {brake.deletes} "
            f"deletion{'' if brake.deletes == 1 else 's'} by their number."
        )


def wrong_group(comparison: Comparison, scope: Scope) -> str:
    """Return the sentences that tell of a group that is missing, and of its jobs elsewhere."""
    count = comparison.elsewhere
    jobs = "a job of the manifest seems" if count == 1 else f"{count} jobs of the manifest seem"
    return (
        f"{scope.place}: no group is called {scope.group!r}, and {jobs} to be in another group. "
        "Nothing is sent. Correct the name, or adopt the jobs."
    )


async def new_group(api: Client, name: str) -> int:
    """Create a group. One that the service calls otherwise would never be found, so it goes."""
    group = await api.group.add(name)
    if group.name in (None, name):
        return group.id
    await api.group.delete(group.id)
    raise UnsafePlanError(
        f"The service keeps the name of the group {name!r} as {group.name!r}, so it would not be "
        "found again. The new group was deleted, and nothing else was done. Name the group as the "
        "service does, or use a prefix as the scope."
    )


@attrs.define
class Apply:
    """One apply. `comparison` is the account as it was read just before."""

    comparer: Comparer
    comparison: Comparison
    save: Save = no_save
    deletes_first: bool = False
    _outcomes: list[ChangeOutcome] = attrs.field(factory=list)
    _created: dict[str, int] = attrs.field(factory=dict)
    _twins: list[int] = attrs.field(factory=list)
    _requests: int = 0
    _group_id: int | None = None
    _not_kept: CronAPIError | None = None

    async def run(self) -> ApplyResult:
        """Carry out the plan and return what was done. What fails is in the result."""
        began = anyio.current_time()
        await self.change()
        left = await self._verify()
        return ApplyResult(
            outcomes=tuple(self._outcomes),
            twins=tuple(self._twins),
            left=left.changes if left else (),
            blocked=left.blocked if left else self.comparison.decision.blocked,
            unchanged=self.comparison.decision.unchanged,
            is_verified=left is not None,
            requests=self._requests,
            seconds=anyio.current_time() - began,
        )

    async def change(self) -> tuple[ChangeOutcome, ...]:
        """Make the changes, without the last look, and return their outcomes."""
        account = self.comparison.account
        self._requests = account.requests
        caller = self.comparer.calls.caller
        caller.memory.see_earlier("cron", frozenset(account.rows))
        self._group_id = account.group_id
        await self._make_group()
        phases = [self._edit, self._create, self._enable, self._disable]
        for phase in [self._delete, *phases] if self.deletes_first else [*phases, self._delete]:
            await phase()
        return tuple(self._outcomes)

    def _changes(self, *actions: Action) -> list[Change]:
        return [one for one in self.comparison.decision.changes if one.action in actions]

    async def _make_group(self) -> None:
        name = self.comparer.wanted.scope.group
        if name is not None and self._group_id is None and self._changes("create"):
            self._group_id = await new_group(self.comparer.api, name)
            self._requests += 1

    async def _carry_out(
        self, changes: Sequence[Change], begin: Callable[[], Awaitable[Report[Any]]], requests: int
    ) -> list[Any]:
        """Carry out changes with a bulk, keep the outcome of each, and return the results."""
        if not changes:
            return []
        self._requests += requests
        report = await begin()
        for change, outcome in zip(changes, report, strict=True):
            number = outcome.value.id if outcome.value is not None else change.id
            self._outcomes.append(ChangeOutcome(change, outcome.status, number, outcome.error))
        return report.values

    async def _edit(self) -> None:
        changes = self._changes("rename", "edit")
        edits = [(change.id or 0, change.sent) for change in changes]
        cron = self.comparer.api.cron
        await self._carry_out(changes, lambda: _awaited(cron.edit_many(edits)), len(changes))

    async def _create(self) -> None:
        changes, calls = self._changes("create"), self.comparer.calls
        group = {} if self._group_id is None else {"group": self._group_id}
        specs = [{**change.sent, **group} for change in changes]
        # The account was listed just before, so the operation need not do it again.
        operation = attrs.evolve(add_operation(calls), list_ids=None)

        def check(spec: Any, _: int) -> Any:
            return self.comparer.api.cron._invoke.encode(as_params(spec))  # noqa: SLF001 -- as add_many

        def begin() -> Awaitable[Report[Any]]:
            return _awaited(bulk.Bulk(calls, operation, specs, check))

        jobs = await self._carry_out(changes, begin, operation.requests(len(specs)))
        await self._take_back([job for job in jobs if self._is_out_of_scope(job)])
        made = [one for one in self._outcomes if one.change.action == "create"]
        self._created = {one.change.name: one.id for one in made if one.id is not None}

    def _is_out_of_scope(self, job: CronJob) -> bool:
        scope = self.comparer.wanted.scope
        is_named = scope.prefix is not None and job.name is not None
        return is_named and not scope.has_prefix(str(job.name))

    async def _take_back(self, jobs: Sequence[CronJob]) -> None:
        """Delete new jobs that the service calls otherwise: they would be made each night."""
        if not jobs:
            return
        self._requests += delete_operation(self.comparer.calls).requests(len(jobs))
        report = await self.comparer.api.cron.delete_many([job.id for job in jobs])
        names = {job.id: job.name for job in jobs}
        ends = {
            job.id: "was deleted again" if outcome.status == "done" else "may still be there"
            for job, outcome in zip(jobs, report, strict=True)
        }
        for at, one in enumerate(self._outcomes):
            if one.change.action == "create" and one.id in names:
                error = UnsafePlanError(
                    f"The service keeps the name {one.change.name!r} as {names[one.id]!r}, which "
                    f"is outside of the scope. The job {ends[one.id]}. Use a group as the scope."
                )
                self._outcomes[at] = ChangeOutcome(one.change, "failed", None, error)

    async def _enable(self) -> None:
        await self._switch("enable")

    async def _disable(self) -> None:
        await self._switch("disable")

    async def _switch(self, action: Literal["enable", "disable"]) -> None:
        changes = self._changes(action)
        ids = {change: change.id or self._created.get(change.name) for change in changes}
        for change in changes:
            if ids[change] is None:  # its create was not done
                self._outcomes.append(ChangeOutcome(change, "not_tried"))
        known = {change: number for change, number in ids.items() if number is not None}
        cron = self.comparer.api.cron
        many = cron.enable_many if action == "enable" else cron.disable_many
        numbers = list(known.values())
        await self._carry_out(list(known), lambda: _awaited(many(numbers)), len(numbers))

    async def _delete(self) -> None:
        changes = self._changes("delete")
        if not changes:
            return
        ids = [change.id or 0 for change in changes]
        is_safe = all(one.status == "done" for one in self._outcomes)
        if not is_safe or not self._kept([self.comparison.account.rows[number] for number in ids]):
            self._outcomes += [
                ChangeOutcome(change, "not_tried", change.id, self._not_kept) for change in changes
            ]
            return
        await self._carry_out(
            changes,
            lambda: _awaited(self.comparer.api.cron.delete_many(ids)),
            delete_operation(self.comparer.calls).requests(len(ids)),
        )

    def _kept(self, rows: Sequence[Row]) -> bool:
        """Keep jobs that are to be deleted. Return False if that fails, so that none is."""
        try:
            self.save(rows)
        except (ConfigurationError, ManifestError) as error:
            self._not_kept = error
            return False
        return True

    async def _verify(self) -> Decision | None:
        """List the jobs once more, and delete twins. Return what is left, or None if it fails."""
        options = attrs.evolve(self.comparer.options, resend_hidden=frozenset())
        self.comparer = attrs.evolve(self.comparer, options=options)  # they have been sent
        try:
            now = await self.comparer.compare(self._group_id)
        except CronAPIError:
            return None
        self._requests += now.account.requests
        twins = self._twins_in(now)
        return await self._without(twins, now) if twins else now.decision

    def _twins_in(self, now: Comparison) -> list[Row]:
        """Return the jobs that another apply has made meanwhile, equal to an older one."""
        if not self._created:
            return []
        newest = max(self.comparison.account.rows, default=0)
        twins: list[Row] = []
        for duplicate in now.decision.duplicates:
            first, *more = duplicate.rows
            if all(id_of(row) > newest and shows_same(first, row) for row in more):
                twins += more
        deletes = len(self._changes("delete")) + len(twins)
        allowed = self.comparison.decision.brake.allowed
        return twins if deletes <= max(allowed, len(self._created)) else []

    async def _without(self, twins: Sequence[Row], now: Comparison) -> Decision:
        if not self._kept(twins):
            return now.decision
        ids = [id_of(row) for row in twins]
        report = await self.comparer.api.cron.delete_many(ids)
        self._requests += delete_operation(self.comparer.calls).requests(len(ids))
        for number, outcome in zip(ids, report, strict=True):
            # The other apply deletes the same ones.
            if outcome.status == "done" or isinstance(outcome.error, NotFoundError):
                self._twins.append(number)
                now.account.rows.pop(number, None)
        return self.comparer.decide(now.account)


async def _awaited(many: bulk.Bulk[Any]) -> Report[Any]:
    return await many
