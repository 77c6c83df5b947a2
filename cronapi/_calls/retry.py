"""Decide the next step after an attempt, and the wait before it: pure functions.

A refused call was not carried out, and any call may be repeated then. A call whose answer was lost
is repeated if a repeat does no harm. A create is looked up first.
"""

from __future__ import annotations

import enum

from attrs import Attribute, define, field, frozen

from cronapi._functions import Repeat
from cronapi._protocol.arguments import count, seconds
from cronapi._protocol.response import Ending
from cronapi.errors import Applied

MOST_GARBLED = 3
"""Attempts. Three unreadable answers come from the wrong address, not from bad luck."""
_UNKNOWN = (Ending.LOST, Ending.GARBLED)


class Step(enum.Enum):
    """The step after an attempt."""

    RETURN = enum.auto()
    RAISE = enum.auto()
    REPEAT = enum.auto()
    LOOK = enum.auto()


def _at_least_one(_: object, attribute: Attribute[int], value: int) -> None:
    count(attribute.name, value)


def _max_delay(value: float) -> float:
    return seconds("max_delay", value)


def _budget(value: float) -> float:
    return seconds("budget", value)


@frozen(kw_only=True)
class RetryPolicy:
    """How often and how long a call is repeated.

    - `max_attempts`: the most attempts that may fail by an error. Refusals by the rate limit do not
      count.
    - `max_delay`: the longest wait before a repeat, in seconds. A service that asks for a longer
      one (Retry-After) ends the call.
    - `budget`: the longest time from the first failure to the last repeat, in seconds.
    """

    max_attempts: int = field(default=8, validator=_at_least_one)
    max_delay: float = field(default=30.0, converter=_max_delay)
    budget: float = field(default=120.0, converter=_budget)


@define
class History:
    """The attempts of one call so far. `first_failure` is a monotonic time in seconds."""

    attempts: int = 0
    errors: int = 0
    garbled: int = 0
    lost: bool = False
    first_failure: float | None = None

    def record(self, ending: Ending, now: float, *, did_nothing: bool = True) -> None:
        """Add an attempt that ended at `now`.

        `did_nothing` is False for a refusal that does not prove that nothing was done.
        """
        self.attempts += 1
        self.errors += ending is Ending.NOT_SENT or ending in _UNKNOWN
        self.garbled += ending is Ending.GARBLED
        self.lost |= ending in _UNKNOWN or (ending is Ending.REFUSED and not did_nothing)
        if self.first_failure is None:
            self.first_failure = now

    def applied(self, repeat: Repeat) -> Applied:
        """Return UNKNOWN if the service may have carried out the call. A read changes nothing."""
        return Applied.UNKNOWN if self.lost and repeat is not Repeat.READ else Applied.NO


BACKOFF_BASE = 0.5
_MOST_DOUBLINGS = 16


def backoff(errors: int, max_delay: float, chance: float) -> float:
    """Return the seconds to wait after a number of errors.

    Exponential, with full jitter by `chance` in [0, 1).
    """
    return chance * min(max_delay, BACKOFF_BASE * 2.0 ** min(errors, _MOST_DOUBLINGS))


def next_step(
    ending: Ending,
    repeat: Repeat,
    history: History,
    policy: RetryPolicy | None,
    *,
    now: float,
    retry_after: float | None = None,
    did_nothing: bool = True,
) -> Step:
    """Return the step after an attempt with this ending. `now` is on the clock of `history`."""
    if ending is Ending.DONE:
        return Step.RETURN
    if ending is Ending.FINAL or policy is None:
        return Step.RAISE
    may_have_happened = ending in _UNKNOWN or (ending is Ending.REFUSED and not did_nothing)
    if may_have_happened and repeat is Repeat.CREATE:
        return Step.LOOK
    return Step.RAISE if is_over(history, policy, now=now, retry_after=retry_after) else Step.REPEAT


def is_over(
    history: History, policy: RetryPolicy, *, now: float, retry_after: float | None = None
) -> bool:
    """Return True if a call was repeated as often, or as long, as the policy allows."""
    began = now if history.first_failure is None else history.first_failure
    spent = (
        history.errors >= policy.max_attempts
        or history.garbled >= MOST_GARBLED
        or now - began > policy.budget
    )
    return spent or (retry_after or 0.0) > policy.max_delay
