"""Cronjobs as documents: defaults, validation, and what an answer shows of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cronapi.emulator.executions import ACTIVE, KEPT_ROWS, planned, run_time, settled
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.schedule import LIST_FIELDS, lists_as_text, read_schedule, read_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cronapi.emulator.call import Call
    from cronapi.emulator.store import Document

_SHOWN: Mapping[str, tuple[str, ...]] = {
    "seed": (
        *(
            "id",
            "group",
            "expression",
            "timezone",
            "timeout",
            "instances",
            "url",
            "httpMethod",
            "httpHeaders",
        ),
        *("postData", "fail", "status", "name", "notify", "notifyEvery", "points"),
    ),
    "latest": (
        *(
            "id",
            "group",
            "expression",
            "timezone",
            "timeout",
            "instances",
            "url",
            "httpMethod",
            "httpHeaders",
        ),
        *("postData", "fail", "status", "name", "notify", "priority"),
    ),
}
_DEFAULT_EXPRESSION = {"seed": "1 hour", "latest": "15 minutes"}
_DEFAULT_NOTIFY: Mapping[str, object] = {"fastcron": True, "setcronjob": 0}
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
}

_METHODS = ("GET", "POST", "PUT", "PATCH", "HEAD", "DELETE")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_RANGES = {
    "timeout": (1, 43_200),
    "instances": (0, 5),
    "notifyEvery": (1, 100),
    "failureThreshold": (1, 100),
    "delay": (0, 1440),
    "notifyTime": (0, 43_200),
    "retry": (0, 10),
    "retryAfter": (0, 3600),
}
_LENGTHS = {"pattern": 255, "keyword": 100}


def shown(call: Call, job: Document) -> Document:
    """Return a job as an answer has it: the data page's fields, never the password."""
    lists = job["lists"] or {}
    return {name: job[name] for name in _SHOWN[call.settings.era]} | {
        name: lists[name] for name in lists
    }


def new_job(call: Call, given: Mapping[str, Any]) -> Document:
    """Return a job with every default filled in, not stored yet; raises `Refusal` for a value that is wrong."""
    defaults = {
        **_DEFAULTS,
        "expression": _DEFAULT_EXPRESSION[call.settings.era],
        "timezone": call.own_account()["timezone"],
        "notify": _DEFAULT_NOTIFY[call.provider],
        "last": call.now,
    }
    return {**defaults, **_checked(call, given, None)}


def changed_job(call: Call, job: Document, given: Mapping[str, Any]) -> Document:
    """Return the job with the given values; what is left out stays. Raises `Refusal` for a value that is wrong."""
    changed = {**job, **_checked(call, given, job["lists"])}
    moved = any(changed[name] != job[name] for name in ("expression", "timezone", "lists"))
    return {**changed, "last": call.now} if moved else changed


def add_job(call: Call, job: Document) -> Document:
    """Store a new job, planned, and return it."""
    return save_job(call, call.add("job", job))


def save_job(call: Call, job: Document) -> Document:
    """Store a job with its next due time, and return it."""
    saved = planned(job, str(call.settings.seed))
    call.put("job", saved)
    return saved


def find_job(call: Call, number: int) -> Document:
    """Return a job as it stands now; raises `Refusal` where there is none."""
    return settle_job(call, call.find("job", number))


def all_jobs(call: Call) -> list[Document]:
    """Return every job of the account as it stands now, by ascending id."""
    return [settle_job(call, job) for job in call.all("job")]


def settle_job(call: Call, job: Document) -> Document:
    """Bring a job up to the moment of the call, and log what it ran meanwhile."""
    current, rows = settled(job, call.now, str(call.settings.seed))
    if current is not job:
        call.put("job", current)
    if rows:
        call.put("log", {"id": job["id"], "rows": [*log_rows(call, job), *rows][-KEPT_ROWS:]})
    return current


def log_rows(call: Call, job: Document) -> list[Document]:
    """Return the kept log rows of a job, oldest first."""
    log = call.store.get("log", call.provider, call.account, job["id"])
    return list(log["rows"]) if log else []


def delete_jobs(call: Call, jobs: Iterable[Document]) -> list[Document]:
    """Delete jobs and their logs; return them as an answer shows them, each with a null id."""
    gone = []
    for job in jobs:
        call.delete("job", job["id"])
        call.delete("log", job["id"])
        gone.append({**shown(call, job), "id": None})
    return gone


def queue_run(
    call: Call, job: Document, asked: int | None, payload: str | None
) -> tuple[Document, int]:
    """Queue one run and return the stored job and the Unix time of the run.

    Raises `Refusal` for a job that is not active and for a payload that its method cannot carry.
    """
    if job["status"] != ACTIVE:
        raise Refusal("The cronjob is disabled and cannot be run.")
    _check_payload(job["httpMethod"], payload or "")
    when = run_time(asked, call.now)
    return save_job(
        call, {**job, "queued": [*job["queued"], {"time": when, "payload": payload}]}
    ), when


def _check_payload(method: str, payload: str) -> None:
    if not payload.startswith("{") and "\n" not in payload:
        return
    if method not in _WITH_BODY:
        raise Refusal(f"The payload of a {method} cronjob must be a query string.")
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Refusal("The payload must be a query string on one line, or valid JSON.") from error


def _checked(
    call: Call, given: Mapping[str, Any], lists: Mapping[str, list[str]] | None
) -> Document:
    values = {
        name: value
        for name, value in given.items()
        if name not in {"id", "run", "payload", *LIST_FIELDS}
    }
    if "groupID" in values:
        values["group"] = values.pop("groupID")
    new_lists = {name: given[name] for name in LIST_FIELDS if name in given}
    checked = {name: _check(call, name, value) for name, value in values.items()}
    if "expression" in checked:
        return {**checked, "lists": None}
    return {**checked, **_check_lists({**(lists or {}), **new_lists})} if new_lists else checked


def _check(call: Call, name: str, value: object) -> object:
    if name in _RANGES:
        return _in_range(name, value)
    if name in _LENGTHS and len(str(value)) > _LENGTHS[name]:
        raise Refusal(f"{name} can have at most {_LENGTHS[name]} characters.")
    return _CHECKS[name](call, value) if name in _CHECKS else value


def _in_range(name: str, value: Any) -> object:
    lowest, highest = _RANGES[name]
    if not lowest <= value <= highest:
        raise Refusal(f"{name} must be from {lowest} to {highest}.")
    return value


def _check_lists(lists: Mapping[str, list[str]]) -> Document:
    try:
        read_schedule(lists)
    except ValueError as error:
        raise Refusal(f"Invalid schedule: {error}.") from error
    return {"lists": dict(lists), "expression": lists_as_text(lists)}


def _check_url(_call: Call, value: Any) -> str:
    url = value if re.match(r"[a-z][a-z0-9+.-]*://", value, re.IGNORECASE) else f"http://{value}"
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or re.search(r"\s", url):
        raise Refusal("Invalid URL.")
    return url


def _check_expression(call: Call, value: Any) -> str:
    text = value or _DEFAULT_EXPRESSION[call.settings.era]
    try:
        read_schedule(text)
    except ValueError as error:
        raise Refusal(f"Invalid expression: {error}.") from error
    return str(text)


def check_timezone(call: Call, value: Any) -> str:
    """Return an IANA zone name, for an empty text the account's; raises `Refusal` for an unknown one."""
    name = value or call.own_account()["timezone"]
    try:
        read_zone(name)
    except ValueError as error:
        raise Refusal(f"Invalid timezone: {name}.") from error
    return str(name)


def _check_method(_call: Call, value: Any) -> str:
    method = value or "GET"
    if method not in _METHODS:
        raise Refusal(f"Invalid HTTP method; known: {', '.join(_METHODS)}.")
    return str(method)


def _check_group(call: Call, value: Any) -> int | None:
    return None if value is None else int(call.find("group", value)["id"])


def _check_notify(call: Call, value: Any) -> object:
    if call.provider == "setcronjob" and value not in range(4):
        raise Refusal("notify must be from 0 to 3.")
    return value


_CHECKS: Mapping[str, Callable[[Call, Any], object]] = {
    "url": _check_url,
    "expression": _check_expression,
    "timezone": check_timezone,
    "httpMethod": _check_method,
    "group": _check_group,
    "notify": _check_notify,
}
