"""One request of several callers: who joins, who leaves, who is told what, and in which parts it goes on where it was refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from attrs import define, field

from cronapi._batch.calls import Calls, Ends, Result, all_failed, hopeless, told
from cronapi._calls.options import Seal
from cronapi._coalesce.order import Turn
from cronapi._functions import Function
from cronapi.errors import Applied, CronAPIError

Wire = Mapping[str, Any]
CUT_OFF = Result(error=CronAPIError("The shared request was cut off.", applied=Applied.UNKNOWN))
LATE = Result()
"""What a caller gets whose max_wait is over while nothing that it asked for is on its way."""


@define(eq=False)
class Member:
    """One caller of a shared request; `shared` is the one in which it waits now."""

    wire: Wire
    item: Any
    turn: Turn
    shared: Shared = field(init=False)
    event: anyio.Event = field(factory=anyio.Event)
    result: Result = CUT_OFF
    failure: Exception | None = None
    is_late: bool = False
    """Whether its max_wait is over: it stays only while what it asked for is on its way."""

    def end(self, result: Result) -> None:
        """Tell the caller what became of it."""
        self.result, self.failure = result, result.error
        if result.error is not None:  # a copy of its own, since each raise adds to its traceback
            self.failure = copy.copy(result.error)
            self.failure.__cause__ = result.error.__cause__
        self.event.set()

    def fail(self, error: Exception) -> None:
        """Tell the caller of an error that is none of ours, from its token function for example."""
        self.failure = error
        self.event.set()


@define(eq=False)
class Halved:
    """A batch that was refused and goes on in halves, and how many of its items were accepted in them."""

    size: int
    accepted: int = 0


@define(eq=False)
class Shared:
    """A request that waits for its slot; `sealed` while it has one. `items` are what the members ask for, in their order."""

    calls: Calls
    turn: Turn
    members: list[Member] = field(factory=list)
    items: list[Any] = field(factory=list)
    left: set[Member] = field(factory=set)
    """Members that went away since it was sealed: what they asked for is on its way."""
    sealed: bool = False
    attempts: int = 0
    scope: anyio.CancelScope | None = None
    halved: Halved | None = None
    """What it is a half of."""
    kin: list[Shared] = field(factory=list)
    """All parts of the request that it is a part of."""

    def add(self, member: Member) -> None:
        """Let a caller join."""
        member.shared = self
        self.members.append(member)
        self.items.append(member.item)

    def remove(self, member: Member) -> None:
        """Let a caller go."""
        if not member.event.is_set():
            self.left.add(member)
            self.let_go()

    def let_go(self) -> None:
        """Let those go that leave or are late, unless what they asked for is on its way, and the request with the last."""
        if not self.sealed:
            for member in self.members:
                if member.is_late and member not in self.left:
                    member.end(LATE)
            self.members = [
                member for member in self.members if not (member.is_late or member in self.left)
            ]
            self.items[:] = [
                member.item for member in self.members
            ]  # in place: it is what will be sent
            self.left.clear()
        if len(self.left) == len(self.members) and self.scope is not None:
            self.sealed = True
            self.scope.cancel()

    def seal(self, close: Callable[[list[Any]], tuple[Function[Any], Wire]]) -> Seal:
        """Return what settles the request: `close` says from the items what it asks for."""

        def sealed() -> tuple[Function[Any], Wire]:
            self.sealed = True
            self.attempts += 1
            return close(self.items)

        return Seal(sealed, self.reopen)

    def reopen(self) -> None:
        """The service refused it: callers may join and leave again, and those that left meanwhile take their items along."""
        self.sealed = False
        self.let_go()

    def end(self, ends: Ends) -> list[Shared]:
        """Tell the callers, and return the parts in which the others go on, who may leave again."""
        self.sealed = True
        parts = self._parts(ends)
        for place, member in enumerate(self.members):
            if member.shared is self and not member.event.is_set():
                member.end(ends.told.get(place, CUT_OFF))
        self._learn(ends)
        return parts

    def fail(self, error: Exception) -> None:
        """Tell the callers of an error that is none of ours."""
        self.sealed = True
        for member in self.members:
            member.fail(error)

    def _parts(self, ends: Ends) -> list[Shared]:
        halved = Halved(len(self.items)) if len(ends.parts) > 1 else self.halved
        parts = [
            Shared(self.calls, self.turn, attempts=self.attempts, halved=halved, kin=self.kin)
            for _ in ends.parts
        ]
        for part, places in zip(parts, ends.parts, strict=True):
            for place in places:
                part.add(self.members[place])
            part.left = self.left.intersection(part.members)
            part.let_go()
        self.kin += (parts := [part for part in parts if part.members])
        return parts

    def _learn(self, ends: Ends) -> None:
        """Learn where the size was refused, or that the parts which wait for a slot would fare no better."""
        if self.halved is not None:
            self.halved.accepted += sum(result.error is None for result in ends.told.values())
            if self.halved.accepted == self.halved.size:
                self.calls.batches.learn(self.halved.size)
        error = hopeless(ends.told.values())
        if error is not None:
            for part in self.kin:
                part.give_up(error)

    def give_up(self, error: CronAPIError) -> None:
        """End it with the error of another part, unless it is on its way."""
        if not self.sealed and self.scope is not None:
            self.end(told(all_failed(error, self.members)))
            self.scope.cancel()
