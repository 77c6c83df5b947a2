"""What an apply has done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import attrs

from cronapi.bulk.report import Status
from cronapi.errors import CronAPIError
from cronapi.manifest.changes import Action, Blocked, Change

_WORDS: Mapping[Action, str] = {
    "create": "created",
    "rename": "renamed",
    "edit": "edited",
    "enable": "enabled",
    "disable": "disabled",
    "delete": "deleted",
}


@attrs.frozen
class ChangeOutcome:
    """The outcome of one change.

    `error` is None if it is done, or was not tried because another change failed.
    """

    change: Change
    status: Status
    id: int | None = None
    error: CronAPIError | None = None


@attrs.frozen(kw_only=True)
class ApplyResult:
    """What an apply has done, and what it left.

    `outcomes` has one for each change of the plan. `twins` are the ids of jobs that another apply
    made at the same time, and that were deleted. `left` are the changes that are still due by a
    last look at the account: somebody else changed these jobs meanwhile, or the service keeps a
    value in a way of its own. `is_verified` is False if that look failed. `requests` and `seconds`
    are those of this apply, without the repeats of requests that were lost or refused.
    """

    outcomes: tuple[ChangeOutcome, ...] = ()
    twins: tuple[int, ...] = ()
    left: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    unchanged: int = 0
    is_verified: bool = True
    requests: int = 0
    seconds: float = 0.0

    @property
    def is_complete(self) -> bool:
        """True if all of the plan was done, and a last look found nothing left to do."""
        done = all(outcome.status == "done" for outcome in self.outcomes)
        return done and self.is_verified and not self.left

    def count(self, action: Action) -> int:
        """Return how many changes of a kind were done."""
        return sum(one.change.action == action for one in self._with("done"))

    @property
    def errors(self) -> tuple[CronAPIError, ...]:
        """The errors of the outcomes, each once."""
        errors = (one.error for one in self.outcomes if one.error is not None)
        return tuple({id(error): error for error in errors}.values())

    def _with(self, status: Status) -> Iterator[ChangeOutcome]:
        return (one for one in self.outcomes if one.status == status)

    def summary(self) -> str:
        """Return one line: how many changes of each kind were done, and how the others ended."""
        done = Counter(one.change.action for one in self._with("done"))
        parts = [f"{done[action]} {word}" for action, word in _WORDS.items() if done[action]]
        parts += [f"{self.unchanged} unchanged"]
        statuses = Counter(one.status for one in self.outcomes)
        for status in ("failed", "unknown", "not_tried"):
            if count := statuses[status]:
                parts.append(f"{count} {status.replace('_', ' ')}")
        if self.left:
            parts.append(f"{len(self.left)} changed meanwhile")
        if not self.is_verified:
            parts.append("not verified")
        return f"{', '.join(parts)}; {self.requests} requests, {self.seconds:.0f} s"
