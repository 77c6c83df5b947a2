"""The emulator's rate limit, with a choice of four methods.

The services do not document how they count. Their refusal has nginx's reason phrase ("503 Service
Temporarily Unavailable"), so nginx's `limit_req` is the default. With the two windows, tests can
show that a client keeps to the rate by any method.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import frozen

from cronapi.emulator.checks import is_number, is_whole, shown
from cronapi.emulator.words import LimiterMethod

_REMEMBERED = 100_000
_ONE_REQUEST = 1_000_000
# Ticks are binary fractions: without this, 0.57 s could count as 569 ms.
_ROUNDING = 1e-6


class Meter(Protocol):
    """A method of counting. Refused arrivals do not count."""

    def admit(self, tick: float) -> bool:
        """Return True if an arrival at `tick` is let through. Ticks, in seconds, never go back."""
        ...


class LeakyBucket:
    """nginx's `limit_req` with `nodelay`: integers only, and time in whole milliseconds.

    Source: nginx's `ngx_http_limit_req_lookup`. A refusal changes nothing. If 1/rate is not a whole
    number of milliseconds, the last one is rounded in the caller's favour: requests 1/rate apart
    are always accepted. Requests are counted in millionths, not in nginx's thousandths, because
    rates may be far below 1/s.
    """

    def __init__(self, rate: float, burst: int) -> None:
        """Begin empty; `rate` is in requests per second."""
        self._rate = math.ceil(rate * _ONE_REQUEST)
        self._limit = burst * _ONE_REQUEST + math.ceil(self._rate / 1000)
        self._excess = 0
        self._last: int | None = None

    def admit(self, tick: float) -> bool:
        """Count one arrival."""
        now = math.floor(tick * 1000 + _ROUNDING)
        excess = 0 if self._last is None else self._excess_at(now - self._last)
        if excess >= self._limit:
            return False
        self._excess, self._last = excess, now
        return True

    def _excess_at(self, elapsed: int) -> int:
        drained = -(-self._rate * elapsed // 1000)
        return max(0, self._excess - drained + _ONE_REQUEST)


class NginxBucket:
    """nginx's `limit_req` with `nodelay` to the digit: thousandths of a request and milliseconds.

    Source: nginx's `ngx_http_limit_req_lookup`. If 1/rate is not a whole number of milliseconds,
    requests 1/rate apart are refused: at 3 a second nginx wants 334 ms. Rates are rounded down to
    thousandths.
    """

    def __init__(self, rate: float, burst: int) -> None:
        """Begin empty; `rate` is in requests per second."""
        self._rate = math.floor(rate * 1000 + _ROUNDING)
        self._burst = burst * 1000
        self._excess = 0
        self._last: int | None = None

    def admit(self, tick: float) -> bool:
        """Count one arrival."""
        now = math.floor(tick * 1000 + _ROUNDING)
        excess = 0
        if self._last is not None:
            drained = self._rate * (now - self._last) // 1000
            excess = max(0, self._excess - drained + 1000)
        if excess > self._burst:
            return False
        self._excess, self._last = excess, now
        return True


class SlidingWindow:
    """A fixed number of accepted arrivals in any span of the window's length."""

    def __init__(self, rate: float, burst: int) -> None:
        """Begin empty; `rate` is in requests per second."""
        capacity, self._span = _window(rate)
        self._accepted: deque[float] = deque(maxlen=capacity + burst)

    def admit(self, tick: float) -> bool:
        """Count one arrival."""
        full = len(self._accepted) == self._accepted.maxlen
        if full and tick - self._accepted[0] < self._span - _ROUNDING:
            return False
        self._accepted.append(tick)
        return True


class FixedWindow:
    """A fixed number of accepted arrivals in each window of a grid.

    Up to twice that number is accepted across a boundary.
    """

    def __init__(self, rate: float, burst: int) -> None:
        """Begin empty; `rate` is in requests per second."""
        capacity, self._span = _window(rate)
        self._capacity = capacity + burst
        self._window: int | None = None
        self._count = 0

    def admit(self, tick: float) -> bool:
        """Count one arrival."""
        window = math.floor((tick + _ROUNDING) / self._span)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count >= self._capacity:
            return False
        self._count += 1
        return True


def _window(rate: float) -> tuple[int, float]:
    """Return the capacity of a window, the rate rounded down but at least 1, and its seconds."""
    capacity = max(1, math.floor(rate))
    return capacity, capacity / rate


METERS: Mapping[LimiterMethod, Callable[[float, int], Meter]] = {
    "leaky": LeakyBucket,
    "nginx": NginxBucket,
    "sliding": SlidingWindow,
    "fixed": FixedWindow,
}


@frozen
class Arrival:
    """One counted request: its time in seconds of the clock's `ticks`, its key and the verdict."""

    tick: float
    key: str
    accepted: bool


class Limiter:
    """A rate limit with one meter for each key, and a record of the arrivals.

    `rate` is in requests per second, and `None` lets everything through. `burst` requests may come
    early. `method` is one of `leaky`, `nginx`, `sliding`, `fixed`. Raises `ValueError` for an
    unknown method or a number out of range. `accepted` and `refused` count since the start, and
    `arrivals` holds the last 100,000 of both.
    """

    def __init__(
        self, rate: float | None, *, burst: int = 0, method: LimiterMethod = "leaky"
    ) -> None:
        """Begin with nothing counted."""
        if rate is not None and not (is_number(rate) and rate > 0):
            raise ValueError(
                "a rate must be a positive number of requests per second, or None, "
                f"not {shown(rate)}"
            )
        if not is_whole(burst, 0):
            raise ValueError(f"a burst must be 0 or more requests, not {shown(burst)}")
        if not isinstance(method, str) or method not in METERS:
            raise ValueError(f"unknown limiter {shown(method)}; known: {', '.join(sorted(METERS))}")
        self.rate: float | None = rate
        self.burst: int = burst
        self.method: LimiterMethod = method
        self.accepted: int = 0
        self.refused: int = 0
        self.arrivals: deque[Arrival] = deque(maxlen=_REMEMBERED)
        self._meters: dict[str, Meter] = {}

    def admit(self, key: str, tick: float) -> bool:
        """Count an arrival under `key` at `tick` seconds, and return True if it is let through."""
        accepted = self.rate is None or self._meter(key, self.rate).admit(tick)
        self.arrivals.append(Arrival(tick, key, accepted))
        self.accepted += accepted
        self.refused += not accepted
        return accepted

    def accepted_ticks(self) -> list[float]:
        """Return the ticks of the recorded accepted arrivals, in order of arrival."""
        return [arrival.tick for arrival in self.arrivals if arrival.accepted]

    def _meter(self, key: str, rate: float) -> Meter:
        if key not in self._meters:
            self._meters[key] = METERS[self.method](rate, self.burst)
        return self._meters[key]
