"""Validation of the values that a call gives a job."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cronapi.emulator.eras import RULES
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.runner.outgoing import WITH_BODY
from cronapi.emulator.time_filter import read_filter
from cronapi.emulator.visitors import is_loopback
from cronapi.schedule.reading import LIST_FIELDS, lists_as_text, read_schedule, read_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cronapi.emulator.call import Call
    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Era

_METHODS = ("GET", "POST", "PUT", "PATCH", "HEAD", "DELETE")
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


def check_values(
    call: Call, given: Mapping[str, Any], lists: Mapping[str, list[str]] | None
) -> Document:
    """Return the given values, checked and by the names that a job has for them.

    `lists` are the value lists that the job already has. Given ones are merged with them and also
    written as `expression`. A given expression replaces all lists. Raises `Refusal` for a bad
    value.
    """
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


def check_timezone(call: Call, value: Any) -> str:
    """Return an IANA zone name, that of the account for an empty text.

    Raises `Refusal` for an unknown zone.
    """
    name = value or call.own_account()["timezone"]
    try:
        read_zone(name)
    except ValueError as error:
        raise Refusal(f"Invalid timezone: {name}.") from error
    return str(name)


def check_payload(method: str, payload: str) -> None:
    """Raise `Refusal` for a payload that does not fit the HTTP method of its job."""
    if not is_structured(payload):
        return
    if method not in WITH_BODY:
        raise Refusal(f"The payload of a {method} cronjob must be a query string.")
    check_text("payload", payload)


def is_structured(text: str) -> bool:
    """Return True for a text that is no query string on one line, so that it must be JSON."""
    return text.startswith("{") or "\n" in text


def check_text(name: str, text: str) -> None:
    """Raise `Refusal` for a text that is neither a query string on one line nor JSON."""
    if not is_structured(text):
        return
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"The {name} must be a query string on one line, or valid JSON.") from error


def _check(call: Call, name: str, value: object) -> object:
    if name in _RANGES:
        return _in_range(name, value, call.settings.era)
    if name in _LENGTHS and len(str(value)) > _LENGTHS[name]:
        raise Refusal(f"{name} can have at most {_LENGTHS[name]} characters.")
    return _CHECKS[name](call, value) if name in _CHECKS else value


def _in_range(name: str, value: Any, era: Era) -> object:
    lowest, highest = _RANGES[name]
    if name == "timeout":
        lowest = RULES[era].least_timeout
    if not lowest <= value <= highest:
        raise Refusal(f"{name} must be from {lowest} to {highest}.")
    return value


def _check_lists(lists: Mapping[str, list[str]]) -> Document:
    try:
        read_schedule(lists)
    except ValueError as error:
        raise Refusal(f"Invalid schedule: {error}.") from error
    return {"lists": dict(lists), "expression": lists_as_text(lists)}


def _check_url(call: Call, value: Any) -> str:
    url = value if re.match(r"[a-z][a-z0-9+.-]*://", value, re.IGNORECASE) else f"http://{value}"
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None
    except ValueError:
        host = None
    blanks = r"[^\S ]" if "url_spaces" in call.settings.normalise else r"\s"
    if not host or re.search(blanks, url):
        raise Refusal("Invalid URL.")
    if call.settings.refuse_localhost and is_loopback(host.rstrip(".")):
        raise Refusal("Invalid URL: its host is refused.")
    return url


def _check_expression(call: Call, value: Any) -> str:
    text = value or RULES[call.settings.era].expression
    try:
        read_schedule(text)
    except ValueError as error:
        raise Refusal(f"Invalid expression: {error}.") from error
    return str(text)


def _check_filter(_call: Call, value: Any) -> str:
    try:
        if value:
            read_filter(value)
    except ValueError as error:
        raise Refusal(f"Invalid filter: {error}.") from error
    return str(value)


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


def _check_post_data(call: Call, value: Any) -> object:
    # Source: FastCron changelog, October 2024.
    if call.settings.era == "latest":
        check_text("postData", value)
    return value


_CHECKS: Mapping[str, Callable[[Call, Any], object]] = {
    "url": _check_url,
    "expression": _check_expression,
    "timezone": check_timezone,
    "filter": _check_filter,
    "httpMethod": _check_method,
    "group": _check_group,
    "notify": _check_notify,
    "postData": _check_post_data,
}
