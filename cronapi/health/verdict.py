"""The verdict on one job: its state, and the evidence for it."""

from __future__ import annotations

import enum
from datetime import UTC, datetime, tzinfo
from typing import Any

from attrs import frozen

_FIRST, _END = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""The times that a check reckons with. They are far from the ends of the calendar."""


class State(enum.StrEnum):
    """The health of a job, the most urgent first."""

    FAILING = "failing"
    """Its last run failed, by the service's count or by its log."""
    LATE = "late"
    """A run that was expected is not in its log."""
    NEVER_RAN = "never_ran"
    """Its log is empty although a run was expected since it was seen first."""
    DISABLED = "disabled"
    """It was stopped by the service, for a reason that `disabled_by` tells."""
    PAUSED = "paused"
    """It was disabled by a user, or paused: the service does not tell them apart."""
    FLAKY = "flaky"
    """Its last run was a success, and some of those before were not."""
    SLOW = "slow"
    """A run took most of the time that it may take."""
    CANNOT_TELL = "cannot_tell"
    """The answers do not allow a verdict."""
    NOT_LOOKED_AT = "not_looked_at"
    """It is neither disabled nor failing. Its log was not read, so it may be late."""
    DUE = "due"
    """Its first run is still to come."""
    OVER = "over"
    """It has no run to come: its date is past, or no year has such a day."""
    MANUAL = "manual"
    """It runs on request only."""
    HEALTHY = "healthy"
    """Its log has every run that was expected, and the last one was a success."""

    @property
    def words(self) -> str:
        """The state in words, such as `never ran`."""
        return self.value.replace("_", " ")


class DisabledBy(enum.StrEnum):
    """The reason why a job does not run. Source: the services' data pages until 2024-06."""

    USER = "user"
    """A user disabled or paused it (status 1)."""
    SERVICE = "service"
    """It failed too often in a row (status 4)."""
    ACCOUNT = "account"
    """The account has expired (status 2)."""
    LIMITS = "limits"
    """The account has too few points, or too many runs (status 3)."""
    UNKNOWN = "unknown"
    """The status is one that the documentation does not name."""


@frozen(kw_only=True)
class JobHealth:
    """The verdict on one job.

    `certain` is False if the answers also allow another verdict, and `evidence` says how. `since`
    is when the state began, as far as the log goes back. `expected` is the time of the run that is
    missing or to come, for a random time its latest. `failures` counts the failures in a row. All
    times are in UTC.
    """

    id: int
    name: str | None
    state: State
    certain: bool = True
    since: datetime | None = None
    expected: datetime | None = None
    last_run: datetime | None = None
    failures: int = 0
    disabled_by: DisabledBy | None = None
    evidence: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict in the form that JSON takes. Times are in ISO 8601, in UTC."""
        return {
            "job": {"id": self.id, "name": self.name},
            "state": self.state.value,
            "certain": self.certain,
            "since": _iso(self.since),
            "expected": _iso(self.expected),
            "last_run": _iso(self.last_run),
            "failures": self.failures,
            "disabled_by": self.disabled_by and self.disabled_by.value,
            "evidence": list(self.evidence),
        }


def _iso(time: datetime | None) -> str | None:
    return None if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def shown(time: datetime, zone: tzinfo) -> str:
    """Return a time in a zone, for people. One at the end of the calendar is in UTC."""
    try:
        local = time.astimezone(zone)
    except OverflowError:
        local = time.astimezone(UTC)
    return f"{local:%a %Y-%m-%d %H:%M}"


def is_usual(time: datetime) -> bool:
    """Return True for a time with a zone that a check can reckon with."""
    return time.utcoffset() is not None and _FIRST <= time < _END
