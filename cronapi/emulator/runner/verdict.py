"""Was a run a success, and what becomes of a job that fails again and again? Pure decisions.

Source: FastCron docs 2024-05, its page on disabled cronjobs, and its changelog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from cronapi.emulator.executions import ACTIVE, DISABLED, FAILED

if TYPE_CHECKING:
    from cronapi.emulator.runner.exchange import Exchange
    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Era, Plan

_SUCCESS = range(200, 300)
_EXCUSED = frozenset({504, 524})
_SEED_THRESHOLD = 10


@frozen
class Rule:
    """The failures in a row from which runs are dropped, and those that disable. `None`: never."""

    back_off: int | None
    disable: int | None
    status: int


def rule_of(job: Document, era: Era, plan: Plan) -> Rule:
    """Return what happens to a job that fails in a row."""
    if era != "latest":
        return Rule(None, job.get("failureThreshold") or _SEED_THRESHOLD, FAILED)
    return Rule(100, 150 if plan == "free" else None, DISABLED)


def wanted_text(job: Document, era: Era) -> str:
    """Return the text that decides about a run: `pattern` until 2026-07, then `keyword`."""
    return str(job.get("keyword" if era == "latest" else "pattern") or "")


def error_of(job: Document, exchange: Exchange, era: Era) -> str:
    """Return why a run failed, an empty text for a success."""
    if exchange.error:
        return exchange.error
    examined = era == "latest" or not job.get("ignoreHttpStatus", True)
    good = exchange.status in _SUCCESS or (era == "latest" and exchange.status in _EXCUSED)
    if examined and not good:
        return f"HTTP error {exchange.status}"
    text = wanted_text(job, era)
    if text and exchange.found == (era != "latest"):
        return f"The output {'does not contain' if era == 'latest' else 'contains'} {text!r}"
    return ""


def after_run(job: Document, *, failed: bool, rule: Rule) -> Document:
    """Return a job with what one more run changes: `fail`, `status` and the runs to drop."""
    if not failed:
        status = ACTIVE if job["status"] == FAILED else job["status"]
        return {**job, "fail": 0, "skips": 0, "status": status}
    count = job["fail"] + 1
    changed = {**job, "fail": count}
    if rule.back_off is not None and count >= rule.back_off:
        changed["skips"] = count - rule.back_off + 1
    if rule.disable is not None and count >= rule.disable and job["status"] == ACTIVE:
        changed["status"] = rule.status
    return changed
