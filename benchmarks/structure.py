"""Structuring a page of 1,000 jobs: the cattrs converter against hand-written code.

    python -m benchmarks.structure [--write]

Both sides make the same `CronJob`, read digits as text, booleans as 0 and 1, open enums and unknown
members, and name the row of an unreadable value. The converter also names the member, a cost that
the hand-written code does not have. The two take turns in one process, so that other load on the
machine hits both.
"""

from __future__ import annotations

import gc
import statistics
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from attrs import frozen

from benchmarks import results
from cronapi._protocol.structure import structure
from cronapi.models import CronJob, JobStatus, Notify

Rows = list[dict[str, Any]]

ROWS = 1_000
ROUNDS = 41
TARGET = 1.2


# --- the pages ---


def sample_page(count: int = ROWS) -> Rows:
    """Return rows with the eleven members in the services' own samples."""
    return [
        {
            "id": 16_910_124 + number,
            "group": None if number % 3 else 40 + number % 7,
            "expression": "*/5 * * * *",
            "timezone": "Europe/London",
            "url": f"https://example.com/cron/{number}",
            "postData": "",
            "fail": number % 2,
            "status": number % 5,
            "name": f"job {number}",
            "notify": number % 2 == 0,
            "points": 288,
        }
        for number in range(count)
    ]


def clean_page(count: int = ROWS) -> Rows:
    """Return rows with every member of the data page of 2024-05, in JSON's own types."""
    return [
        row
        | {
            "timeout": 30,
            "instances": 1,
            "httpMethod": "POST",
            "httpHeaders": "X-A: 1\r\nX-B: 2",
            "notifyEvery": 1,
            "priority": 0,
            "failureThreshold": 10,
            "ignoreHttpStatus": False,
            "retryFailed": True,
        }
        for row in sample_page(count)
    ]


def dirty_page(count: int = ROWS) -> Rows:
    """Return rows with text for numbers, codes for booleans, old names and unknown members."""
    return [
        {
            "id": str(20_000 + number),
            "groupId": "7" if number % 2 else None,
            "minute": ["0", "30"],
            "hour": "0,12",
            "timezone": "UTC",
            "timeout": "30",
            "instances": "0",
            "url": f"http://example.com/cron/{number}",
            "httpMethod": None,
            "postData": "",
            "fail": "0",
            "status": "0" if number % 4 else 7,
            "name": f"job {number}",
            "notify": str(number % 4),
            "points": "48",
            "ignoreHttpStatus": "1",
            "retryFailed": 0,
            "dnsCache": "true",
            "shard": 3,
            "tags": ["a", "b"],
        }
        for number in range(count)
    ]


# --- by hand ---


def _int(value: object) -> int:
    if type(value) is int:
        return value
    if (isinstance(value, str) and value.isascii() and "_" not in value) or (
        isinstance(value, float) and value.is_integer()
    ):
        return int(value)
    raise ValueError(f"not a whole number: {type(value).__name__}")


def _optional_int(value: object) -> int | None:
    return None if value is None or value == "" else _int(value)


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _optional_bool(value: object) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(str(value).lower()) if isinstance(value, str | int) else None
    if known is None:
        raise ValueError(f"not a boolean: {type(value).__name__}")
    return known


def _optional_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"not text: {type(value).__name__}")


_STATUSES = {member.value: member for member in JobStatus}
_NOTIFIES = {member.value: member for member in Notify}


def _optional_status(value: object) -> JobStatus | None:
    if value is None or value == "":
        return None
    number = int(value) if isinstance(value, bool) else _int(value)
    known = _STATUSES.get(number)
    return JobStatus(number) if known is None else known


def _optional_notify(value: object) -> Notify | None:
    if value is None or value == "":
        return None
    number = int(value) if isinstance(value, bool) else _int(value)
    known = _NOTIFIES.get(number)
    return Notify(number) if known is None else known


def _optional_texts(value: object) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    if isinstance(value, list):
        return tuple(item if type(item) is str else str(_int(item)) for item in value)
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(","))
    return (str(_int(value)),)


_KNOWN = frozenset(
    {
        "id",
        "group",
        "name",
        "url",
        "expression",
        "timezone",
        "status",
        "fail",
        "notify",
        "timeout",
        "instances",
        "httpMethod",
        "httpHeaders",
        "postData",
        "userAgent",
        "username",
        "password",
        "filter",
        "delay",
        "pattern",
        "keyword",
        "notifyEvery",
        "failureThreshold",
        "ignoreHttpStatus",
        "retryFailed",
        "dnsCache",
        "single",
        "points",
        "priority",
        "second",
        "minute",
        "hour",
        "day",
        "month",
        "weekday",
    }
)


def _job(row: object) -> CronJob:
    if not isinstance(row, dict):
        raise ValueError(f"not an object: {type(row).__name__}")  # noqa: TRY004 -- bad data, whatever is wrong with it
    get, extra = row.get, {name: row[name] for name in row.keys() - _KNOWN}
    group = get("group")
    if extra and group is None:
        group = extra.pop("groupId", None) or extra.pop("groupID", None)
    return CronJob(
        id=_int(row["id"]),
        group=_optional_int(group),
        name=_optional_text(get("name")),
        url=_optional_text(get("url")),
        expression=_optional_text(get("expression")),
        timezone=_optional_text(get("timezone")),
        status=_optional_status(get("status")),
        fail=_optional_int(get("fail")),
        notify=_optional_notify(get("notify")),
        timeout=_optional_int(get("timeout")),
        instances=_optional_int(get("instances")),
        http_method=_optional_text(get("httpMethod")),
        http_headers=_optional_text(get("httpHeaders")),
        post_data=_optional_text(get("postData")),
        user_agent=_optional_text(get("userAgent")),
        username=_optional_text(get("username")),
        password=_optional_text(get("password")),
        filter=_optional_text(get("filter")),
        delay=_optional_int(get("delay")),
        pattern=_optional_text(get("pattern")),
        keyword=_optional_text(get("keyword")),
        notify_every=_optional_int(get("notifyEvery")),
        failure_threshold=_optional_int(get("failureThreshold")),
        ignore_http_status=_optional_bool(get("ignoreHttpStatus")),
        retry_failed=_optional_bool(get("retryFailed")),
        dns_cache=_optional_bool(get("dnsCache")),
        single=_optional_bool(get("single")),
        points=_optional_int(get("points")),
        priority=_optional_int(get("priority")),
        second=_optional_texts(get("second")),
        minute=_optional_texts(get("minute")),
        hour=_optional_texts(get("hour")),
        day=_optional_texts(get("day")),
        month=_optional_texts(get("month")),
        weekday=_optional_texts(get("weekday")),
        extra=extra,
    )


def by_hand(rows: object) -> list[CronJob]:
    """Return the jobs of a page, or raise ValueError with the number of an unreadable row."""
    if not isinstance(rows, list):
        raise ValueError(f"not a list: {type(rows).__name__}")  # noqa: TRY004 -- bad data, whatever is wrong with it
    jobs: list[CronJob] = []
    for number, row in enumerate(rows):
        try:
            jobs.append(_job(row))
        except (KeyError, ValueError) as error:
            raise ValueError(f"row {number}: {error}") from error
    return jobs


def by_cattrs(rows: Rows) -> list[CronJob]:
    """Return the jobs of a page, as the client does."""
    return structure(rows, list[CronJob])


# --- side by side ---


@frozen
class Measured:
    """The result for one page: median seconds of each side, and the ratios of the rounds."""

    page: str
    hand: float
    cattrs: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios. Above 1 the converter is slower."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The first and last decile of the ratios."""
        deciles = statistics.quantiles(self.ratios, n=10)
        return deciles[0], deciles[-1]


INTRODUCTION = """\
A page of 1,000 jobs into `CronJob` objects, by the cattrs converter against hand-written code of
the same leniency. Both must give equal results. Median of 41 alternating rounds. Aim: at most 1.2.

    python -m benchmarks.structure --write
"""
PAGES: dict[str, Callable[[], Rows]] = {
    "sample": sample_page,
    "clean": clean_page,
    "dirty": dirty_page,
}


def _seconds(read: Callable[[Rows], object], rows: Rows) -> float:
    start = perf_counter()
    read(rows)
    return perf_counter() - start


def measure_page(page: str, rounds: int = ROUNDS) -> Measured:
    """Let both sides take turns over one page, with alternating order."""
    rows = PAGES[page]()
    if by_cattrs(rows) != by_hand(rows):
        raise AssertionError(f"the two sides read the {page} page differently")
    pairs: list[tuple[float, float]] = []
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            sides = (by_hand, by_cattrs) if number % 2 else (by_cattrs, by_hand)
            took = {side: _seconds(side, rows) for side in sides}
            pairs.append((took[by_hand], took[by_cattrs]))
    finally:
        gc.enable()
    return Measured(
        page,
        statistics.median(hand for hand, _ in pairs),
        statistics.median(cattrs for _, cattrs in pairs),
        tuple(cattrs / hand for hand, cattrs in pairs),
    )


def measure(rounds: int = ROUNDS) -> float:
    """Return the greater median ratio of the clean and the dirty page (target: at most 1.2)."""
    return max(measure_page(page, rounds).ratio for page in ("clean", "dirty"))


def table(rows: list[Measured]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        f"| page of {ROWS:,} jobs | by hand, ms | cattrs, ms | ratio (median) | ratio (10-90 %) |",
        "|---|---:|---:|---:|---:|",
    ]
    for one in rows:
        low, high = one.spread
        times = f"{one.hand * 1e3:.2f} | {one.cattrs * 1e3:.2f}"
        lines.append(f"| {one.page} | {times} | {one.ratio:.2f} | {low:.2f}-{high:.2f} |")
    return "\n".join(lines)


def main() -> int:
    """Print the table, write it with `--write`, and return 1 if the target was missed."""
    measured = [measure_page(page) for page in PAGES]
    text = f"{INTRODUCTION}\n{table(measured)}\n\n{results.footing('attrs', 'cattrs')}"
    print(text)
    if "--write" in sys.argv[1:]:
        results.write("Structuring a page", text)
    return 0 if all(one.ratio <= TARGET for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
