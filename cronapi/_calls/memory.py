"""What a client has seen: the ids of jobs and groups, and since when for as long as a call under way may ask."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

MOST_DIGITS = 18
"""Of an id: what is longer is none, and would not fit into eight bytes."""
FEW_RUNS = 1000
"""Runs that are remembered before those are forgotten whose time has come."""


class Ids:
    """A set of ids: 16 bytes for each stretch of neighbours, since services hand them out in order."""

    def __init__(self) -> None:
        self._edges = array("q")
        """Where a stretch begins and where the gap behind it does, by turns."""

    def __contains__(self, number: int) -> bool:
        return bisect_right(self._edges, number) % 2 == 1

    def add(self, number: int) -> None:
        """Put an id in, unless it is too long to be one."""
        if 0 <= number < 10**MOST_DIGITS:
            self._cut(number, inside=True)

    def discard(self, number: int) -> None:
        """Take an id out if it is in."""
        self._cut(number, inside=False)

    def _cut(self, number: int, *, inside: bool) -> None:
        first, last = bisect_left(self._edges, number), bisect_right(self._edges, number + 1)
        edges = [number] * (first % 2 != inside) + [number + 1] * (last % 2 != inside)
        self._edges[first:last] = array("q", edges)


@define
class Memory:
    """The ids that a client has seen, and since when; what was seen before a create was sent is not what it made.

    When is kept only for what was seen since the oldest moment that was not let go of: all moments to come are later than the rest.
    """

    _made: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    """By what they number, like those that follow: ids that a create of this client made."""
    _orphans: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    """Those of them that nobody was told of, because the caller had gone away."""
    _old: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    _gone: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    """Ids of what was deleted or found missing; they stay among the seen ones, since a late listing may still show them."""
    _recent: OrderedDict[tuple[str, int], int] = field(factory=OrderedDict)
    """When an id was first seen, in this order."""
    _held: set[int] = field(factory=set)
    _count: int = 0
    _runs: set[tuple[str, int]] = field(factory=set)
    _most_runs: int = FEW_RUNS

    def now(self) -> int:
        """Return a moment, above 0, which is asked about until it is let go of; ids that are learnt later are later than it."""
        self._count += 1
        self._held.add(self._count)
        self._settle(min(self._held))
        return self._count

    def let_go(self, moment: int) -> None:
        """Ask no more about a moment; 0 is none."""
        self._held.discard(moment)

    def _settle(self, oldest: int) -> None:
        while self._recent and next(iter(self._recent.values())) < oldest:
            (target, number), _ = self._recent.popitem(last=False)
            self._old[target].add(number)

    def see(self, target: str, numbers: Iterable[int]) -> None:
        """Take note of ids in an answer."""
        for number in numbers:
            if not self._has_seen(target, number):
                self._recent[target, number] = self._count

    def know(self, target: str, numbers: Iterable[int]) -> None:
        """Take note of ids that were there before anything was sent."""
        for number in numbers:
            if not self._has_seen(target, number):
                self._old[target].add(number)

    def _has_seen(self, target: str, number: int) -> bool:
        return (
            number in self._old[target]
            or number in self._made[target]
            or (target, number) in self._recent
        )

    def claim(self, target: str, numbers: Iterable[int]) -> None:
        """Take note of ids that belong to creates whose outcome is settled."""
        for number in numbers:
            self._made[target].add(number)
            self._orphans[target].discard(number)
            self._recent.pop((target, number), None)

    def disown(self, target: str, numbers: Iterable[int]) -> None:
        """Take note that nobody was told of these that were made."""
        for number in numbers:
            self._orphans[target].add(number)

    def lose(self, target: str, numbers: Iterable[int]) -> None:
        """Take note of what is not there any more."""
        for number in numbers:
            self._gone[target].add(number)

    def was_there(self, target: str, number: int) -> bool:
        """Whether it was there as far as this client knows: seen, and not found missing since."""
        return self._has_seen(target, number) and number not in self._gone[target]

    def is_told(self, target: str, number: int) -> bool:
        """Whether a create of this client made it and its caller knows."""
        return number in self._made[target] and number not in self._orphans[target]

    def is_older(self, target: str, number: int, moment: int) -> bool:
        """Whether the id was there before a moment that is held, or belongs to another create."""
        if number in self._made[target] or number in self._old[target]:
            return True
        return self._recent.get((target, number), moment) < moment

    def note_run(self, sent: Mapping[str, Any]) -> None:
        """Take note of a run that was asked for; one whose time has come is not looked up any more."""
        if len(self._runs) >= self._most_runs:
            now = time.time()
            self._runs = {(job, at) for job, at in self._runs if at > now}
            self._most_runs = max(FEW_RUNS, 2 * len(self._runs))
        self._runs.add(run_key(sent))

    def is_run(self, key: tuple[str, int]) -> bool:
        """Whether another call of this client asked for this run."""
        return key in self._runs


def run_key(sent: Mapping[str, Any]) -> tuple[str, int]:
    """Return what names a run that was asked for: its job and its time."""
    at = str(sent.get("time", ""))
    return str(sent.get("id")), int(at) if at.isdecimal() else 0
