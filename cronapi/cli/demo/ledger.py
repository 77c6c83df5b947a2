"""The demo's bookkeeping: what its coroutines were told, held against what the service has.

House rule: nothing here calls anything; it is arithmetic on what others bring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from cronapi.models import CronJob, Group

Facts = tuple[object, ...]
"""What must agree about a job or a group."""


@define
class Ledger:
    """What the coroutines at one service were told.

    `kept` holds what must be there at the end, `added` counts the jobs that ever were, `calls` the answers, and `errors` tells of calls
    that ended without one. Of the web's calls, `waits` has the seconds until each answer, `told_off` counts those told to come back.
    """

    kept: dict[str, Facts] = field(factory=dict)
    added: int = 0
    calls: int = 0
    errors: list[str] = field(factory=list)
    waits: list[float] = field(factory=list)
    told_off: int = 0

    def keep(self, thing: CronJob | Group) -> None:
        """Write down that this is how a job or a group is now."""
        self.kept[key_of(thing)] = facts_of(thing)

    def forget(self, job: int) -> None:
        """Write down that a job is gone."""
        del self.kept[f"job {job}"]

    def confirm(self, thing: CronJob) -> None:
        """Hold what was read against what was told before; another state is an error."""
        if self.kept.get(key_of(thing)) != facts_of(thing):
            self.errors.append(f"{key_of(thing)} reads otherwise than it was written")


@frozen
class Balance:
    """What was told and is not there, or not so; and what is there and was not told."""

    lost: int
    duplicated: int


def key_of(thing: CronJob | Group) -> str:
    """Return the name under which a job or a group is kept."""
    return f"{'job' if isinstance(thing, CronJob) else 'group'} {thing.id}"


def facts_of(thing: CronJob | Group) -> Facts:
    """Return what must agree about a job or a group, as an answer had it."""
    if isinstance(thing, Group):
        return (thing.name,)
    return (thing.name, thing.url, thing.expression, thing.group, thing.status)


def state_of(
    jobs: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]]
) -> dict[str, Facts]:
    """Return the same of the service's own documents."""
    members = ("name", "url", "expression", "group", "status")
    state: dict[str, Facts] = {
        f"job {job['id']}": tuple(job[name] for name in members) for job in jobs
    }
    return state | {f"group {group['id']}": (group["name"],) for group in groups}


def settle(ledger: Ledger, state: Mapping[str, Facts], created: int) -> Balance:
    """Compare what was told with what is there; `created` is how many jobs the service has ever made.

    Lost is each call that ended in an error and each job or group that is not there as it was told. Duplicated is each that is there
    beyond those; a second job that was deleted again shows in `created`.
    """
    missing = [key for key, facts in ledger.kept.items() if state.get(key) != facts]
    beyond = state.keys() - ledger.kept.keys()
    return Balance(len(ledger.errors) + len(missing), max(len(beyond), created - ledger.added))
