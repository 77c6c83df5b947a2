"""The members that a stored document needs, so that every function of the services can use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cronapi.emulator.call import NEW_ACCOUNT
from cronapi.emulator.checks import is_number, is_whole
from cronapi.emulator.planned import check_plan
from cronapi.emulator.service import PROVIDERS
from cronapi.schedule.dates import LAST_DATE
from cronapi.schedule.reading import read_zone
from cronapi.schedule.wall_clock import DAY

if TYPE_CHECKING:
    from cronapi.emulator.store import Document
    from cronapi.emulator.unreadable import Place

Check = Callable[[object], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return is_whole(value, 0) and value < 2**53  # type: ignore[operator]  # a whole number


def _is_switch(value: object) -> bool:
    return isinstance(value, bool) or _is_count(value)


def _is_time(value: object) -> bool:
    return is_whole(value, 0) and value < LAST_DATE * DAY  # type: ignore[operator]  # likewise


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _each(members: Mapping[str, Check]) -> Check:
    """Return a check for a list of objects with such members."""

    def check(value: object) -> bool:
        return isinstance(value, list) and all(
            isinstance(item, dict) and _wrong_member(item, members) is None for item in value
        )

    return check


def _is_lists(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(values, list) and all(map(_is_text, values)) for values in value.values()
    )


_JOB: Mapping[str, Check] = {
    **dict.fromkeys(("url", "name", "expression", "timezone", "httpMethod"), _is_text),
    **dict.fromkeys(("httpHeaders", "postData"), _or_none(_is_text)),
    **dict.fromkeys(("timeout", "instances", "points", "priority"), is_number),
    **dict.fromkeys(("fail", "status", "runs", "skips"), _is_count),
    "notify": _is_switch,
    "notifyEvery": is_number,
    **dict.fromkeys(("due", "resumes"), _or_none(_is_time)),
    "last": _is_time,
    "group": _or_none(_is_count),
    "lists": _or_none(_is_lists),
    "queued": _each({"time": _is_time, "payload": _or_none(_is_text)}),
}
# A job that was written before there were these lacks them.
_MAY_LACK: Mapping[str, Check] = {
    **dict.fromkeys(("over", "ran", "begun", "delay"), _or_none(_is_count)),
    **dict.fromkeys(("filter", "username", "password", "pattern"), _or_none(_is_text)),
    "autoDelete": _is_count,
}
_ROW: Mapping[str, Check] = {
    **dict.fromkeys(("url", "output", "error", "message", "ip", "source_ip"), _is_text),
    **dict.fromkeys(("jobId", "no", "downloaded", "httpStatus", "status"), _is_count),
    **dict.fromkeys(("time", "startTime", "executionTime"), is_number),
}
_NEEDED: Mapping[str, Mapping[str, Check]] = {
    "job": _JOB,
    "group": {"name": _is_text},
    "log": {"rows": _each(_ROW)},
    "account": {
        name: _is_text if isinstance(value, str) else is_number
        for name, value in NEW_ACCOUNT.items()
    },
}


def fault_of(place: Place, document: Document) -> str | None:
    """Return why a document cannot be used, without its values, and `None` if it can."""
    kind, provider, _, number = place
    if kind not in _NEEDED or provider not in PROVIDERS:
        return "no service has such a thing"
    if document.get("id") != number:
        return "it has the id of another"
    there = {name: check for name, check in _MAY_LACK.items() if name in document}
    name = _wrong_member(document, {**_NEEDED[kind], **there})
    if name is not None:
        return f"it has no usable `{name}`"
    try:
        if kind == "job":
            check_plan(document)
        elif kind == "account":
            read_zone(document["timezone"])
    except ValueError:
        return "its schedule, filter or time zone cannot be read"
    return None


def _wrong_member(document: Document, needed: Mapping[str, Check]) -> str | None:
    return next(
        (
            name
            for name, check in needed.items()
            if name not in document or not check(document[name])
        ),
        None,
    )
