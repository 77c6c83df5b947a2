"""One request of several callers: they join, they leave, and each gets its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
from attrs import define, field

from cronapi._batch.calls import Calls
from cronapi._batch.results import BatchResult, Result, all_failed, first_fatal, settled
from cronapi._calls.options import DeferredRequest
from cronapi._coalesce.order import Line, Order, Turn
from cronapi._functions import Function
from cronapi._protocol.facts import copied
from cronapi.errors import Applied, CronAPIError
from cronapi.scheduler.wake import Sleeper

Sent = Mapping[str, Any]
CUT_OFF = Result(error=CronAPIError("The shared request was cut off.", applied=Applied.UNKNOWN))
LATE = Result()
"""The result of a caller whose max_wait is over before its item was sent."""


@define(eq=False)
class Member:
    """One caller of a shared request. `shared` is the request in which it waits now."""

    sent: Sent = field(repr=False)
    item: Any = field(repr=False)
    turn: Turn
    shared: Shared = field(init=False)
    has_ended: bool = False
    result: Result = CUT_OFF
    failure: Exception | None = None
    is_late: bool = False
    """True once its max_wait is over. It stays only while its item is being carried out."""
    _sleeper: Sleeper = field(factory=Sleeper)

    async def ended(self) -> None:
        """Wait until the caller has its result."""
        if not self.has_ended:
            await self._sleeper.until_woken()

    def end(self, result: Result) -> None:
        """Give the caller its result."""
        self.result, self.failure = result, result.error and copied(result.error)
        self.has_ended = True
        self._sleeper.wake()

    def fail(self, error: Exception) -> None:
        """Give the caller a foreign error, from its token function for example."""
        self.failure, self.has_ended = error, True
        self._sleeper.wake()


@define(eq=False)
class Halved:
    """A batch that was refused and goes on in halves, with the number of items accepted since."""

    size: int
    accepted: int = 0


@define(eq=False)
class Shared:
    """A request that waits for its slot. `items` are the items of its members, in their order."""

    calls: Calls
    turn: Turn
    order: Order
    members: list[Member] = field(factory=list)
    items: list[Any] = field(factory=list, repr=False)
    left: set[Member] = field(factory=set)
    """Members that went away after it was built: their items are being carried out."""
    built: bool = False
    """True while the request has a slot. Then callers neither join nor take their items along."""
    attempts: int = 0
    scope: anyio.CancelScope | None = None
    line: Line | None = None
    halved: Halved | None = None
    """The batch that it is a half of."""
    kin: list[Shared] = field(factory=list)
    """All parts of the request that it is a part of."""
    _outlasting: anyio.CancelScope | None = None
    """Open while it waits for an earlier call of one of its members."""

    def add(self, member: Member) -> None:
        """Let a caller join."""
        member.shared = self
        self.members.append(member)
        self.items.append(member.item)

    def remove(self, member: Member) -> None:
        """Let a caller leave."""
        if not member.has_ended:
            self.left.add(member)
            self.drop()

    def drop(self) -> None:
        """Drop the members that leave or are late, unless their items are being carried out.

        The request ends with its last member.
        """
        if not self.built:
            for member in self.members:
                if member.is_late and member not in self.left:
                    member.end(LATE)
            self.members = [
                member for member in self.members if not (member.is_late or member in self.left)
            ]
            # In place: the request will be built from this list.
            self.items[:] = [member.item for member in self.members]
            self.left.clear()
            if self._outlasting is not None:
                self._outlasting.cancel()  # what it waits for may have concerned those alone
        if len(self.left) == len(self.members) and self.scope is not None:
            self.built = True
            self.scope.cancel()

    def deferred(self, build: Callable[[list[Any]], tuple[Function[Any], Sent]]) -> DeferredRequest:
        """Return the request, built from the items when it has a slot."""

        def build_now() -> tuple[Function[Any], Sent]:
            self.built = True
            self.attempts += 1
            return build(self.items)

        return DeferredRequest(build_now, self.release, self._before)

    def _before(self) -> Shared | None:
        return self if self._earlier() is not None else None

    def _earlier(self) -> Turn | None:
        return self.order.before([member.turn for member in self.members])

    async def ended(self) -> None:
        """Wait until an earlier call of a member has ended, or members have left."""
        earlier = self._earlier()
        if earlier is not None:
            with anyio.CancelScope() as self._outlasting:
                await earlier.ended()

    def release(self) -> None:
        """Open it again after a refusal. Members that left meanwhile take their items along."""
        self.built = False
        self.drop()

    def end(self, result: BatchResult) -> list[Shared]:
        """Give the members their results, and return the parts in which the others go on.

        Members of a part may leave again.
        """
        self.built = True
        parts = self._parts(result) if result.parts else []
        for index, member in enumerate(self.members):
            if member.shared is self and not member.has_ended:
                member.end(result.settled.get(index, CUT_OFF))
        self._learn(result)
        return parts

    def fail(self, error: Exception) -> None:
        """Give the members a foreign error."""
        self.built = True
        for member in self.members:
            member.fail(error)

    def _parts(self, result: BatchResult) -> list[Shared]:
        halved = Halved(len(self.items)) if len(result.parts) > 1 else self.halved
        parts = [
            Shared(
                self.calls,
                self.turn,
                self.order,
                attempts=self.attempts,
                halved=halved,
                kin=self.kin,
            )
            for _ in result.parts
        ]
        for part, indexes in zip(parts, result.parts, strict=True):
            for index in indexes:
                part.add(self.members[index])
            part.left = self.left.intersection(part.members)
            part.drop()
        self.kin += (parts := [part for part in parts if part.members])
        return parts

    def _learn(self, result: BatchResult) -> None:
        """Learn if the size was refused, and give up waiting parts that would fare no better."""
        if self.halved is not None:
            accepted = sum(one.error is None for one in result.settled.values())
            self.halved.accepted += accepted
            if self.halved.accepted == self.halved.size:
                self.calls.limits.learn(self.halved.size)
        if self.kin and (error := first_fatal(result.settled.values())) is not None:
            for part in self.kin:
                part.give_up(error)

    def give_up(self, error: CronAPIError) -> None:
        """End it with the error of another part, unless it is being carried out."""
        if not self.built and self.scope is not None:
            self.end(settled(all_failed(error, self.members)))
            self.scope.cancel()
