"""The parameters of each function, as tables, and the readers of their values.

Source: FastCron docs 2024-05 and SetCronJob's documentation pages. Names are case-sensitive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from attrs import frozen

from cronapi.emulator.eras import RULES
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.words import Era

_INT64 = 2**63
_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no", ""})

Kinds = Mapping[str, str]


@frozen
class Signature:
    """The parameters of one function: the kind of each by name, and the required ones.

    `elsewhere` are those that it has only in other eras, with these.
    """

    kinds: Kinds
    required: frozenset[str] = frozenset()
    elsewhere: Mapping[str, tuple[Era, ...]] = MappingProxyType({})


_COMMON_JOB: Kinds = {
    "url": "string",
    "expression": "string",
    "timezone": "string",
    "timeout": "int",
    "instances": "int",
    "username": "string",
    "password": "string",
    "httpMethod": "string",
    "httpHeaders": "string",
    "postData": "string",
    "notifyEvery": "int",
    "ignoreHttpStatus": "bool",
    "retryFailed": "bool",
    "failureThreshold": "int",
    "pattern": "string",
    "group": "group",
    "name": "string",
}

JOB_PARAMETERS: Mapping[str, Kinds] = {
    "fastcron": {
        **_COMMON_JOB,
        "notify": "bool",
        "filter": "string",
        "delay": "int",
        "userAgent": "string",
        "notifyMatch": "string",
        "notifyTime": "int",
        "keyword": "string",
        "run": "int",
        "payload": "string",
    },
    "setcronjob": {
        **_COMMON_JOB,
        "notify": "int",
        "groupID": "group",
        "single": "bool",
        "retry": "int",
        "retryAfter": "int",
        "dnsCache": "bool",
        **dict.fromkeys(("second", "minute", "hour", "day", "month", "weekday"), "strings"),
    },
}

_GROUP: Mapping[str, Kinds] = {
    "fastcron": {"name": "string"},
    "setcronjob": {"name": "string", "autoDelete": "int", "contacts": "ids"},
}
_NO_PAGE = frozenset({"page"})

_ID = Signature({"id": "int"}, frozenset({"id"}))
_NOTHING = Signature({})

_FIXED: Mapping[str, Signature] = {
    "cron.list": Signature({"page": "int", "keyword": "string"}),
    "cron.get": _ID,
    "cron.enable": _ID,
    "cron.disable": _ID,
    "cron.pause": Signature({"id": "int", "for": "string"}, frozenset({"id", "for"})),
    "cron.delete": _ID,
    "cron.run": Signature({"id": "int", "time": "int", "payload": "string"}, frozenset({"id"})),
    "cron.logs": Signature({"id": "int", "keyword": "string", "limit": "int"}, frozenset({"id"})),
    "cron.failures": Signature({"id": "int", "keyword": "string", "limit": "int"}),
    "cron.next": _ID,
    "cron.batch_add": Signature({"data": "objects"}, frozenset({"data"})),
    "cron.batch_delete": Signature({"id": "ids"}, frozenset({"id"})),
    "group.list": _NOTHING,
    "group.get": _ID,
    "group.lookup": Signature({"name": "string"}, frozenset({"name"})),
    "group.delete": _ID,
    "group.vanish": _ID,
    "group.empty": _ID,
    "group.items": _ID,
    "account.get": _NOTHING,
    "account.edit": Signature({"timezone": "string"}),
    "account.secret": Signature({"secret": "string"}, frozenset({"secret"})),
    "server.time": _NOTHING,
    "server.timezones": _NOTHING,
    "server.useragent": _NOTHING,
    "server.ip": _NOTHING,
}


@cache
def signature(
    provider: str, function: str, era: Era = "seed", also: frozenset[str] = frozenset()
) -> Signature:
    """Return the parameters of a function by its dotted name, or raise `KeyError`.

    Those in `also` are there in every era.
    """
    whole = _signature(provider, function, era)
    lacks = {known: _lacks(provider, function, known) for known in RULES}
    missing = lacks[era] - also
    kinds = {name: kind for name, kind in whole.kinds.items() if name not in missing}
    elsewhere: dict[str, tuple[Era, ...]] = {
        name: tuple(other for other in RULES if name not in lacks[other])
        for name in missing & whole.kinds.keys()
    }
    return Signature(kinds, whole.required, elsewhere)


def _lacks(provider: str, function: str, era: Era) -> frozenset[str]:
    rules = RULES[era]
    if provider not in rules.providers:
        return frozenset(_signature(provider, function, era).kinds)
    unpaged = function == "cron.list" and provider not in rules.paged
    return rules.without(function) | (_NO_PAGE if unpaged else frozenset())


def _signature(provider: str, function: str, era: Era) -> Signature:
    job = JOB_PARAMETERS[provider]
    group = _GROUP["setcronjob" if RULES[era].has_contacts else provider]
    by_provider = {
        "cron.add": Signature(job, frozenset({"url"})),
        "cron.edit": Signature({"id": "int", **job}, frozenset({"id"})),
        "cron.batch_edit": Signature({"id": "ids", **job}, frozenset({"id"})),
        "cron.group_edit": Signature({"id": "int", **job}, frozenset({"id"})),
        "group.add": Signature(group, frozenset({"name"})),
        "group.edit": Signature({"id": "int", **group}, frozenset({"id"})),
    }
    return by_provider.get(function) or _FIXED[function]


def read_parameters(spec: Signature, raw: Mapping[str, object], *, strict: bool) -> dict[str, Any]:
    """Return the values by name, each converted to its kind.

    A null or an empty number counts as not sent. Raises `Refusal` for a missing parameter, a bad
    value and, if `strict`, an unknown parameter. If not, names may be in another case.
    """
    if not strict:
        raw = _recased(spec, raw)
    unknown = sorted(raw.keys() - spec.kinds.keys())
    if unknown and strict:
        raise Refusal(f"Unknown parameter: {', '.join(unknown)}.{_hint(spec, unknown)}")
    sent = {
        name: value
        for name, value in raw.items()
        if name in spec.kinds and _is_sent(spec.kinds[name], value)
    }
    missing = sorted(spec.required - sent.keys())
    if missing:
        raise Refusal(f"Missing parameter: {', '.join(missing)}.")
    return {
        name: _read(name, spec.kinds[name], value, strict=strict) for name, value in sent.items()
    }


def _hint(spec: Signature, unknown: Iterable[str]) -> str:
    """Return a sentence about unknown names that other eras know."""
    known = ((name, spec.elsewhere.get(name, ())) for name in unknown)
    told = [f"{name} in {' and '.join(eras)}" for name, eras in known if eras]
    return f" Other eras know {', '.join(told)}." if told else ""


def other_case(spec: Signature, raw: Mapping[str, object]) -> dict[str, str]:
    """Return the names that are those of parameters in another case, each with the right one."""
    right = {name.lower(): name for name in spec.kinds}
    return {
        name: right[name.lower()]
        for name in raw
        if name not in spec.kinds and name.lower() in right and right[name.lower()] not in raw
    }


def _recased(spec: Signature, raw: Mapping[str, object]) -> Mapping[str, object]:
    right = other_case(spec, raw)
    return {right.get(name, name): value for name, value in raw.items()} if right else raw


def _is_sent(kind: str, value: object) -> bool:
    if kind == "group":
        return True
    return value is not None and not (kind == "int" and value == "")


def _read(name: str, kind: str, value: object, *, strict: bool) -> object:
    # PHP accepts a bare number as text. A strict emulator does not.
    if kind == "string" and not strict and isinstance(value, int | float):
        return str(value)
    expected, read = _READERS[kind]
    try:
        return read(value)
    except (TypeError, ValueError) as error:
        raise Refusal(f"Parameter {name} must be {expected}.") from error


def _int(value: object) -> int:
    digits = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value)
    if not digits and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError
    number = int(str(value))
    if not -_INT64 <= number < _INT64:
        raise ValueError
    return number


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    # Raises for half of a surrogate pair, which neither SQLite nor JSON can hold.
    value.encode()
    return value


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower() if isinstance(value, str | int) else None
    if text not in _TRUE | _FALSE:
        raise TypeError
    return text in _TRUE


def _group(value: object) -> int | None:
    return None if value is None or value == "" else _int(value)


def _ids(value: object) -> list[int]:
    items = value.split(",") if isinstance(value, str) else value
    return [_int(item) for item in (items if isinstance(items, list) else [items])]


def _strings(value: object) -> list[str]:
    items = value.split(",") if isinstance(value, str) else value
    return [
        str(_int(item)) if item != "*" else "*"
        for item in (items if isinstance(items, list) else [items])
    ]


def _objects(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise TypeError
    return value


_READERS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "int": ("an integer", _int),
    "string": ("a string", _string),
    "bool": ("a boolean", _bool),
    "group": ("a group id, or empty", _group),
    "ids": ("a list of integers", _ids),
    "strings": ("a list of numbers", _strings),
    "objects": ("an array of objects in a JSON request", _objects),
}
