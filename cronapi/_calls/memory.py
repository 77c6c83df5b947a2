"""The ids that a client has seen, and since when.

A job that was seen before a create was sent is not the one that it made.
"""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, KeysView, Mapping
from functools import lru_cache
from typing import Any, TypeGuard

from attrs import define, field

from cronapi._functions import TABLE, Repeat
from cronapi._protocol.ids import MOST_DIGITS

FEW_RUNS = 1000
"""Runs that are remembered before those whose time has come are forgotten."""
MOST_SAMPLES = 64
"""Creates that are remembered with their name and URL, to see in a listing how they are kept."""
MOST_LOST = 1000
"""Creates that are remembered by their keys after their answer was lost."""
_LEAST_TOO_LONG: int = 10**MOST_DIGITS
_ID = re.compile(f"[0-9]{{1,{MOST_DIGITS}}}")
_CREATES = frozenset(row.name for row in TABLE.values() if row.repeat is Repeat.CREATE)
_DELETES = frozenset(row.name for row in TABLE.values() if row.repeat is Repeat.GONE)
_EDITS = frozenset({"cron.edit", "cron.batch_edit", "cron.group_edit", "group.edit"})
_WITHOUT_IDS = frozenset({"cron.run", "cron.next", "cron.logs", "cron.failures"})


class Ids:
    """A set of ids, at 16 bytes for each run of neighbours. Services number in order."""

    def __init__(self) -> None:
        self._edges = array("q")
        """The first id of a run and the first id after it, in turn."""

    def __contains__(self, number: int) -> bool:
        return bisect_right(self._edges, number) % 2 == 1

    def add(self, number: int) -> None:
        """Add an id, unless it is too long to be one."""
        if 0 <= number < _LEAST_TOO_LONG:
            self._cut(number, inside=True)

    def discard(self, number: int) -> None:
        """Remove an id if it is there."""
        if number in self:
            self._cut(number, inside=False)

    def _cut(self, number: int, *, inside: bool) -> None:
        first, last = bisect_left(self._edges, number), bisect_right(self._edges, number + 1)
        edges = [number] * (first % 2 != inside) + [number + 1] * (last % 2 != inside)
        self._edges[first:last] = array("q", edges)


@define
class Memory:
    """The ids that one client has seen, by target (`cron` or `group`).

    Creates ask which ids were seen before they were sent. An epoch is the time of such a send: a
    counter, held until its create has ended. When an id was first seen is remembered only while an
    older epoch is held; later epochs come after everything else.
    """

    _made: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    """Ids made by creates of this client."""
    _unreported: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    """Ids of those that no caller was told, because the caller had gone away."""
    _old: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    """Ids seen before every epoch that is held."""
    _gone: defaultdict[str, Ids] = field(factory=lambda: defaultdict(Ids))
    """Ids that were deleted or found missing. They stay seen: a late listing may show them."""
    _recent: OrderedDict[tuple[str, int], int] = field(factory=OrderedDict)
    """The epoch in which an id was first seen, oldest first."""
    _held: set[int] = field(factory=set)
    _count: int = 0
    _samples: OrderedDict[tuple[str, int], Mapping[str, Any]] = field(factory=OrderedDict)
    """Name and URL of the latest creates, as they were sent, by target and id."""
    _lost: OrderedDict[tuple[str, ...], None] = field(factory=OrderedDict)
    losses: int = 0
    """How often something was learnt to be gone."""
    _runs: set[tuple[str, int]] = field(factory=set)
    _most_runs: int = FEW_RUNS

    def new_epoch(self) -> int:
        """Begin an epoch, above 0, and hold it until it is released."""
        self._count += 1
        self._held.add(self._count)
        self._settle(min(self._held))
        return self._count

    def release(self, epoch: int) -> None:
        """Stop holding an epoch. 0 is no epoch."""
        self._held.discard(epoch)

    def _settle(self, oldest: int) -> None:
        while self._recent and next(iter(self._recent.values())) < oldest:
            (target, number), _ = self._recent.popitem(last=False)
            self._old[target].add(number)

    def see(self, target: str, numbers: Iterable[int]) -> None:
        """Remember the ids of an answer."""
        for number in numbers:
            if not self.has_seen(target, number):
                self._recent[target, number] = self._count

    def see_earlier(self, target: str, numbers: Iterable[int]) -> None:
        """Remember ids that were there before anything was sent."""
        for number in numbers:
            if not self.has_seen(target, number):
                self._old[target].add(number)

    def has_seen(self, target: str, number: int) -> bool:
        """Return True if this client has ever seen the id."""
        return (
            number in self._old[target]
            or number in self._made[target]
            or (target, number) in self._recent
        )

    def mark_created(self, target: str, numbers: Iterable[int]) -> None:
        """Remember ids that belong to creates with a known outcome."""
        for number in numbers:
            self._made[target].add(number)
            self._unreported[target].discard(number)
            self._recent.pop((target, number), None)

    def mark_unreported(self, target: str, numbers: Iterable[int]) -> None:
        """Remember created ids that no caller was told."""
        for number in numbers:
            self._unreported[target].add(number)

    def mark_gone(self, target: str, numbers: Iterable[int]) -> None:
        """Remember ids that are no longer there."""
        self.losses += 1
        for number in numbers:
            self._gone[target].add(number)

    def remember_sent(self, target: str, number: int, sent: Mapping[str, Any]) -> None:
        """Remember the name and the URL that a create has sent."""
        self._samples[target, number] = {"name": sent.get("name"), "url": sent.get("url")}
        if len(self._samples) > MOST_SAMPLES:
            self._samples.popitem(last=False)

    def forget_sent(self, target: str, number: int) -> None:
        """Forget the texts of a create, since they were changed."""
        self._samples.pop((target, number), None)

    def sent_for(self, target: str, number: int) -> Mapping[str, Any] | None:
        """Return the name and the URL that were sent for an id, None if that is not remembered."""
        return self._samples.get((target, number))

    def remember_lost(self, keys: Iterable[tuple[str, ...]]) -> None:
        """Remember the keys under which a lookup would find a create whose answer was lost."""
        self._lost.update(dict.fromkeys(keys))
        while len(self._lost) > MOST_LOST:
            self._lost.popitem(last=False)

    @property
    def lost(self) -> KeysView[tuple[str, ...]]:
        """The keys of the latest creates whose answer was lost."""
        return self._lost.keys()

    def was_there(self, target: str, number: int) -> bool:
        """Return True if this client has seen the id and has not found it missing since."""
        return self.has_seen(target, number) and number not in self._gone[target]

    def is_reported(self, target: str, number: int) -> bool:
        """Return True if a create of this client made it and told its caller."""
        return number in self._made[target] and number not in self._unreported[target]

    def is_older(self, target: str, number: int, epoch: int) -> bool:
        """Return True if the id was seen before a held epoch, or belongs to another create."""
        if number in self._made[target] or number in self._old[target]:
            return True
        return self._recent.get((target, number), epoch) < epoch

    def note_run(self, sent: Mapping[str, Any]) -> None:
        """Remember a run that was asked for. Runs whose time has come are forgotten one day."""
        if len(self._runs) >= self._most_runs:
            now = time.time()
            self._runs = {(job, at) for job, at in self._runs if at > now}
            self._most_runs = max(FEW_RUNS, 2 * len(self._runs))
        self._runs.add(run_key(sent))

    def is_known_run(self, key: tuple[str, int]) -> bool:
        """Return True if another call of this client asked for this run."""
        return key in self._runs


def run_key(sent: Mapping[str, Any]) -> tuple[str, int]:
    """Return the job and the time that name a run."""
    at = str(sent.get("time", ""))
    return str(sent.get("id")), int(at) if at.isdecimal() else 0


@lru_cache
def target_of(function: str) -> str | None:
    """Return the target that the ids in a function's answer belong to: `cron`, `group` or None."""
    if function in _WITHOUT_IDS:
        return None
    if function == "group.items":
        return "cron"
    target = function.partition(".")[0]
    return target if target in ("cron", "group") else None


def ids_of(data: object) -> list[int]:
    """Return the ids of the rows in an answer, skipping rows without one."""
    rows = data if isinstance(data, list) else [data]
    return [
        int(number) for row in rows if isinstance(row, dict) and _is_id(number := row.get("id"))
    ]


def ids_asked(sent: Mapping[str, Any]) -> list[int]:
    """Return the ids that a call names."""
    asked = sent.get("id")
    numbers = asked if isinstance(asked, list) else [asked]
    return [int(number) for number in numbers if _is_id(number)]


def _is_id(number: object) -> TypeGuard[int | str]:
    if type(number) is int:  # as most are, and arithmetic takes a tenth of the time
        return 0 <= number < _LEAST_TOO_LONG
    return isinstance(number, int | str) and _ID.fullmatch(str(number)) is not None


def learn(memory: Memory, function: str, data: object, sent: Mapping[str, Any]) -> None:
    """Remember the ids in the answer to a call."""
    if function == "cron.run":
        memory.note_run(sent)
    target, numbers = target_of(function), ids_of(data)
    if target is not None and function in _CREATES:
        memory.mark_created(target, numbers)
        specs = sent.get("data") if function == "cron.batch_add" else [sent]
        for number, spec in zip(numbers, specs if isinstance(specs, list) else (), strict=False):
            if len(numbers) == len(specs or ()) and isinstance(spec, Mapping):
                memory.remember_sent(target, number, spec)
    elif target is not None:
        memory.see(target, numbers)
        for number in numbers if function in _EDITS else ():
            memory.forget_sent(target, number)
    if function in _DELETES:
        learn_gone(memory, function, sent)


def learn_gone(memory: Memory, function: str, sent: Mapping[str, Any]) -> None:
    """Remember that the ids that a call named are no longer there."""
    memory.mark_gone(str(target_of(function)), ids_asked(sent))


def learn_unreported(memory: Memory, function: str, data: object) -> None:
    """Remember that no caller was told of the jobs or groups that a create made."""
    if function in _CREATES and (target := target_of(function)) is not None:
        memory.mark_unreported(target, ids_of(data))
