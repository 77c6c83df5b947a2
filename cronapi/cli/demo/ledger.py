"""The demo's bookkeeping: the answers that its coroutines got, compared with the service's store.

House rule: nothing here makes a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from cronapi.models import CronJob, Group

Facts = tuple[object, ...]
"""The members of a job or a group that answer and store must agree on."""


@define
class Ledger:
    """The answers that the coroutines at one service got.

    `kept` holds each job and group that must exist at the end, as its last answer had it. `added`
    counts all jobs that were ever added, and `calls` the answers. `errors` has the texts of calls
    that failed. Of the web caller's calls, `waits` has the seconds until each answer, and
    `turned_away` counts those that would have had to wait too long.
    """

    kept: dict[str, Facts] = field(factory=dict)
    added: int = 0
    calls: int = 0
    errors: list[str] = field(factory=list)
    waits: list[float] = field(factory=list)
    turned_away: int = 0

    def keep(self, item: CronJob | Group) -> None:
        """Record the present state of a job or a group."""
        self.kept[key_of(item)] = facts_of(item)

    def forget(self, job: int) -> None:
        """Record that a job is deleted."""
        del self.kept[f"job {job}"]

    def confirm(self, job: CronJob) -> None:
        """Compare a job that was read with its last answer, and record a difference as an error."""
        if self.kept.get(key_of(job)) != facts_of(job):
            self.errors.append(f"{key_of(job)} reads otherwise than it was written")


@frozen
class Balance:
    """The difference between the ledger and the store."""

    lost: int
    duplicated: int


def key_of(item: CronJob | Group) -> str:
    """Return the ledger's key of a job or a group."""
    return f"{'job' if isinstance(item, CronJob) else 'group'} {item.id}"


def facts_of(item: CronJob | Group) -> Facts:
    """Return the facts of an answer."""
    if isinstance(item, Group):
        return (item.name,)
    return (item.name, item.url, item.expression, item.group, item.status)


def stored_facts(
    jobs: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]]
) -> dict[str, Facts]:
    """Return the facts of the service's own documents, by the ledger's keys."""
    members = ("name", "url", "expression", "group", "status")
    stored: dict[str, Facts] = {
        f"job {job['id']}": tuple(job[name] for name in members) for job in jobs
    }
    return stored | {f"group {group['id']}": (group["name"],) for group in groups}


def compare(ledger: Ledger, stored: Mapping[str, Facts], created: int) -> Balance:
    """Compare the ledger with the store.

    A failed call counts as lost, and so does a job or a group that is missing or differs from its
    last answer. Anything else in the store counts as duplicated. `created` is how many jobs the
    service has ever made, so that a duplicate that was deleted again counts too.
    """
    missing = [key for key, facts in ledger.kept.items() if stored.get(key) != facts]
    beyond = stored.keys() - ledger.kept.keys()
    return Balance(len(ledger.errors) + len(missing), max(len(beyond), created - ledger.added))
