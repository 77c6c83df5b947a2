"""Tell the answer to a call from an answer that belongs to another request.

A proxy that sends an answer twice hands the second one to the next request on its connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cronapi._calls.memory import Memory, ids_of, target_of
from cronapi._functions import Function, Repeat


def foreign_answer(
    function: Function[Any], sent: Mapping[str, Any], data: object, memory: Memory, epoch: int
) -> str | None:
    """Return the reason why an answer belongs to another request, or None.

    An id that was asked for must come back, as far as an answer has ids. A create is answered with
    ids that were not known before it was sent.
    """
    target = target_of(function.name)
    if target is None or function.name == "group.items":
        return None
    numbers = ids_of(data)
    if function.repeat is Repeat.CREATE and "id" not in sent:
        known = [number for number in numbers if memory.is_older(target, number, epoch)]
        return f"It has the id {known[0]}, which was there before." if known else None
    asked = sent.get("id")
    wanted = ids_of([{"id": one} for one in (asked if isinstance(asked, list) else [asked])])
    if not wanted or function.name == "cron.group_edit":
        return None
    strange = [number for number in numbers if number not in wanted]
    return f"It has the id {strange[0]}, which was not asked for." if strange else None
