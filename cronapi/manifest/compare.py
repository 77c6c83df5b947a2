"""Does a listed job have a wanted value? Three answers: same, differs, cannot tell.

The normal forms are those of `_calls/spelling`. A value is compared only if the answer shows it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from cronapi._calls.matching import NOT_COMPARED
from cronapi._calls.spelling import normal
from cronapi._names import wire_name
from cronapi.manifest.respelling import is_wrapped, may_be_respelt
from cronapi.manifest.schedules import are_same
from cronapi.providers import FASTCRON, SETCRONJOB

Row = Mapping[str, Any]


class Answer(enum.Enum):
    """How a value of a listed job compares with the wanted one."""

    SAME = "same"
    DIFFERS = "differs"
    CANNOT_TELL = "cannot tell"


NULL_IS_EMPTY = frozenset({"name", "postData", "httpHeaders", "group"})
"""Members whose null means that they are not set. Any other null is no answer."""
SELDOM_SHOWN = frozenset(wire_name(name) for one in (FASTCRON, SETCRONJOB) for name in one.hides)
"""Members that documentation has in requests only. Shown empty, they may be hidden."""
NOT_SETTINGS = frozenset({"id", "fail", "points", "status", "priority"})
"""Members that no edit sets."""


def name_of(row: Row) -> str:
    """Return the name of a listed job, "" if it has none."""
    return str(row.get("name") or "")


def id_of(row: Row) -> int:
    """Return the id of a listed job."""
    return int(row["id"])


def compare(name: str, wanted: object, row: Row, *, longest_url: int = 0) -> Answer:
    """Compare a value, as it is sent under the wire's name, with a listed job.

    `longest_url` is the length of the longest URL that the service shows: it may cut there.
    """
    shown = shown_of(name, row)
    if name in NOT_COMPARED or shown is None:
        return Answer.CANNOT_TELL
    mine, theirs = normal(name, wanted), normal(name, shown)
    if mine == theirs:
        return Answer.SAME
    if name == "expression" and are_same(mine, theirs):
        return Answer.SAME
    if not theirs and name in SELDOM_SHOWN:
        return Answer.CANNOT_TELL
    if name == "url" and (
        may_be_respelt(mine, theirs, longest_url) or is_wrapped(str(wanted or ""), str(shown))
    ):
        return Answer.CANNOT_TELL
    return Answer.DIFFERS


def shown_of(name: str, row: Row) -> object:
    """Return what a job shows of a member, or None if it shows nothing of it."""
    shown = row.get(name)
    if name == "single" and shown is None and row.get("instances") is not None:
        return str(row["instances"]) == "1"
    if name == "instances" and shown is None and str(row.get("single")) in ("True", "1"):
        return 1
    if shown is None and name in row and name in NULL_IS_EMPTY:
        return ""
    return shown


def shows_same(one: Row, other: Row) -> bool:
    """Return True if two listed jobs are equal in all that both show and that an edit sets."""
    names = (one.keys() & other.keys()) - NOT_SETTINGS
    return all(normal(name, one[name]) == normal(name, other[name]) for name in names)
