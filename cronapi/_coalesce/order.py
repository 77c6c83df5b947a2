"""The order of calls on one job: none overtakes an earlier one.

A call joins an earlier request only if that overtakes no other call, and it is sent only when those
before it on its job have ended. One of them may have to be repeated, or its batch be taken apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import anyio
from attrs import define

from cronapi import _functions as table
from cronapi._functions import Function, Repeat
from cronapi.scheduler import Lane

ANY = "*"
"""The job of a change that does not name its jobs, such as one of a group: it may be any."""
_ADDS = (table.CRON_ADD, table.CRON_BATCH_ADD, table.GROUP_ADD)


@define(eq=False)
class Turn:
    """The number of a call, and of the last one before it that it must not overtake.

    `jobs` are those that it names. `changes` is True if it changes them.
    """

    number: int
    after: int
    jobs: frozenset[str]
    changes: bool
    lane: Lane
    has_ended: bool = False
    _behind: anyio.Event | None = None
    """For those that wait until this call has ended. Most often there are none."""

    def may_join(self, first: Turn) -> bool:
        """Return True if it overtakes no call when it is sent together with an earlier one."""
        return self.after < first.number

    def end(self) -> None:
        """Let those that wait for the end of this call go on."""
        self.has_ended = True
        if self._behind is not None:
            self._behind.set()

    async def ended(self) -> None:
        """Wait until this call has ended."""
        if not self.has_ended:
            self._behind = self._behind or anyio.Event()
            await self._behind.wait()


@define(eq=False)
class Line:
    """A request in line for its position in the queue. Its task need not have begun."""

    before: Line | None
    _is_past: bool = False
    _behind: anyio.Event | None = None
    """For those that wait until this request has gone on. Most often there are none."""

    @property
    def is_settled(self) -> bool:
        """True if this request, and all before it, have gone on."""
        return self._is_past and self.before is None

    async def move_up(self) -> None:
        """Wait until the requests before it have gone on, each to its position in the queue."""
        try:
            if self.before is not None:
                await self.before.has_moved_up()
                self.before = None
        finally:  # one that is cancelled leaves those behind it to the one before it
            self._is_past = True
            if self._behind is not None:
                self._behind.set()

    async def has_moved_up(self) -> None:
        """Wait until this request, and all before it, have gone on to their positions."""
        line: Line | None = self
        while line is not None:
            await line.has_left()
            line = line.before

    async def has_left(self) -> None:
        """Wait until this request has gone on, or was cancelled."""
        if not self._is_past:
            self._behind = self._behind or anyio.Event()
            await self._behind.wait()


class Order:
    """The calls of one client that have not ended."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._last: Line | None = None
        self._calls: dict[tuple[str, bool], dict[int, Turn]] = {}
        """By their numbers, which grow, for each job and True if they change it."""

    def begin(self, function: Function[Any], sent: Mapping[str, Any], lane: Lane) -> Turn:
        """Number a call until it has ended.

        Reads may overtake reads. No other call may overtake one on the same job.
        """
        jobs, changes, after = jobs_of(function, sent), function.repeat is not Repeat.READ, -1
        if self._calls:  # most calls are alone
            numbers = (next(reversed(calls)) for calls in self._rivals(jobs, changes))
            after = max(numbers, default=-1)
        turn = Turn(next(self._numbers), after, jobs, changes, lane)
        for job in jobs:
            self._calls.setdefault((job, changes), {})[turn.number] = turn
        return turn

    def end(self, turn: Turn) -> None:
        """Forget a call that has ended."""
        for key in [(job, turn.changes) for job in turn.jobs]:
            del self._calls[key][turn.number]
            if not self._calls[key]:
                del self._calls[key]
        turn.end()

    def before(self, turns: Iterable[Turn]) -> Turn | None:
        """Return a call under way that one of these may not overtake in its lane, or None.

        It is the last such call, so calls on one job wait for each other in a row.
        """
        for turn in turns:
            # Most calls have found no other on their jobs: these are told without a look.
            if turn.after >= 0 and (last := self._last_before(turn)) is not None:
                return last
        return None

    def _last_before(self, turn: Turn) -> Turn | None:
        for calls in self._rivals(turn.jobs, turn.changes):
            for other in reversed(calls.values()):
                if other.number < turn.number and other.lane == turn.lane:
                    return other
        return None

    def _rivals(self, jobs: frozenset[str], changes: bool) -> Iterator[dict[int, Turn]]:
        """Yield the calls that one on these jobs may not overtake, by job."""
        if ANY in jobs:
            yield from self._calls.values()
            return
        for job in (*jobs, ANY):
            for kind in (True, False) if changes else (True,):
                if calls := self._calls.get((job, kind)):
                    yield calls

    def line_up(self) -> Line:
        """Return the place of a request that is about to ask for a slot.

        trio runs tasks that begin together in any order.
        """
        last = self._last
        self._last = Line(None if last is None or last.is_settled else last)
        return self._last


def jobs_of(function: Function[Any], sent: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of the jobs that a call names. An add and a read of many name no job."""
    names_jobs = function.name.startswith("cron.") and function is not table.CRON_GROUP_EDIT
    if "id" in sent and names_jobs:
        numbers = sent["id"] if isinstance(sent["id"], list) else [sent["id"]]
        return frozenset(map(str, numbers))
    is_harmless = function.repeat is Repeat.READ or function in _ADDS
    return frozenset() if is_harmless else frozenset({ANY})
