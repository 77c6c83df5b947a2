"""Tell the answer to a call from an answer that belongs to another request.

A proxy that sends an answer twice hands the second one to the next request on its connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cronapi._calls.memory import Memory, ids_asked, ids_of, target_of
from cronapi._functions import Function, Repeat
from cronapi.models import Account, CronJob, Execution, Group

_KINDS = {CronJob: "job", Group: "group", Account: "account", Execution: "run"}
_KIND_OF = {result: kind for one, kind in _KINDS.items() for result in (one, list[one])}  # type: ignore[valid-type]  # a value here
_OF_A_GROUP = frozenset({"id", "name", "jobCount", "priority", "autoDelete", "contacts"})


def foreign_answer(
    function: Function[Any], sent: Mapping[str, Any], data: object, memory: Memory, epoch: int
) -> str | None:
    """Return the reason why an answer belongs to another request, or None.

    Its shape must not be that of another function. An id that was asked for must come back, as far
    as an answer has ids. A create is answered with ids that were not known before it was sent.
    """
    odd = _other_shape(function, data)
    return odd or _other_ids(function, sent, data, memory, epoch)


def _other_shape(function: Function[Any], data: object) -> str | None:
    """Return how an answer has the shape of another function, or None.

    What no function answers with may be the service's own: it is not judged here. But a create is
    proven by nothing else than what it has made.
    """
    if function.result is object:  # the table does not know the function
        return None
    is_list, kind = function.is_list, _KIND_OF.get(function.result)
    rows = data if isinstance(data, list) else [data]
    strange = {shown for row in rows if (shown := _kind_of(row)) not in (None, kind)}
    if strange:
        return f"It describes something else ({min(strange)})."
    if is_list and (isinstance(data, int | str) or (isinstance(data, dict) and "id" in data)):
        return "It is no list."
    if is_list and kind is not None and isinstance(data, list) and not _are_objects(data):
        return f"It is no list of {kind}s."
    if kind is not None and not is_list and isinstance(data, list | int | str):
        return f"It is no single {kind}."
    is_create = function.repeat is Repeat.CREATE
    if is_create and (not _names_something(rows) if kind else isinstance(data, list)):
        return "It does not name what was made."
    return None


def _names_something(rows: list[Any]) -> bool:
    """Return True if there are rows, and each has an id or a text by which it may be found.

    An own answer may lack ids. It says all the same that something was made.
    """
    return bool(rows) and all(
        (isinstance(row, dict) and ("url" in row or "name" in row)) or ids_of(row) for row in rows
    )


def _are_objects(rows: list[Any]) -> bool:
    return all(isinstance(row, dict) for row in rows)


def _kind_of(row: object) -> str | None:
    """Return what an object of an answer describes, or None if its members do not tell."""
    if not isinstance(row, dict) or "id" not in row:
        return None
    if "url" in row:
        return "job"
    if "plan" in row:
        return "account"
    return "group" if "name" in row and row.keys() <= _OF_A_GROUP else None


def _other_ids(
    function: Function[Any], sent: Mapping[str, Any], data: object, memory: Memory, epoch: int
) -> str | None:
    target = target_of(function.name)
    if target is None or function.name == "group.items":
        return None
    numbers = ids_of(data)
    if function.repeat is Repeat.CREATE and "id" not in sent:
        known = [number for number in numbers if memory.is_older(target, number, epoch)]
        return f"It has the id {known[0]}, which was there before." if known else None
    wanted = ids_asked(sent)
    if not wanted or function.name == "cron.group_edit":
        return None
    strange = [number for number in numbers if number not in wanted]
    return f"It has the id {strange[0]}, which was not asked for." if strange else None
