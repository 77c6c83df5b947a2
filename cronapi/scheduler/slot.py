"""The slot that a caller asks for, waits for and holds while its request is under way.

All this is one object, since many callers may wait.
"""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType
from typing import Literal, Protocol, Self

import anyio

from cronapi._protocol.arguments import came, seconds
from cronapi._protocol.not_copied import NotCopied
from cronapi.errors.concerns import setting_error
from cronapi.scheduler.bucket import Bucket
from cronapi.scheduler.pace import Start
from cronapi.scheduler.wake import Sleeper

Lane = Literal["interactive", "bulk"]
LANES: tuple[Lane, ...] = ("interactive", "bulk")


def check_lane(lane: object) -> None:
    """Refuse anything but the name of a lane."""
    if not isinstance(lane, str) or lane not in LANES:
        raise setting_error(f"There is no lane {came(lane)}; the lanes are interactive and bulk.")


class Queue(Protocol):
    """The interface that a slot needs of its queue."""

    bucket: Bucket
    _publishes: bool

    def _seize(self, slot: Slot) -> bool:
        """Grant the slot if it is free and nobody waits."""
        ...

    def _enter(self, slot: Slot) -> Awaitable[None]:
        """Return an awaitable that ends when the slot is granted."""
        ...


class Seats(Protocol):
    """The interface that a slot needs of the line that granted it."""

    in_flight: int
    changed: Sleeper | None

    def leave(self) -> None:
        """Take back a seat."""

    def wake_leader(self) -> None:
        """Wake the leader of the line."""


class Slot(NotCopied):
    """A seat and a start, held from the grant until `close()`.

    `async with` waits for the grant, and closes. Say once how the request fared: `accepted()`,
    `refused()` or `lost()`. From the grant on, `place` is the slot's place in the queue. A refused
    call that asks again with it is first in its lane.

    The other fields belong to the queue. `start` is set from the grant until the slot is told how
    the request fared. `line` is set from the grant until the slot is closed. `gone` is set if the
    slot left the queue without a grant.
    """

    # Every call makes one, and the queue fills it in: by `__init__` that takes a quarter longer.
    __slots__ = ("_queue", "gone", "lane", "line", "max_wait", "place", "sleeper", "start")

    _not_copied = (
        "A slot cannot be pickled or copied: it is one seat of one scheduler. Ask that for another."
    )

    _queue: Queue
    lane: Lane
    max_wait: float | None
    place: int | None
    start: Start | None
    line: Seats | None
    gone: bool
    sleeper: Sleeper | None

    def __lt__(self, other: Slot) -> bool:
        """Order two slots of the same place: the one that has left comes first."""
        return self.gone

    async def __aenter__(self) -> Self:
        if self.place is not None:
            raise setting_error("A slot is entered once; make another.")
        if not self._queue._seize(self):  # noqa: SLF001 -- a slot is part of its queue
            await self._queue._enter(self)  # noqa: SLF001 -- a slot is part of its queue
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        start, line, queue = self.start, self.line, self._queue
        if kind is None and start is not None and line is not None:
            # As `accepted` and `close` do, without the calls: most slots end this way.
            self.start = self.line = None
            try:
                queue.bucket.accepted(start)
            finally:
                line.in_flight -= 1
                if line.changed is not None:
                    line.wake_leader()
        else:
            self.close()
        if queue._publishes:  # noqa: SLF001 -- a slot is part of its queue
            await self.publish()

    @property
    def seated(self) -> bool:
        """True from the grant until the slot is closed."""
        return self.line is not None

    async def ready(self) -> None:
        """Say that the request can go out now, and wait until it may.

        Making a connection may have taken time since the grant.
        """
        if self.start is None:
            return
        bucket = self._queue.bucket
        depart = getattr(bucket, "_depart", None) if bucket.shared else None
        delay = bucket.sent(self.start) if depart is None else await depart(self.start)
        if delay > 0:
            await anyio.sleep(delay)

    def accepted(self) -> None:
        """Say that the service let the request through, with any answer."""
        start, self.start = self.start, None
        if start is not None:
            self._queue.bucket.accepted(start)

    def refused(self, retry_after: float | None = None) -> None:
        """Say that the rate limit refused the request.

        `retry_after` is the wait that the service asked for, in seconds. Nobody waits longer than
        two minutes for it.
        """
        if retry_after is not None:
            seconds("retry_after", retry_after)
        start, self.start = self.start, None
        if start is not None:
            self._queue.bucket.refused(start, retry_after)

    def lost(self) -> None:
        """Say that no answer came."""
        start, self.start = self.start, None
        if start is not None:
            self._queue.bucket.lost(start)

    def release_unused(self) -> None:
        """Leave without having sent a request: the seat and the start stay unused."""
        start, self.start = self.start, None
        try:
            if start is not None:
                self._queue.bucket.release_unused(start)
        finally:
            self.close()

    def close(self) -> None:
        """Free the seat. A request without an outcome counts as lost."""
        try:
            if self.start is not None:
                self.lost()
        finally:
            line, self.line = self.line, None
            if line is not None:
                line.leave()

    async def publish(self) -> None:
        """Tell other processes at once of outcomes that they should not learn late.

        Call it after `close()`. It never raises an error.
        """
        await self._queue.bucket.publish()
