"""How far a request has come, and how long the latest answers took."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cronapi.scheduler import Slot

MOST_ROUND_TRIPS = 31


class Progress:
    """How far a request has come, as the transport traces it. Its slot's turn comes at the end."""

    def __init__(self, slot: Slot, clock: Callable[[], float]) -> None:
        self._slot = slot
        self._clock = clock
        self.began: float = clock()
        self.is_connecting = False
        """True while a connection is being made, and no byte of any request was sent."""
        self._is_sent = False

    @property
    def seconds(self) -> float:
        """The seconds since it went out."""
        return self._clock() - self.began

    async def __call__(self, event: str, _: object) -> None:
        """Learn of a step, such as `connection.connect_tcp.started`."""
        if event.endswith("send_request_headers.started"):
            self.is_connecting, self._is_sent = False, True
            await self._slot.ready()
            self.began = self._clock()
        elif "connect_" in event:
            self.is_connecting = not self._is_sent


class RoundTrips:
    """The times of the latest answers, in seconds."""

    def __init__(self, quick: float) -> None:
        self._quick = quick
        self._latest: deque[float] = deque(maxlen=MOST_ROUND_TRIPS)

    def was_quick(self, seconds: float) -> bool:
        """Return True if an answer came in less than twice the usual time of those before.

        A quarter of the latest answers came sooner. The median would be misled by a busy machine,
        on which most answers are late.
        """
        usual = sorted(self._latest)[len(self._latest) // 4] if self._latest else 0.0
        return seconds <= max(self._quick, 2 * usual)

    def note(self, seconds: float) -> None:
        """Remember the time of an answer."""
        self._latest.append(seconds)
