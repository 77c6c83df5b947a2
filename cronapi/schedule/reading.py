"""Every form of schedule that the two services accept, as pure functions of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronapi.schedule.cron_fields import FIELD_NAMES
from cronapi.schedule.crontab import read_crontab
from cronapi.schedule.english import Once, read_date, read_recurring

LIST_FIELDS = ("second", "minute", "hour", "day", "month", "weekday")
_SECONDS = {"0": 0, "30": 30}

ScheduleSource = str | Mapping[str, Sequence[str]]


class Rule(Protocol):
    """A rule that yields runs as Unix times in seconds."""

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start`, earliest first."""
        ...

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
        """Yield the runs later than `start` and not later than `end`, latest first."""
        ...

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        """Return the number of runs later than `start` and not later than `end`."""
        ...


class Manual:
    """A schedule without runs: the job runs only on request."""

    def after(self, start: int, zone: ZoneInfo) -> Iterator[int]:  # noqa: ARG002 -- every schedule has the same signature
        """Yield nothing."""
        return iter(())

    def until(self, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:  # noqa: ARG002 -- every schedule has the same signature
        """Yield nothing."""
        return iter(())

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:  # noqa: ARG002 -- every schedule has the same signature
        """Return 0."""
        return 0


def read_schedule(source: ScheduleSource, *, seed: str = "") -> Rule:
    """Read an expression, or the old SetCronJob value lists by name (`second` to `weekday`).

    Forms: five crontab fields, `N unit` and other time expressions, a date, `@N` (Unix seconds),
    `manual`. Raises `ValueError` for anything else. `seed` fixes the draws of random fields.
    """
    if not isinstance(source, str):
        return _read_lists(source, seed)
    text = source.strip()
    # Only random fields are drawn, so all jobs share the reading of any other text.
    return _read_text(text, seed if "R" in text.upper() else "")


def read_zone(name: str) -> ZoneInfo:
    """Return the zone with an IANA name, or raise `ValueError` if it is unknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown timezone {name!r}") from error


@lru_cache(maxsize=4096)
def _read_text(text: str, seed: str) -> Rule:
    if text.lower() == "manual":
        return Manual()
    if text.startswith("@"):
        return _read_unix(text)
    if len(text.split()) == len(FIELD_NAMES):
        # No time expression is five fields as well.
        with suppress(ValueError):
            return read_crontab(text, seed=seed)
    found = read_recurring(text) or read_date(text)
    return found or read_crontab(text, seed=seed)


def _read_unix(text: str) -> Once:
    try:
        return Once(datetime.fromtimestamp(int(text[1:]), UTC))
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{text!r} is not @ and a Unix time") from error


def _read_lists(lists: Mapping[str, Sequence[str]], seed: str) -> Rule:
    try:
        seconds = sorted({_SECONDS[second] for second in lists.get("second") or ["0"]})
    except KeyError as error:
        raise ValueError(f"second must be 0, 30 or both, not {error}") from error
    for name in LIST_FIELDS[1:]:
        for value in lists.get(name) or ():
            if len(value.split()) != 1:  # it would move the values of the other fields
                raise ValueError(f"bad {name} {value!r}")
    return read_crontab(lists_as_text(lists), seconds=tuple(seconds), seed=seed)


def lists_as_text(lists: Mapping[str, Sequence[str]]) -> str:
    """Write value lists as the five fields of an expression. A missing list means every value."""
    return " ".join(",".join(lists.get(name) or ["*"]) for name in LIST_FIELDS[1:])
