"""Every form of schedule that the two services accept, as pure functions of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronapi.emulator.checks import is_whole
from cronapi.emulator.crontab import read_crontab
from cronapi.emulator.english import Once, read_date, read_recurring

LIST_FIELDS = ("second", "minute", "hour", "day", "month", "weekday")
_SECONDS = {"0": 0, "30": 30}

ScheduleSource = str | Mapping[str, Sequence[str]]


class Schedule(Protocol):
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


def read_schedule(source: ScheduleSource, *, seed: str = "") -> Schedule:
    """Read an expression, or the old SetCronJob value lists by name (`second` to `weekday`).

    Forms: five crontab fields, `N unit` and other time expressions, a date, `@N` (Unix seconds),
    `manual`. Raises `ValueError` for anything else. `seed` fixes the draws of random fields.
    """
    if not isinstance(source, str):
        return _read_lists(source, seed)
    text = source.strip()
    # Only random fields are drawn, so all jobs share the reading of any other text.
    return _read_text(text, seed if "R" in text.upper() else "")


def next_runs(
    source: ScheduleSource, timezone: str, after: int, count: int, *, seed: str = ""
) -> list[int]:
    """Return up to `count` runs later than `after`, ascending, in Unix seconds.

    Time expressions treat `after` as the last run. Raises `ValueError` for an unknown zone or form,
    and for an argument of another type.
    """
    if not isinstance(source, str | Mapping) or not isinstance(timezone, str):
        raise ValueError("a schedule is text or lists by name, a timezone is text")  # noqa: TRY004 -- documented
    if not is_whole(after, -math.inf) or not is_whole(count, 0):
        raise ValueError("after must be whole Unix seconds, and count a whole number from 0 on")
    return list(islice(read_schedule(source, seed=seed).after(after, read_zone(timezone)), count))


def past_runs(
    source: ScheduleSource, timezone: str, after: int, until: int, count: int, *, seed: str = ""
) -> list[int]:
    """Return the last `count` runs later than `after`, up to and including `until`, ascending.

    All times are in Unix seconds. Raises `ValueError` for an unknown zone or form.
    """
    runs = read_schedule(source, seed=seed).until(after, until, read_zone(timezone))
    return list(islice(runs, count))[::-1]


def count_runs(
    source: ScheduleSource, timezone: str, after: int, until: int, *, seed: str = ""
) -> int:
    """Return the number of runs later than `after`, up to and including `until`.

    Both are in Unix seconds. Raises `ValueError` for an unknown zone or form.
    """
    return read_schedule(source, seed=seed).count(after, until, read_zone(timezone))


def read_zone(name: str) -> ZoneInfo:
    """Return the zone with an IANA name, or raise `ValueError` if it is unknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown timezone {name!r}") from error


@lru_cache(maxsize=4096)
def _read_text(text: str, seed: str) -> Schedule:
    if text.lower() == "manual":
        return Manual()
    if text.startswith("@"):
        return _read_unix(text)
    found = read_recurring(text) or read_date(text)
    return found or read_crontab(text, seed=seed)


def _read_unix(text: str) -> Once:
    try:
        return Once(datetime.fromtimestamp(int(text[1:]), UTC))
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{text!r} is not @ and a Unix time") from error


def _read_lists(lists: Mapping[str, Sequence[str]], seed: str) -> Schedule:
    try:
        seconds = sorted({_SECONDS[second] for second in lists.get("second") or ["0"]})
    except KeyError as error:
        raise ValueError(f"second must be 0, 30 or both, not {error}") from error
    return read_crontab(lists_as_text(lists), seconds=tuple(seconds), seed=seed)


def lists_as_text(lists: Mapping[str, Sequence[str]]) -> str:
    """Write value lists as the five fields of an expression. A missing list means every value."""
    return " ".join(",".join(lists.get(name) or ["*"]) for name in LIST_FIELDS[1:])
