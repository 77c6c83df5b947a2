"""The demo's result: the traffic as the emulator's limiter counted it, and the verdict."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from attrs import frozen

from cronapi.emulator.limiter import Arrival

PERCENT = 100


@frozen
class Traffic:
    """The requests that arrived at a service.

    `seconds` is the time from the first to the last, and `rate` is in accepted requests a second.
    """

    requests: int
    refused: int
    seconds: float
    rate: float

    @property
    def refused_share(self) -> float:
        """Refused requests in per cent of all."""
        return PERCENT * self.refused / self.requests if self.requests else 0.0


@frozen(kw_only=True)
class ServiceReport:
    """The result at one service.

    `allowed` is in requests a second, and `waits` has the seconds of the web caller's answered
    calls.
    """

    name: str
    coroutines: int
    calls: int
    jobs: int
    traffic: Traffic
    allowed: float
    lost: int
    duplicated: int
    waits: tuple[float, ...]
    turned_away: int
    errors: tuple[str, ...]

    @property
    def share(self) -> float:
        """The rate reached in per cent of the rate allowed."""
        return PERCENT * self.traffic.rate / self.allowed

    @property
    def sound(self) -> bool:
        """True if no call failed and every job and group exists once."""
        return not (self.lost or self.duplicated or self.errors)


def traffic(arrivals: Iterable[Arrival], began: float, ended: float) -> Traffic:
    """Sum up the arrivals from `began` to `ended`, in ticks of the emulator's clock.

    The rate is that of accepted requests from the first arrival to the last: n requests span n - 1
    intervals.
    """
    seen = [arrival for arrival in arrivals if began <= arrival.tick <= ended]
    accepted = sum(arrival.accepted for arrival in seen)
    seconds = seen[-1].tick - seen[0].tick if seen else 0.0
    rate = (accepted - 1) / seconds if seconds else 0.0
    return Traffic(len(seen), len(seen) - accepted, seconds, rate)


def rows(report: ServiceReport) -> list[tuple[str, str]]:
    """Return the rows of the table for one service."""
    seen = report.traffic
    return [
        ("coroutines", f"{report.coroutines} + 1 for the web"),
        ("calls answered", f"{report.calls}"),
        ("jobs at the end", f"{report.jobs}"),
        ("seconds", f"{seen.seconds:.1f}"),
        ("rate reached", f"{seen.rate:.2f}/s"),
        ("rate allowed", f"{report.allowed:g}/s"),
        ("share", f"{report.share:.1f} %"),
        ("503s of requests", f"{seen.refused} of {seen.requests} ({seen.refused_share:.1f} %)"),
        ("lost", f"{report.lost}"),
        ("duplicated", f"{report.duplicated}"),
        ("web: answered", f"{len(report.waits)}{_median(report.waits)}"),
        ("web: told to come back", f"{report.turned_away}"),
    ]


def _median(waits: tuple[float, ...]) -> str:
    return f" (median {statistics.median(waits):.2f} s)" if waits else ""
