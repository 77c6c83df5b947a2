"""The emulator's clocks: Unix seconds for the services, monotonic seconds for the limiter."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import frozen

from cronapi.emulator.checks import is_number, shown

_FASTEST = 1_000_000


def _checked_span(seconds: float) -> float:
    if not (is_number(seconds) and seconds >= 0):
        raise ValueError(
            "a clock can only be advanced by a finite, non-negative number of seconds, "
            f"not {shown(seconds)}"
        )
    return seconds


def _system_time() -> float:
    # Looked up at each call: tools that stop the time in tests put another function there.
    return time.time()


@frozen(kw_only=True)
class Clock:
    """Two readings of time, each from a callable.

    `now` gives Unix seconds, and the services use it for due runs and the ends of pauses. By
    default it follows freezegun and time-machine. `ticks` gives monotonic seconds, which these do
    not stop, and only the limiter and the lag of lists use it. `Clock(ticks=anyio.current_time)`
    counts in the time of the running event loop, virtual time included. Raises `ValueError` for
    anything that cannot be called.
    """

    _now: Callable[[], float] = _system_time
    _ticks: Callable[[], float] = time.monotonic

    def __attrs_post_init__(self) -> None:
        """Check the readings."""
        if not (callable(self._now) and callable(self._ticks)):
            raise ValueError("a clock takes functions that return seconds")  # noqa: TRY004 -- documented

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._now()

    def ticks(self) -> float:
        """Return monotonic seconds since an unspecified origin."""
        return self._ticks()


class ManualClock:
    """A clock that stands still until it is advanced.

    `start` is in Unix seconds. Both readings move together, and `ticks` begins at 0. It has the
    methods of `Clock` and is accepted in place of one.
    """

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        """Stand still at `start` Unix seconds, or raise `ValueError` for anything else."""
        if not is_number(start):
            raise ValueError(f"a clock starts at Unix seconds, not {shown(start)}")
        self._start = start
        self._elapsed = 0.0

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._start + self._elapsed

    def ticks(self) -> float:
        """Return the seconds advanced so far."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move both readings forward.

        Raises `ValueError` for a negative or non-finite span.
        """
        self._elapsed += _checked_span(seconds)


class MovableClock:
    """A clock that runs, at any pace or not at all, and can be moved forward.

    `start` is in Unix seconds, and `None` begins with the time of `now`. `scale` are emulated
    seconds by real second, and 0 stands still. A scale of 1 without a start follows `now`, and by
    default with it freezegun and time-machine. `ticks` are real seconds: the rate limit keeps its
    pace. Raises `ValueError` for a number out of range.
    """

    def __init__(
        self,
        start: float | None = None,
        *,
        scale: float = 1.0,
        now: Callable[[], float] = _system_time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to run."""
        if not (callable(now) and callable(ticks)):
            raise ValueError("a clock takes functions that return seconds")  # noqa: TRY004 -- documented
        if start is not None and not is_number(start):
            raise ValueError(f"a clock starts at Unix seconds, not {shown(start)}")
        self._source, self._ticks = now, ticks
        self._origin, self._scale = 0.0, 1.0
        self.set_scale(scale)
        if start is not None:
            self._origin = start - now() * scale

    @property
    def scale(self) -> float:
        """The emulated seconds by real second."""
        return self._scale

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._origin + self._source() * self._scale

    def ticks(self) -> float:
        """Return monotonic seconds since an unspecified origin."""
        return self._ticks()

    def set_scale(self, scale: float) -> None:
        """Run at another pace from now on. 0 stands still."""
        if not (is_number(scale) and 0 <= scale <= _FASTEST):
            raise ValueError(f"scale must be from 0 to {_FASTEST}, not {shown(scale)}")
        if scale != self._scale:
            source = self._source()
            self._origin = self._origin + source * self._scale - source * scale
            self._scale = scale

    def advance(self, seconds: float) -> None:
        """Move the time forward.

        Raises `ValueError` for a negative or non-finite span.
        """
        self._origin += _checked_span(seconds)
