"""The runs of a job that came due and those to come, and the shapes of log rows.

All functions depend only on a job and the time.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cronapi.emulator.eras import RULES
from cronapi.emulator.planned import (
    begun_at,
    count_planned,
    next_planned,
    only_planned,
    past_planned,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Era, LogShape

ACTIVE, DISABLED, FAILED = 0, 1, 4
# Source: FastCron changelog: a free plan keeps 50 runs.
KEPT_ROWS = 50
MOST_NEXT_RUNS = 100

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def is_tried(job: Document) -> bool:
    """Return True for a job that runs: an active one, and one that failed but is tried on.

    Source: `retryFailed`, true by default, until 2024-06-18.
    """
    return bool(
        job["status"] == ACTIVE or (job["status"] == FAILED and job.get("retryFailed", True))
    )


def with_next_due(job: Document, seed: str) -> Document:
    """Return the job with `due` and `over`, in Unix seconds.

    `due` is its next change, `None` for never. `over` is the last run of a one-time job, `None` for
    another.
    """
    if is_tried(job):
        changes = [run["time"] for run in job["queued"]]
        changes += next_planned(job, job["last"], 1, seed)
    else:
        changes = [run["time"] for run in job["queued"] if "anyway" in run]
        changes += [] if job["resumes"] is None else [job["resumes"]]
    only = only_planned(job)
    over = None if only is None else max(only, job.get("ran") or only)
    return {**job, "due": min(changes, default=None), "over": over}


@frozen
class Taken:
    """A job after its due runs were taken from it.

    `count` is the number of these runs, and `runs` has the last ones, oldest first. Each has its
    `time`, its `payload` and its number `no`.
    """

    job: Document
    runs: list[Document]
    count: int


def take_due(job: Document, now: int, seed: str, most: int | None = KEPT_ROWS) -> Taken | None:
    """Take the runs that came due by `now`, `None` if nothing about the job is due.

    Of many runs the last `most` are told, and all of them for `None`.
    """
    if job["due"] is None or job["due"] > now:
        return None
    if not is_tried(job) and (job["resumes"] is None or job["resumes"] > now):
        return _take_anyway(job, now, seed)
    active = _resumed(job)
    scheduled = past_planned(active, now, most, seed)
    queued = [run for run in active["queued"] if run["time"] <= now]
    runs = [{"time": time, "payload": None} for time in scheduled] + queued
    count = count_planned(active, now, seed) + len(queued)
    kept = sorted(runs, key=_time)[-(most or len(runs)) :]
    first = active["runs"] + count - len(kept) + 1
    changed = {
        **active,
        "last": max([active["last"], *scheduled]),
        "queued": [run for run in active["queued"] if run["time"] > now],
        "runs": active["runs"] + count,
        "ran": kept[-1]["time"] if kept else active.get("ran"),
    }
    return Taken(with_next_due(changed, seed), _numbered(kept, first), count)


def _take_anyway(job: Document, now: int, seed: str) -> Taken:
    """Take the due runs that were asked for while the job was disabled. It stays so."""
    due = [run for run in job["queued"] if "anyway" in run and run["time"] <= now]
    left = [run for run in job["queued"] if run not in due]
    numbered = _numbered(sorted(due, key=_time), job["runs"] + 1)
    changed = {**job, "queued": left, "runs": job["runs"] + len(due), "ran": numbered[-1]["time"]}
    return Taken(with_next_due(changed, seed), numbered[-KEPT_ROWS:], len(due))


def _numbered(runs: list[Document], first: int) -> list[Document]:
    return [
        {"time": run["time"], "payload": run["payload"], "no": number}
        for number, run in enumerate(runs, start=first)
    ]


def upcoming(job: Document, now: int, seed: str) -> list[int]:
    """Return at most 100 coming runs in ascending Unix seconds; a paused job's follow its pause."""
    if not is_tried(job) and job["resumes"] is None:
        return []
    begin = job["last"] if is_tried(job) else job["resumes"]
    queued = [run["time"] for run in job["queued"] if run["time"] > max(now, begin)]
    return sorted([*queued, *next_planned(job, begin, MOST_NEXT_RUNS, seed)])[:MOST_NEXT_RUNS]


def run_time(asked: int | None, now: int) -> int:
    """Return the Unix time of a requested run.

    That is the time asked for. If it is past or left out, it is the next multiple of 5 seconds that
    is at least 15 seconds from now.
    """
    return asked if asked is not None and asked > now else -(-(now + 15) // 5) * 5


def _resumed(job: Document) -> Document:
    if is_tried(job):
        return job
    end = job["resumes"]
    kept = [run for run in job["queued"] if run["time"] > end or "anyway" in run]
    return begun_at({**job, "status": ACTIVE, "resumes": None, "queued": kept}, end)


def _time(run: Document) -> int:
    return int(run["time"])


def head_of(status: int) -> str:
    """Return the headers before an output, none where there was no answer."""
    if not status:
        return ""
    line = f"HTTP/1.1 {status} {_PHRASES.get(status, '')}".rstrip()
    return f"{line}\r\nContent-Type: text/html\r\n\r\n"


_RESULT = (
    *("url", "output", "downloaded", "httpStatus", "error", "message", "ip", "source_ip"),
    *("time", "startTime", "executionTime", "status"),
)


def log_row(row: Document, *, shape: LogShape, era: Era) -> Any:
    """Return an execution in a shape, with the members that it has in an era."""
    rules = RULES[era]
    result = {name: row[name] for name in _RESULT if name not in rules.log_lacks}
    return LOG_SHAPES[rules.log_shape if shape == "era" else shape]({**row, "result": result})


def _result(row: Document) -> Document:
    return dict(row["result"])


def _as_object(row: Document) -> Document:
    return {"result": _result(row)}


def _as_flat(row: Document) -> Document:
    return _result(row)


def _as_list(row: Document) -> Document:
    outside = {name: row[name] for name in ("jobId", "no", "startTime", "executionTime", "status")}
    return {**outside, "result": [_result(row)]}


def _as_string(row: Document) -> Document:
    has_head = row["output"].startswith("HTTP/")
    text = row["output"] if has_head else head_of(row["httpStatus"]) + row["output"]
    outside = {name: row[name] for name in ("jobId", "no", "ip", "status", "downloaded")}
    return {**outside, "startTime": int(row["startTime"]), "result": text}


# The shapes seen over the years: that of the era, which is one of the next, the documented object,
# the flat row of the clients of 2026, the list of attempts of the Go client, and the legacy string.
LOG_SHAPES: Mapping[LogShape, Callable[[Document], Any]] = {
    "era": _as_object,
    "object": _as_object,
    "flat": _as_flat,
    "list": _as_list,
    "string": _as_string,
}
