"""The order of calls on one job: who goes with calls that were asked for before must overtake none that came between."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio
from attrs import field, frozen

from cronapi import _functions as table
from cronapi._functions import Function, Repeat

EVERY = "*"
"""What a change concerns that does not name its jobs, of a group for example: any of them."""
_ADDS = (table.CRON_ADD, table.CRON_BATCH_ADD, table.GROUP_ADD)


@frozen
class Turn:
    """The place of a call among all of its client, and that of the last one which it must not overtake."""

    number: int
    after: int

    def may_join(self, first: Turn) -> bool:
        """Whether it overtakes nobody when it is sent with a call that was asked for earlier."""
        return self.after < first.number


@frozen(eq=False)
class Line:
    """A request that lines up for its place in the queue, which it may do in a task that has not begun yet."""

    before: anyio.Event | None
    behind: anyio.Event = field(factory=anyio.Event)

    async def move_up(self) -> None:
        """Wait until those that lined up before have gone on, each to its place in the queue."""
        try:
            if self.before is not None and not self.before.is_set():
                await self.before.wait()
        finally:
            self.behind.set()


class Order:
    """The calls of one client that have not ended."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._last: Line | None = None
        self._calls: dict[tuple[str, bool], dict[int, None]] = {}
        """Their numbers, which grow, by what they concern and whether they change it."""

    @contextmanager
    def turn(self, row: Function[Any], wire: Mapping[str, Any]) -> Iterator[Turn]:
        """Count a call until it has ended; reads may overtake reads, and nothing else what concerns the same job."""
        jobs, changes = jobs_of(row, wire), row.repeat is not Repeat.READ
        rivals = itertools.product((*jobs, EVERY), (True, False) if changes else (True,))
        after = max(
            (next(reversed(self._calls[rival])) for rival in rivals if rival in self._calls),
            default=-1,
        )
        turn = Turn(next(self._numbers), after)
        for job in jobs:
            self._calls.setdefault((job, changes), {})[turn.number] = None
        try:
            yield turn
        finally:
            for job in jobs:
                self._end((job, changes), turn)

    def line_up(self) -> Line:
        """Return what a request waits for before it asks for a slot: trio runs tasks that begin together in any order."""
        self._last = Line(None if self._last is None else self._last.behind)
        return self._last

    def _end(self, key: tuple[str, bool], turn: Turn) -> None:
        del self._calls[key][turn.number]
        if not self._calls[key]:
            del self._calls[key]


def jobs_of(row: Function[Any], wire: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of the jobs that a call is about; none of an add or of a read of many."""
    if "id" in wire and row.name.startswith("cron.") and row is not table.CRON_GROUP_EDIT:
        return frozenset(
            str(number) for number in (wire["id"] if isinstance(wire["id"], list) else [wire["id"]])
        )
    return frozenset() if row.repeat is Repeat.READ or row in _ADDS else frozenset({EVERY})
