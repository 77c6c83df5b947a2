"""The results of a cutover and of a way back."""

from __future__ import annotations

from typing import Literal, get_args

import attrs

from cronapi.bulk import Cost
from cronapi.errors import CronAPIError
from cronapi.errors.concerns import setting_error
from cronapi.manifest.migrating import Migrated

Overlap = Literal["short", "none"]
CHUNK = 100
"""Jobs that run at both services, or at neither, at a time."""


@attrs.frozen
class Unmoved:
    """A job of the old service that is not where it should be, and why."""

    id: int
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.id}): {self.reason}"


@attrs.frozen
class PlannedMove:
    """What a call would do, and its cost if all goes well.

    `at_target` counts the jobs that are made at the new service, or deleted on the way back, and
    `at_source` those that are disabled at the old one, or enabled. `jobs` are the ids of all these
    at the old service. The costs have the reading in
    them, at the beginning and at the end.
    """

    at_source: int
    at_target: int
    jobs: frozenset[int]
    source_cost: Cost
    target_cost: Cost


@attrs.frozen(kw_only=True)
class CutOver:
    """The result of a cutover.

    `migrated` is the manifest of the new service, with all that gets lost. `made` and `disabled`
    count the jobs of this call. `left` are the jobs that are not moved yet, each with the reason,
    and the same call goes on with them. `gone` are jobs that an earlier call has made, and that are
    not at the new service any more: somebody has deleted them, or they were for one time and are
    over. They are not made again, and not enabled at the old one.
    `errors` are those of the requests. `has_begun` tells of a call that goes on: what gets lost was
    accepted by the first one. `planned` is None unless it was a dry run.
    """

    migrated: Migrated
    has_begun: bool = False
    made: int = 0
    disabled: int = 0
    left: tuple[Unmoved, ...] = ()
    gone: tuple[Unmoved, ...] = ()
    errors: tuple[CronAPIError, ...] = ()
    planned: PlannedMove | None = None

    @property
    def is_complete(self) -> bool:
        """True if each job runs at the new service alone, but for those that are gone."""
        return not self.left


@attrs.frozen(kw_only=True)
class MovedBack:
    """The result of a way back: the jobs of this call, and those that are left.

    `planned` is None unless it was a dry run.
    """

    enabled: int = 0
    deleted: int = 0
    left: tuple[Unmoved, ...] = ()
    errors: tuple[CronAPIError, ...] = ()
    planned: PlannedMove | None = None

    @property
    def is_complete(self) -> bool:
        """True if the jobs run at the old service alone. The journal is gone then."""
        return not self.left


def check_overlap(overlap: str, chunk: int) -> None:
    """Raise ConfigurationError for another overlap, and for an empty chunk."""
    if overlap not in get_args(Overlap):
        raise setting_error('overlap is "short" or "none".')
    if chunk < 1:
        raise setting_error("A chunk has one job or more.")
