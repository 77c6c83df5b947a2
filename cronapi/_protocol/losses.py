"""What a new job can take over from a job that a service has shown, and what gets lost.

The one table of it, for copies on one account and for moves from one service to another. Sources:
the data pages of both services, 2013 to 2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from cronapi._names import wire_name
from cronapi._protocol.redaction import HIDDEN
from cronapi.errors import ConfigurationError
from cronapi.models import CronJob, JobStatus, Notify
from cronapi.providers import Provider


def _hidden(_: object) -> str:
    return HIDDEN


@attrs.frozen
class Loss:
    """Something of a job that a new job does not have, or has in another form.

    `field` is its name in a `CronJob`, or the wire's name of a member of `extra`. `reason` says why
    in a few words. `value` is what the job has, which may be a secret: the repr hides it.
    """

    field: str
    reason: str
    value: object = attrs.field(default=None, repr=_hidden)

    def __str__(self) -> str:
        return f"{self.field} ({self.reason})"


NOT_SETTINGS = frozenset({"id", "fail", "points", "status", "priority", "extra"})
"""Fields that no parameter sets. The first three are facts that every job has of its own."""
LIST_FIELDS = ("minute", "hour", "day", "month", "weekday")
"""The value lists of SetCronJob's original schedule that have a field in an expression."""
FROM_EXTRA = ("retry", "retry_after", "notify_match", "notify_time")
"""Parameters that are no field of a CronJob. An answer that shows them has them in `extra`."""
SAME_AS_UNSET: Mapping[str, tuple[object, ...]] = {
    "second": (("0",),),
    "ignore_http_status": (True,),
    "retry_failed": (True,),
}
"""Values that say no more than the service's default. Those of other fields are 0 and False."""
TEXTS_WITH_PLACES = ("url", "post_data", "http_headers")
_PLACE = re.compile("__secret__|__random__")
_MOST_DIGITS = 18
"""Of a number in a service's text. Python refuses to read thousands of them."""
_MASK = re.compile("[*\u2022]+")
"""A text that stands for a password that the service keeps to itself."""

UNLIKE: Mapping[object, str] = {
    Notify.EVERY_RUN: "only failures are notified there, not every run",
    Notify.WHEN_DISABLED: "every failure is notified there, not only being disabled by failures",
}
"""Codes of `notify` that a service without codes has in another form: as ON_FAILURE."""
REASONS = {
    "status": "it is {}, and a new job runs from the start",
    "priority": "no parameter sets it",
    "password": "the service does not show it",
    "group": "its number is that of a group in another account",
    "timezone": "the job runs in the zone of its account, which the answer does not name",
    "weekday": "cron runs on either where both day and weekday are given",
    "lists": "the expression was carried over, and says something else",
    "place": "it has a text that the other service may not replace",
    "unknown": "cronapi knows no parameter for it",
}
LACKED = {
    "second": "{} starts a job once a minute at most",
    "pattern": "{} does not take it, and its keyword means the opposite",
}
"""Why a parameter is lost that a service lacks, where there is more to say than that."""


@attrs.frozen
class Copy:
    """The parameters that a job can give to a new one, and all that they lose."""

    params: Mapping[str, Any] = attrs.field(repr=_hidden)
    losses: tuple[Loss, ...]


@attrs.frozen
class Target:
    """Where a new job goes: its `provider`, if that is known. It `moves` if that is another one."""

    provider: Provider | None = None
    moves: bool = False

    def lacks(self, name: str) -> bool:
        """Return True if its service does not take a parameter."""
        return self.provider is not None and name in self.provider.lacks


def copy_of(job: CronJob, target: Target, check: Callable[[str, Any], object]) -> Copy:
    """Return what a new job can take over.

    `check` raises a ConfigurationError for a value that a parameter cannot have.
    """
    params = _settings(job)
    losses = [*_facts(job), *_account(params, target), *_notify(params, target)]
    losses += [*_password(params), *_schedule(params, target), *_lacked(params, target)]
    for name, value in list(params.items()):
        try:
            check(name, value)
        except ConfigurationError as error:
            losses.append(Loss(name, error.message.rstrip("."), params.pop(name)))
    return Copy(params, tuple(losses))


def _settings(job: CronJob) -> dict[str, Any]:
    """Return the parameters that a job shows, without those that are empty."""
    names = [a.name for a in attrs.fields(CronJob) if a.name not in NOT_SETTINGS]
    shown = {name: getattr(job, name) for name in names}
    shown |= {name: _number(job.extra.get(wire_name(name))) for name in FROM_EXTRA}
    return {name: value for name, value in shown.items() if value not in (None, "", ())}


def _number(value: object) -> object:
    """Return the number that is written as text, as services do, and anything else as it is."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value


def _facts(job: CronJob) -> Iterator[Loss]:
    """Yield what is set and no parameter sets."""
    if job.status not in (None, JobStatus.ACTIVE):
        yield Loss("status", REASONS["status"].format(job.status), job.status)
    if job.priority:
        yield Loss("priority", REASONS["priority"], job.priority)
    known = {wire_name(name) for name in FROM_EXTRA}
    for name, value in job.extra.items():
        if value and name not in known:
            yield Loss(name, REASONS["unknown"], value)


def _account(params: dict[str, Any], target: Target) -> Iterator[Loss]:
    """Yield what means something in its own account only."""
    if not target.moves:
        return
    if group := params.pop("group", None):
        yield Loss("group", REASONS["group"], group)
    if "timezone" not in params:
        yield Loss("timezone", REASONS["timezone"])
    for name in TEXTS_WITH_PLACES:
        if _PLACE.search(str(params.get(name, ""))):
            yield Loss(name, REASONS["place"], params[name])


def _notify(params: dict[str, Any], target: Target) -> Iterator[Loss]:
    code = params.get("notify")
    is_told = target.provider is None or target.provider.notify_codes
    if is_told or not isinstance(code, int) or code not in UNLIKE:
        return
    params["notify"] = Notify.ON_FAILURE
    yield Loss("notify", UNLIKE[code], code)


def _password(params: dict[str, Any]) -> Iterator[Loss]:
    """Yield a password that is hidden: a user without one, or a mask in its place."""
    password = params.get("password")
    is_missing = password is None and "username" in params
    if is_missing or _MASK.fullmatch(str(password or "")):
        yield Loss("password", REASONS["password"], params.pop("password", None))


def _schedule(params: dict[str, Any], target: Target) -> Iterator[Loss]:
    """Write value lists as an expression, if the service does not take them."""
    lists = {
        name: params.pop(name)
        for name in LIST_FIELDS
        if target.lacks(name) and _is_list_of_texts(params.get(name))
    }
    if not lists:
        return
    written = " ".join(",".join(lists.get(name, "*")) for name in LIST_FIELDS)
    restricted = {name for name, value in lists.items() if "*" not in value}
    if params.setdefault("expression", written) != written:
        for name, value in lists.items():
            yield Loss(name, REASONS["lists"], value)
    elif {"day", "weekday"} <= restricted:
        yield Loss("weekday", REASONS["weekday"], lists["weekday"])


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _lacked(params: dict[str, Any], target: Target) -> Iterator[Loss]:
    """Yield what is set, unlike the default, and not taken by the service."""
    if target.lacks("single") and params.pop("single", False):
        params["instances"] = 1
    for name in [name for name in params if target.lacks(name)]:
        value = params.pop(name)
        if value in SAME_AS_UNSET.get(name, (0, False)):
            continue
        reason = LACKED.get(name, "{} does not take it")
        yield Loss(name, reason.format(target.provider and target.provider.name), value)
