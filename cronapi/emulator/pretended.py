"""Pretended runs, which call nothing: their log rows, and what follows failures in a row.

They need no background work: a job is brought up to date when a call looks at it. `runner/` makes
real calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.eras import RULES
from cronapi.emulator.executions import (
    KEPT_ROWS,
    head_of,
    is_tried,
    take_due,
    with_next_due,
)
from cronapi.emulator.runner.verdict import after_run, rule_of

if TYPE_CHECKING:
    from cronapi.emulator.call import Settings
    from cronapi.emulator.executions import Taken
    from cronapi.emulator.runner.verdict import Rule
    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Era

# A URL with such a part fails with this HTTP status.
_FAILING = {"/404": 404, "/500": 500}
_GOOD = 200
_BODY = "OK"
_SERVER_IP, _SOURCE_IP = "192.0.2.80", "198.51.100.7"
_WEEK = 7 * 86_400
"""Seconds of runs that are looked at one by one at once, so that they take little memory."""


def run_due(job: Document, now: int, settings: Settings) -> tuple[Document, list[Document]]:
    """Return the job as of `now`, and the log rows of the runs since its last look, oldest first.

    All runs count, and of many only the rows of the last 50 are returned.
    """
    seed, rule = str(settings.seed), rule_of(job, settings.era, settings.plan)
    rows: list[Document] = []
    while job["due"] is not None and job["due"] <= now:
        if _status(job) == _GOOD or _only_counts(job, rule):
            taken = take_due(job, now, seed)
            job, runs = (_counted(taken, rule), taken.runs) if taken else (job, [])
        else:
            taken = take_due(job, min(now, job["due"] + _WEEK), seed, most=None)
            job, runs = _one_by_one(taken, rule, seed) if taken else (job, [])
        rows += [pretended_row(job, run, settings.era) for run in runs[-KEPT_ROWS:]]
    return job, rows[-KEPT_ROWS:]


def pretended_row(job: Document, run: Document, era: Era) -> Document:
    """Return the log row of a run that calls nothing, with the output that it has in an era."""
    status = _status(job)
    failed = status != _GOOD
    body = "" if failed else _BODY
    return {
        "jobId": job["id"],
        "no": run["no"],
        "url": job["url"],
        "output": (head_of(status) if RULES[era].heads else "") + body,
        "downloaded": len(body),
        "httpStatus": status,
        "error": f"HTTP error {status}" if failed else "",
        "message": "",
        "ip": _SERVER_IP,
        "source_ip": _SOURCE_IP,
        "time": run["time"],
        "startTime": run["time"] + 0.25,
        "executionTime": 0.02,
        "status": int(failed),
    }


def _only_counts(job: Document, rule: Rule) -> bool:
    """Return True if failures leave out no run of a job."""
    return rule.back_off is None and is_tried({**job, "status": rule.status})


def _counted(taken: Taken, rule: Rule) -> Document:
    """Return a job after runs that all end alike, and are all carried out."""
    if not taken.count:
        return taken.job
    if _status(taken.job) == _GOOD:
        return after_run(taken.job, failed=False, rule=rule)
    before = {**taken.job, "fail": taken.job["fail"] + taken.count - 1}
    return after_run(before, failed=True, rule=rule)


def _one_by_one(taken: Taken, rule: Rule, seed: str) -> tuple[Document, list[Document]]:
    """Return a job after runs that fail, and the runs that were carried out."""
    job = {**taken.job, "runs": taken.job["runs"] - taken.count}
    ended: list[Document] = []
    for run in taken.runs:
        if job["skips"] and run["payload"] is None:
            job["skips"] -= 1
            continue
        job = after_run(job, failed=True, rule=rule)
        job["runs"] += 1
        ended.append({**run, "no": job["runs"]})
        if not is_tried(job):
            break
    ran = ended[-1]["time"] if ended else job.get("ran")
    return with_next_due({**job, "ran": ran}, seed), ended


def _status(job: Document) -> int:
    return next((status for part, status in _FAILING.items() if part in job["url"]), _GOOD)
