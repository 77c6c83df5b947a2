"""A plan: what differs between a manifest and an account, and the way to carry it out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from os import PathLike
from typing import Any

import attrs

from cronapi.bulk import Cost
from cronapi.errors import UnsafePlanError
from cronapi.manifest.applying import Apply, Save, check_brake, no_save
from cronapi.manifest.changes import Blocked, Brake, Change, NotInFile, Stopped
from cronapi.manifest.comparing import Comparer, Comparison
from cronapi.manifest.deciding import Options
from cronapi.manifest.limits import NO_LIMIT, Limit, limit_of
from cronapi.manifest.locking import locked
from cronapi.manifest.masking import Mask
from cronapi.manifest.rendering import check_saved, plan_document, plan_text
from cronapi.manifest.result import ApplyResult
from cronapi.manifest.undo import undo_of
from cronapi.manifest.wanted import Wanted
from cronapi.models import Account
from cronapi.providers import Provider


@attrs.frozen
class Read:
    """What was read for a plan, and when: the jobs of the account, and those in the scope.

    `group_id` is the id of the scope's group, or None.
    """

    at: datetime
    jobs: int
    owned: int
    requests: int
    group_id: int | None


@attrs.frozen
class Plan:
    """What an apply would do, in the order in which it would be done.

    `blocked` are jobs of the manifest that are left as they are, since nobody can tell what is
    right. `not_in_file` are the jobs in the scope that no table names: they are deleted only with
    `prune`. `stopped` are the jobs that should run and do not, and that it may not start. `hidden`
    counts the values that the service does not show, by field: nothing tells if
    they differ, so they change nothing. `cost` is that of an apply that meets no faults.
    """

    _comparer: Comparer
    _comparison: Comparison
    _paths: tuple[str, ...] = attrs.field(repr=False)
    _account: Account | None = attrs.field(default=None, repr=False)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes, in the order in which they would be made."""
        return self._comparison.decision.changes

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """The jobs of the manifest that are left as they are."""
        return self._comparison.decision.blocked

    @property
    def not_in_file(self) -> tuple[NotInFile, ...]:
        """The jobs in the scope that no table names."""
        return self._comparison.decision.not_in_file

    @property
    def stopped(self) -> tuple[Stopped, ...]:
        """The jobs that should run and do not, and that the plan may not start."""
        return self._comparison.decision.stopped

    @property
    def hidden(self) -> dict[str, int]:
        """How many values the service does not show, by field."""
        return dict(self._comparison.decision.hidden)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to know, in sentences."""
        return self._comparison.decision.notes

    @property
    def unchanged(self) -> int:
        """The number of jobs that are as they should be."""
        return self._comparison.decision.unchanged

    @property
    def cost(self) -> Cost:
        """The requests of an apply, and the seconds they take at the limit."""
        return self._comparison.cost

    @property
    def brake(self) -> Brake:
        """The limit of deletions."""
        return self._comparison.decision.brake

    @property
    def elsewhere(self) -> int:
        """How many jobs of the manifest seem to be in other groups, where that of it is missing.

        An apply is refused then: the name of the group is wrong, or the jobs are to be adopted.
        """
        return self._comparison.elsewhere

    @property
    def limit(self) -> Limit | None:
        """The number of jobs after an apply, and what the account allows, if that was asked for."""
        if self._account is None:
            return None
        counts = Counter(change.action for change in self.changes)
        jobs = len(self._comparison.account.rows)
        return limit_of(self._account, jobs, counts["create"], counts["delete"])

    @property
    def read(self) -> Read:
        """What was read for this plan."""
        account = self._comparison.account
        owned = self._comparison.decision.owned
        return Read(
            self._comparer.now,
            len(account.rows),
            owned,
            account.requests + (self._account is not None),
            account.group_id,
        )

    @property
    def wanted(self) -> Wanted:
        """The manifest that was compared."""
        return self._comparer.wanted

    @property
    def options(self) -> Options:
        """What the plan may do beyond adding and editing."""
        return self._comparer.options

    @property
    def provider(self) -> Provider:
        """The service of the account."""
        return self._comparer.api.provider

    @property
    def hidden_jobs(self) -> int:
        """How many jobs have values that the service does not show."""
        return self._comparison.decision.hidden_jobs

    @property
    def digest(self) -> str:
        """A digest of the jobs in the scope, without what may be secret."""
        return self._comparison.decision.digest

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to change."""
        return not self.changes

    @property
    def has_drift(self) -> bool:
        """True if anything is not as the manifest says, also what an apply would leave so."""
        strays = any(not one.is_kept for one in self.not_in_file)
        return bool(self.changes or self.blocked or self.stopped or strays)

    async def apply(
        self, *, undo: str | PathLike[str] | None = None, deletes_first: bool = False
    ) -> ApplyResult:
        """Carry out the plan, and return what was done.

        The account is read again first. UnsafePlanError, with nothing sent, if the plan deletes
        more than is allowed, if its group is missing and jobs of it are elsewhere, if the account
        has changed since, or if another apply of these files is at work. Deletes come last, and
        only if everything before was done. What fails is in the result. May be repeated: a new plan
        has what is left.

        `undo` is a new file in which jobs are kept before they are deleted, as a manifest without
        the values of secrets. It takes tomlkit. `deletes_first` is for an account whose number of
        jobs is at its limit.
        """
        check_brake(self._comparison, self.wanted.scope)
        if self.is_empty:
            return ApplyResult(unchanged=self.unchanged, blocked=self.blocked)
        self._save(undo, self._comparison)  # a file that cannot be written stops it here
        with self._lock():
            again = await self._comparer.compare()
            self._check_fresh(again)
            save = self._save(undo, again)
            return await Apply(self._comparer, again, save, deletes_first=deletes_first).run()

    def to_text(self) -> str:
        """Return the plan as lines for people. No secret is in them."""
        text = plan_text(self._comparer, self._comparison)
        if self._account is not None:
            text += f"{self.limit or NO_LIMIT}\n"
        return Mask(self.wanted.secrets).checked(text)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON takes it (schema 1). No secret is in it, nor a hash of one."""
        document = plan_document(self._comparer, self._comparison)
        if self._account is not None:
            document["limit"] = None if self.limit is None else attrs.asdict(self.limit)
        Mask(self.wanted.secrets).checked(json.dumps(document, ensure_ascii=False))
        return document

    def check_saved(self, saved: Mapping[str, Any]) -> None:
        """Raise UnsafePlanError if this plan is another one than a saved `to_dict`."""
        check_saved(saved, self.to_dict())

    def _save(self, undo: str | PathLike[str] | None, comparison: Comparison) -> Save:
        """Return what keeps the jobs that are deleted, beside those of a comparison."""
        scope, owned = self.wanted.scope, self._comparer.owned(comparison.account)
        return undo_of(undo, scope, self.provider, owned, self.wanted.environ) or no_save

    def _lock(self) -> AbstractContextManager[None]:
        return locked(self._paths)

    def _check_fresh(self, again: Comparison) -> None:
        """Raise UnsafePlanError if the account asks for other changes than those of this plan."""
        mine, others = self._comparison.decision.changes, again.decision.changes
        if [(one, one.sent) for one in mine] == [(one, one.sent) for one in others]:
            return
        raise UnsafePlanError(
            f"The account has changed since the plan was made: {_difference(mine, others)}. "
            "Nothing was sent. Make a new plan."
        )


def _difference(mine: Sequence[Change], others: Sequence[Change]) -> str:
    """Return the changes that only one of two plans has, at most a few."""
    gone = [f"no more {_line(one)}" for one in mine if one not in others]
    new = [f"now {_line(one)}" for one in others if one not in mine]
    shown = [*gone, *new] or ["a secret value"]
    more = len(shown) - _MOST
    return ", ".join(shown[:_MOST]) + (f", and {more} more" if more > 0 else "")


_MOST = 5


def _line(change: Change) -> str:
    return f"{change.action} {change.name!r}"
