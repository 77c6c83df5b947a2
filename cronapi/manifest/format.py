"""The tables of the format: the keys that each may have, and how their values are checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cronapi._protocol.declared import JobParams
from cronapi._protocol.params import CLEARABLE

VERSION = 1
TOP = ("version", "include", "scope", "vars", "defaults", "job", "env")
INCLUDED = ("version", "defaults", "job")
ENVIRONMENT = ("scope", "vars", "defaults", "job")
REFUSED: Mapping[str, str] = {
    "run": "a run is a deed and no state: use `cronapi cron run`.",
    "payload": "a payload belongs to one run and is no state: use post_data.",
    "name": "the name of a job is the name of its table; was = gives its former one.",
    "token": "the token is the client's, and stands in no file.",
}
"""Keys of a job that are refused, each with the reason."""
_FIRST = ("url", "expression")
PARAMETERS = (
    *_FIRST,
    *(name for name in JobParams.__annotations__ if name not in (*_FIRST, *REFUSED)),
)
"""The parameters of a job that a manifest may set, in the order in which they are written."""
_SHARE = re.compile(r"(?:[0-9]|[1-9][0-9]|100)%")


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _deletes(value: object) -> bool:
    if isinstance(value, str):
        return _SHARE.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


Check = tuple[Callable[[object], bool], str]
"""A test of a value, and what the value must be."""
_TEXT: Check = (_text, "must be text that is not empty")
_TEXTS: Check = (_texts, "must be a list of texts")
SCOPE: Mapping[str, Check] = {
    "provider": _TEXT,
    "group": _TEXT,
    "prefix": _TEXT,
    "all": (lambda value: value is True, "can be true alone"),
    "keep": _TEXTS,
    "max_deletes": (_deletes, 'must be a whole number, or a share such as "30%"'),
}
OWN: Mapping[str, Check] = {
    "was": _TEXT,
    "id": (_number, "must be a whole number above 0"),
    "clear": _TEXTS,
    "unmanaged": _TEXTS,
    "enabled": (_flag, "must be true or false"),
    "allow": _TEXTS,
}
"""The keys of a job that are no parameters."""
JOB = (*PARAMETERS, *OWN)
DEFAULTS = (*PARAMETERS, "enabled")


def may_clear(name: str) -> bool:
    """Return True if a parameter can be sent empty."""
    return name in CLEARABLE and name in PARAMETERS


def plain(value: Any) -> Any:
    """Return lists of TOML as tuples, so that values can be compared and hashed."""
    return tuple(value) if isinstance(value, list) else value
