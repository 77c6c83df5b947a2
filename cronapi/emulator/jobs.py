"""Cronjobs as documents: their defaults, their life in the store, and the members in an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cronapi.emulator.eras import RULES
from cronapi.emulator.executions import (
    ACTIVE,
    KEPT_ROWS,
    run_time,
    take_due,
    with_next_due,
)
from cronapi.emulator.planned import begun_at, only_planned
from cronapi.emulator.pretended import run_due
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.spelling import spell
from cronapi.emulator.validation import check_payload, check_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cronapi.emulator.call import Call, Settings
    from cronapi.emulator.store import Document

_DEFAULTS: Mapping[str, object] = {
    "group": None,
    "timeout": 30,
    "instances": 0,
    "httpMethod": "GET",
    "httpHeaders": "",
    "postData": "",
    "fail": 0,
    "status": ACTIVE,
    "name": "",
    "notifyEvery": 1,
    "points": 1,
    "priority": 0,
    "lists": None,
    "resumes": None,
    "queued": [],
    "runs": 0,
    "skips": 0,
    "ran": None,
}
_OF_THE_SCHEDULE = ("expression", "timezone", "lists", "filter", "delay")


def job_data(call: Call, job: Document) -> Document:
    """Return the members that an answer shows: those of the data page, never the password."""
    named = {**job, "groupId": job["group"]}
    members = {name: named[name] for name in RULES[call.settings.era].job}
    return {**members, **(job["lists"] or {})}


def new_job(call: Call, given: Mapping[str, Any]) -> Document:
    """Return a job with every default filled in, without storing it.

    Raises `Refusal` for a bad value.
    """
    rules = RULES[call.settings.era]
    defaults = {
        **_DEFAULTS,
        "expression": rules.expression,
        "timezone": call.own_account()["timezone"],
        "notify": rules.notifies if call.provider == "fastcron" else 0,
    }
    return begun_at({**defaults, **check_values(call, given, None)}, call.now)


def changed_job(call: Call, job: Document, given: Mapping[str, Any]) -> Document:
    """Return the job with only the given values changed, without storing it.

    Raises `Refusal` for a bad value.
    """
    values = check_values(call, given, job["lists"])
    changed = spell({**job, **values}, values, call.settings.normalise)
    moved = any(changed.get(name) != job.get(name) for name in _OF_THE_SCHEDULE)
    if not moved:
        return changed
    # Runs of another schedule are none of a one-time job's.
    only = only_planned(changed)
    ran = job.get("ran") if only is not None and only == only_planned(job) else None
    return begun_at({**changed, "ran": ran}, call.now)


def add_job(call: Call, job: Document) -> Document:
    """Store a new job with its next due time, and return it."""
    numbered = call.numbered("job", job)
    return save_job(call, spell(numbered, job, call.settings.normalise))


def save_job(call: Call, job: Document) -> Document:
    """Store a job with its next due time, and return it."""
    saved = with_next_due(job, str(call.settings.seed))
    call.put("job", saved)
    return saved


def find_job(call: Call, number: int) -> Document:
    """Return an up-to-date job, or raise `Refusal` if it does not exist."""
    return catch_up(call, call.find("job", number))


def all_jobs(call: Call) -> list[Document]:
    """Return every job of the account, up to date, by ascending id."""
    return [catch_up(call, job) for job in call.all("job")]


def listed_jobs(call: Call) -> list[Document]:
    """Return the jobs that a list shows, by ascending id: those of some time ago if lists lag."""
    return call.as_listed("job", all_jobs(call))


def catch_up(call: Call, job: Document) -> Document:
    """Bring a job up to the time of the call, log the runs since then, and return it.

    Where jobs really call, the runner does that. Where they do not run, nothing is logged.
    """
    if call.settings.calls:
        return job
    current, rows = _CATCH_UP[call.settings.execute](job, call.now, call.settings)
    if current is not job:
        call.put("job", current)
    if rows:
        add_log_rows(call, job, rows)
    return current


def _skip_due(job: Document, now: int, settings: Settings) -> tuple[Document, list[Document]]:
    taken = take_due(job, now, str(settings.seed))
    unchanged = {name: job.get(name) for name in ("runs", "ran")}
    return ({**taken.job, **unchanged} if taken else job), []


_CATCH_UP = {"fake": run_due, "off": _skip_due}


def add_log_rows(call: Call, job: Document, rows: Iterable[Document]) -> None:
    """Log executions of a job, of which the last 50 are kept."""
    call.put("log", {"id": job["id"], "rows": [*log_rows(call, job), *rows][-KEPT_ROWS:]})


def log_rows(call: Call, job: Document) -> list[Document]:
    """Return the kept log rows of a job, oldest first."""
    log = call.store.get("log", call.provider, call.account, job["id"])
    return list(log["rows"]) if log else []


def delete_jobs(call: Call, jobs: Iterable[Document]) -> list[Document]:
    """Delete jobs and their logs, and return the data of each with a null id."""
    deleted = []
    for job in jobs:
        call.delete("job", job["id"])
        call.delete("log", job["id"])
        deleted.append({**job_data(call, job), "id": None})
    return deleted


def queue_run(
    call: Call, job: Document, asked: int | None, payload: str | None
) -> tuple[Document, int]:
    """Queue one run and return the stored job and the Unix time of the run.

    `asked` is the requested Unix time. Raises `Refusal` for an inactive job in the eras that do not
    run it, and for a payload that does not fit its HTTP method.
    """
    is_active = job["status"] == ACTIVE
    if not (is_active or RULES[call.settings.era].runs_disabled):
        raise Refusal("The cronjob is disabled and cannot be run.")
    check_payload(job["httpMethod"], payload or "")
    when = run_time(asked, call.now)
    run = {"time": when, "payload": payload, **({} if is_active else {"anyway": True})}
    queued = [*job["queued"], run]
    return save_job(call, {**job, "queued": queued}), when
