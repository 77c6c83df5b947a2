"""How long the rest of a bulk takes: by the rate at first, then more and more by what was seen. Pure; time is an argument."""

from __future__ import annotations

from attrs import evolve, frozen

from cronapi._calls.lookup import LOOKS

_TRUST = 5
"""Requests at the rate that count beside those that were seen: two answers that happen to come together say little."""


@frozen
class Speed:
    """What was seen: the first whole request was over at `since`, `requests` more after `seconds`; `rest` are left."""

    rest: float
    since: float | None = None
    requests: float = 0
    seconds: float = 0.0


def see(speed: Speed, rest: float, now: float) -> Speed:
    """Take in that so many requests are left; only a whole one that is over tells of the speed, one outcome of a batch does not."""
    if rest >= speed.rest:  # where the batches became smaller there are more
        return evolve(speed, rest=rest)
    if speed.since is None:  # nobody knows what came before it: a listing, or a long wait
        return evolve(speed, rest=rest, since=now)
    return Speed(rest, speed.since, speed.requests + speed.rest - rest, now - speed.since)


def seconds_left(speed: Speed, interval: float) -> float:
    """Return the seconds that the rest takes, where the rate allows a request each `interval`."""
    return speed.rest * max(
        interval, (speed.seconds + _TRUST * interval) / (speed.requests + _TRUST)
    )


def seconds_of_a_look(pages: int, interval: float) -> float:
    """Return the seconds in which a bulk that goes on learns what an earlier run has made, where the list of jobs has so many pages."""
    return sum(LOOKS) + len(LOOKS) * (2 * pages - 1) * interval
