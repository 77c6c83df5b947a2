"""Estimate the seconds that the rest of a bulk takes.

At first the rate limit decides, then more and more the speed that was observed. The functions are
pure: time is an argument.
"""

from __future__ import annotations

from attrs import evolve, frozen

from cronapi._calls.lookup import LOOKS

_TRUST = 5
"""Requests at the rate limit that count beside the observed ones.

Two answers that happen to come together say little.
"""


@frozen
class Speed:
    """The observed speed of a bulk.

    The first whole request ended at `since`, and `requests` more ended in the `seconds` after it.
    `rest` requests are left.
    """

    rest: float
    since: float | None = None
    requests: float = 0
    seconds: float = 0.0


def observe(speed: Speed, rest: float, now: float) -> Speed:
    """Return the speed after an observation: `rest` requests are left.

    Only the end of a whole request tells something about the speed, one outcome of a batch does
    not.
    """
    if rest >= speed.rest:  # more are left if the batches became smaller
        return evolve(speed, rest=rest)
    if speed.since is None:  # a listing or a long wait may have come before the first request
        return evolve(speed, rest=rest, since=now)
    return Speed(rest, speed.since, speed.requests + speed.rest - rest, now - speed.since)


def seconds_left(speed: Speed, interval: float) -> float:
    """Return the seconds that the rest takes if the limit allows a request every `interval`."""
    observed = (speed.seconds + _TRUST * interval) / (speed.requests + _TRUST)
    return speed.rest * max(interval, observed)


def lookup_seconds(pages: int, interval: float) -> float:
    """Return the seconds in which a resumed bulk looks up what an earlier run has made.

    `pages` is the length of the list of jobs, which it may read several times.
    """
    return sum(LOOKS) + len(LOOKS) * (2 * pages - 1) * interval
