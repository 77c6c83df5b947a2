"""Why a job is not moved: what a cutover sees of both services at its last look."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from cronapi.manifest.compare import Row
from cronapi.manifest.comparing import Comparer, Comparison
from cronapi.manifest.moved import Unmoved
from cronapi.manifest.moves import Entry, Moves
from cronapi.manifest.schedules import is_over

_GONE = "somebody has deleted it at the new service after it was made there"
_OVER = "it was for one time, which is over: the new service has removed it, or somebody has"


class Seen(Protocol):
    """Both services as a cutover has seen them."""

    entries: tuple[Entry, ...]
    moves: Moves
    old: dict[int, Row]
    seen: Comparison
    bound: dict[str, int]
    known_by_id: set[str]

    def twins(self) -> Mapping[int, str]:
        """Return the names of jobs that were made more than once."""
        ...

    def runs_at_source(self, entry: Entry) -> bool:
        """Return True if a job runs at the old service."""
        ...

    def is_off(self, entry: Entry) -> bool:
        """Return True for a job that was at the new service before, and does not run there."""
        ...

    def is_gone(self, entry: Entry) -> bool:
        """Return True for a job that was deleted at the new service by hand."""
        ...


def left_of(seen: Seen) -> Iterator[Unmoved]:
    """Yield the jobs that are not moved. One that is over, or gone, is at neither service."""
    changes = {(one.action, one.name) for one in seen.seen.decision.changes}
    blocked = {one.name: one.text for one in seen.seen.decision.blocked}
    blocked = {name: text for name, text in blocked.items() if name not in seen.known_by_id}
    twins = frozenset(seen.twins().values())
    for one in seen.entries:
        if one.id not in seen.old or seen.is_gone(one):
            continue
        if one.name in blocked:
            yield Unmoved(one.id, one.name, blocked[one.name])
        elif (reason := _reason(seen, one, changes, twins)) is not None:
            yield Unmoved(one.id, one.name, reason)


def gone_of(seen: Seen, comparer: Comparer) -> Iterator[Unmoved]:
    """Yield the jobs that were made and are not at the new service any more, with the reason."""
    over = {
        job.name
        for job in comparer.wanted.jobs
        if is_over(job.values.get("expression"), job.values.get("timezone"), comparer.now)
    }
    for one in seen.entries:
        if seen.is_gone(one):
            yield Unmoved(one.id, one.name, _OVER if one.name in over else _GONE)


def _reason(
    seen: Seen, entry: Entry, changes: Collection[tuple[str, str]], twins: Collection[str]
) -> str | None:
    if entry.name in twins:
        return "it is twice at the new service"
    if ("create", entry.name) in changes and entry.name not in seen.bound:
        return "it is not at the new service"
    if seen.runs_at_source(entry) and seen.is_off(entry):
        return "it does not run at the new service"
    if entry.name in seen.bound and seen.runs_at_source(entry):
        return "it runs at the old service too"
    if ("disable", entry.name) in changes and entry.id not in seen.moves.made:
        return "it runs at the new service, and did not at the old one"
    return None
