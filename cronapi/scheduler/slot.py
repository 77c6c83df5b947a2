"""What a caller holds while its request is under way."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from cronapi.scheduler.bucket import Bucket
from cronapi.scheduler.pace import Start


class Slot:
    """A seat and a start, held from the grant until `close()`.

    Say how the request fared, once: `accepted()`, `refused()` or `lost()`. `place` is the slot's place in the queue: a refused call
    that asks again with it is first in its lane.
    """

    __slots__ = ("_bucket", "_leave", "_open", "_settled", "_start", "place")

    def __init__(self, bucket: Bucket, start: Start, place: int, leave: Callable[[], None]) -> None:
        self.place: int = place
        self._bucket = bucket
        self._leave = leave
        self._start = start
        self._settled = False
        self._open = True

    async def ready(self) -> None:
        """Say that the request can go out now, where making a connection took time since the grant, and wait until it may."""
        delay = 0.0 if self._settled else self._bucket.sent(self._start)
        if delay > 0:
            await anyio.sleep(delay)

    def accepted(self) -> None:
        """Say that the service let the request through, whatever it answered."""
        if self._settle():
            self._bucket.accepted(self._start)

    def refused(self, retry_after: float | None = None) -> None:
        """Say that the rate limit refused the request; `retry_after` is what the service asked for, in seconds."""
        if self._settle():
            self._bucket.refused(self._start, retry_after)

    def lost(self) -> None:
        """Say that no answer came."""
        if self._settle():
            self._bucket.lost(self._start)

    def give_back(self) -> None:
        """Leave without having sent anything: neither the seat nor the start is used."""
        if self._settle():
            self._bucket.give_back(self._start)
        self.close()

    def close(self) -> None:
        """Free the seat; a request that nothing was said of counts as lost."""
        self.lost()
        if self._open:
            self._open = False
            self._leave()

    async def publish(self) -> None:
        """Tell others at once what they should not learn late; for after `close()`, and never an error."""
        await self._bucket.publish()

    def _settle(self) -> bool:
        unsettled, self._settled = not self._settled, True
        return unsettled
