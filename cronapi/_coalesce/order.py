"""The order of calls on one job: a call that joins an earlier request overtakes no other one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import anyio
from attrs import define, frozen

from cronapi import _functions as table
from cronapi._functions import Function, Repeat

ANY = "*"
"""The job of a change that does not name its jobs, such as one of a group: it may be any."""
_ADDS = (table.CRON_ADD, table.CRON_BATCH_ADD, table.GROUP_ADD)


@frozen
class Turn:
    """The number of a call, and of the last one before it that it must not overtake.

    `jobs` are those that it names, and True if it changes them.
    """

    number: int
    after: int
    jobs: tuple[tuple[str, bool], ...]

    def may_join(self, first: Turn) -> bool:
        """Return True if it overtakes no call when it is sent together with an earlier one."""
        return self.after < first.number


@define(eq=False)
class Line:
    """A request in line for its position in the queue. Its task need not have begun."""

    before: Line | None
    _is_past: bool = False
    _behind: anyio.Event | None = None
    """For those that wait until this request has gone on. Most often there are none."""

    async def move_up(self) -> None:
        """Wait until the requests before it have gone on, each to its position in the queue."""
        try:
            if self.before is not None:
                await self.before.has_moved_up()
        finally:
            self.before, self._is_past = None, True
            if self._behind is not None:
                self._behind.set()

    async def has_moved_up(self) -> None:
        """Wait until this request has gone on to its position in the queue."""
        if not self._is_past:
            self._behind = self._behind or anyio.Event()
            await self._behind.wait()


class Order:
    """The calls of one client that have not ended."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._last: Line | None = None
        self._calls: dict[tuple[str, bool], dict[int, None]] = {}
        """Their numbers, which grow, by the job and by True if they change it."""

    def begin(self, function: Function[Any], sent: Mapping[str, Any]) -> Turn:
        """Number a call until it has ended.

        Reads may overtake reads. No other call may overtake one on the same job.
        """
        jobs, changes = jobs_of(function, sent), function.repeat is not Repeat.READ
        kinds = (True, False) if changes else (True,)
        after = -1
        for rival in [(job, kind) for job in (*jobs, ANY) for kind in kinds]:
            if calls := self._calls.get(rival):
                after = max(after, next(reversed(calls)))
        turn = Turn(next(self._numbers), after, tuple((job, changes) for job in jobs))
        for job in turn.jobs:
            self._calls.setdefault(job, {})[turn.number] = None
        return turn

    def end(self, turn: Turn) -> None:
        """Forget a call that has ended."""
        for job in turn.jobs:
            del self._calls[job][turn.number]
            if not self._calls[job]:
                del self._calls[job]

    def line_up(self) -> Line:
        """Return the place of a request that is about to ask for a slot.

        trio runs tasks that begin together in any order.
        """
        self._last = Line(self._last)
        return self._last


def jobs_of(function: Function[Any], sent: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of the jobs that a call names. An add and a read of many name no job."""
    names_jobs = function.name.startswith("cron.") and function is not table.CRON_GROUP_EDIT
    if "id" in sent and names_jobs:
        numbers = sent["id"] if isinstance(sent["id"], list) else [sent["id"]]
        return frozenset(map(str, numbers))
    is_harmless = function.repeat is Repeat.READ or function in _ADDS
    return frozenset() if is_harmless else frozenset({ANY})
