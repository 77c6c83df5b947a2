"""Rules for manifests: what can be meant, and most often is not."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import attrs

from cronapi._calls.spelling import normal
from cronapi.errors import ConfigurationError
from cronapi.manifest.identity import LOOKALIKE
from cronapi.manifest.limits import too_often
from cronapi.manifest.masking import is_secret_name, secret_parts
from cronapi.manifest.problems import Place
from cronapi.manifest.schedules import is_over, is_zone, known_zone, skipped_run
from cronapi.manifest.wanted import Wanted, WantedJob
from cronapi.models import Account
from cronapi.providers import FASTCRON, SETCRONJOB
from cronapi.schedule import Kind, Schedule

_LACKS = {one.name: one.lacks for one in (FASTCRON, SETCRONJOB)}
_FIELDS = 5
_DAY, _MONTH, _WEEKDAY = 2, 3, 4


@attrs.frozen
class Finding:
    """Something to look at: the file and line, the job, the name of the rule, and a text.

    `allow = ["RULE"]` in the table of the job silences it.
    """

    place: str
    job: str
    rule: str
    text: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.place, self.job, self.rule, self.text)))


Rule = Callable[[WantedJob, datetime], Iterator[tuple[str, str]]]
"""Yields fields with a text each."""


def _expression(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    try:
        _schedule(job)
    except ConfigurationError as error:
        yield "expression", str(error)


def _schedule(job: WantedJob) -> Schedule | None:
    expression, zone = job.values.get("expression"), known_zone(job.values.get("timezone"))
    if expression is None:
        return None
    return Schedule.parse(expression, timezone=zone or "UTC")


def _readable(job: WantedJob) -> Schedule | None:
    try:
        return _schedule(job)
    except ConfigurationError:
        return None


def _never(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    schedule = _readable(job)
    if schedule is not None and schedule.never and schedule.kind is not Kind.MANUAL:
        yield "expression", "it never runs: no year has such a date."


def _every_year(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    parts = str(job.values.get("expression", "")).split()
    if len(parts) == _FIELDS and parts[_DAY].isdigit() and parts[_MONTH].isalnum():
        yield "expression", "it comes back each year: a date with its year runs once."


def _either_day(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    parts = str(job.values.get("expression", "")).split()
    if len(parts) == _FIELDS and "*" not in (parts[_DAY][:1], parts[_WEEKDAY][:1]):
        yield "expression", "it runs if either the day or the weekday matches."


def _over(job: WantedJob, now: datetime) -> Iterator[tuple[str, str]]:
    if is_over(job.values.get("expression"), job.values.get("timezone"), now):
        yield "expression", "it is over: the job is neither created nor edited."


def _unknown_zone(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    zone = job.values.get("timezone")
    if zone and not is_zone(zone):
        yield "timezone", f"this machine knows no zone {zone!r}."


def _skipped(job: WantedJob, now: datetime) -> Iterator[tuple[str, str]]:
    schedule, zone = _readable(job), job.values.get("timezone")
    run = None if schedule is None or not zone else skipped_run(schedule, now)
    if run is not None:
        yield (
            "expression",
            f"the clock of {zone} skips {run:%H:%M} on {run:%Y-%m-%d}: it runs at another time.",
        )


def _carriage_return(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    headers = job.values.get("http_headers")
    if isinstance(headers, str) and "\r" in headers.replace("\r\n", "\n"):
        yield "http_headers", "it has a CR without an LF, which servers read in different ways."


def _local_target(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    try:
        url = job.values["url"]
        host = urlsplit(url if "://" in url else f"http://{url}").hostname or ""
        is_local = host == "localhost" or not ipaddress.ip_address(host).is_global
    except (KeyError, ValueError):
        return
    if is_local:
        yield "url", "the service cannot reach an address of this machine or network."


def _plain_secret(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    texts = {name: job.values[name] for name in ("url", "post_data") if name in job.values}
    for name, text in texts.items():
        if name not in job.variables and secret_parts(name, text):
            yield name, "it has a secret in plain text: use a variable."
    headers = job.values.get("http_headers")
    fields = [f"http_headers.{key}" for key in headers] if isinstance(headers, Mapping) else []
    for field in (*fields, *(["password"] if "password" in job.values else [])):
        if is_secret_name(field) and field not in job.variables:
            yield field, "it is a secret in plain text: use a variable."


def _not_json(job: WantedJob, _: datetime) -> Iterator[tuple[str, str]]:
    body = job.values.get("post_data", "")
    if not body.startswith("{"):
        return
    try:
        json.loads(body)
    except ValueError:
        yield "post_data", "it begins like JSON, and is none."


RULES: Mapping[str, Rule] = {
    "expression": _expression,
    "never": _never,
    "every-year": _every_year,
    "either-day": _either_day,
    "over": _over,
    "unknown-zone": _unknown_zone,
    "skipped": _skipped,
    "header-cr": _carriage_return,
    "local-target": _local_target,
    "plain-secret": _plain_secret,
    "not-json": _not_json,
}
"""The rules for one job, by their names."""
_OF_MANY = ("similar-name", "not-taken", "too-often", LOOKALIKE)


def findings(wanted: Wanted, now: datetime) -> list[Finding]:
    """Return what the rules find in a manifest at a time."""
    names: dict[str, str] = {}
    found: list[Finding] = []
    for job in wanted.jobs:
        found += [
            _finding(job, rule, field, text)
            for rule, check in RULES.items()
            for field, text in check(job, now)
        ]
        found += [_finding(job, "not-taken", *one) for one in _not_taken(job, wanted)]
        other = names.setdefault(normal("name", job.name).casefold(), job.name)
        if other != job.name:
            text = f"its name is like {other!r}, and a service may take them for one."
            found.append(_finding(job, "similar-name", "", text))
        for rule in sorted(job.allow - RULES.keys() - set(_OF_MANY)):
            found.append(_finding(job, "unknown-rule", "allow", f"there is no rule {rule!r}."))
    return _not_allowed(found, wanted)


def findings_of_account(wanted: Wanted, account: Account) -> list[Finding]:
    """Return what the rules find in a manifest for an account."""
    found = [
        _finding(job, "too-often", "expression", text)
        for job in wanted.jobs
        if (text := too_often(job, account)) is not None
    ]
    if account.cron is not None and len(wanted.jobs) > account.cron:
        text = f"{len(wanted.jobs)} jobs are more than the {account.cron} of the account."
        found.append(Finding(str(wanted.scope.place), "", "too-many", text))
    return _not_allowed(found, wanted)


def _not_allowed(found: Sequence[Finding], wanted: Wanted) -> list[Finding]:
    allowed = {job.name: job.allow for job in wanted.jobs}
    return [one for one in found if one.rule not in allowed.get(one.job, ())]


def _not_taken(job: WantedJob, wanted: Wanted) -> Iterator[tuple[str, str]]:
    lacks = _LACKS.get(wanted.scope.provider or "", frozenset())
    for name in sorted(job.values.keys() & lacks):
        yield name, f"{wanted.scope.provider} does not take it today."


def _finding(job: WantedJob, rule: str, field: str, text: str) -> Finding:
    path: Any = job.place.path + tuple(field.split(".")) if field else job.place.path
    return Finding(str(Place(job.place.source, path)), job.name, rule, text)
