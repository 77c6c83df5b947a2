"""Look up a create whose answer was lost: ask, compare exactly, claim only certainties.

A create is looked up before it is repeated. A row that matches every field that was sent, and was
not there before, is the one.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from cronapi import _functions as table
from cronapi._calls.matching import match, new_rows
from cronapi._calls.memory import Memory, run_key
from cronapi._calls.pages import Ask, as_list, every_job
from cronapi.errors import AuthenticationError, CronAPIError

Row = Mapping[str, Any]
T = TypeVar("T")

MOST_QUEUED = 100
"""Times that `cron.next` answers at most (FastCron's documentation, 2024-08)."""
SOON = 90.0
"""Seconds. A run sooner than that may have happened, or been moved, before a lookup sees it."""
SHORT_LOOK, LONG_LOOK = (0.5,), (0.5, 2.0, 4.0)
"""Seconds before each look. The service may still be working on a request that timed out, here or
at a gateway: one look that finds nothing proves little then."""


@frozen
class Finding:
    """The result of a lookup: the data of the call, proof that it did not happen, or neither."""

    data: Any = None
    happened: bool | None = None


DID_NOT_HAPPEN, UNCLEAR = Finding(happened=False), Finding()


async def retry_once(look: Callable[[], Awaitable[T]]) -> T:
    """Retry a failed lookup once; otherwise the outcome stays unknown."""
    try:
        return await look()
    except AuthenticationError:
        raise
    except CronAPIError:
        return await look()


def choose(sent: Iterable[Row], rows: Iterable[dict[str, Any]]) -> Finding:
    """Tell from new rows if all of a request happened, or nothing of it.

    It is unclear if a part happened, or if a row is left over that might be one of them.
    """
    found = match(sent, rows)
    if found.spare or 0 < found.count < len(found.rows):
        return UNCLEAR
    return Finding(data=found.rows, happened=True) if found.count else DID_NOT_HAPPEN


async def _find_job(ask: Ask, sent: Row, memory: Memory, epoch: int) -> Finding:
    jobs = await every_job(ask, str(sent.get("name") or sent["url"]).strip())
    return _only(choose([sent], new_rows(jobs, "cron", memory, epoch)))


async def _find_jobs(ask: Ask, sent: Row, memory: Memory, epoch: int) -> Finding:
    return choose(sent["data"], new_rows(await every_job(ask), "cron", memory, epoch))


async def _find_group(ask: Ask, sent: Row, memory: Memory, epoch: int) -> Finding:
    groups = as_list(await ask(table.GROUP_LOOKUP, {"name": sent["name"]}))
    return _only(choose([sent], new_rows(groups, "group", memory, epoch)))


async def _find_run(ask: Ask, sent: Row, memory: Memory, _epoch: int) -> Finding:
    """Look for the time of a run in the queue. Without a time it looks like the schedule's own."""
    soon = "time" not in sent or int(sent["time"]) < time.time() + SOON
    if soon or memory.is_known_run(run_key(sent)):
        return UNCLEAR
    queued = as_list(await ask(table.CRON_NEXT, {"id": sent["id"]}))
    return find_time(int(sent["time"]), [int(at) for at in queued if str(at).isdecimal()])


def find_time(wanted: int, queued: list[int]) -> Finding:
    """Tell from the queued times if a run at `wanted` was added to a schedule.

    Twice there, or at another second than all others: it was added. Once, and in step with the
    schedule: unclear. Not there: it was not added, unless the list ends before that time.
    """
    count = queued.count(wanted)
    in_step = any(at != wanted and at % 60 == wanted % 60 for at in queued)
    if count > 1 or (count == 1 and not in_step):
        return Finding(data=wanted, happened=True)
    if count == 1 or (len(queued) >= MOST_QUEUED and wanted > max(queued)):
        return UNCLEAR
    return DID_NOT_HAPPEN


def _only(finding: Finding) -> Finding:
    return Finding(data=finding.data[0], happened=True) if finding.happened else finding


Recovery = Callable[[Ask, Row, Memory, int], Awaitable[Finding]]


def _twice(recover: Recovery) -> Recovery:
    async def recover_twice(ask: Ask, sent: Row, memory: Memory, epoch: int) -> Finding:
        return await retry_once(partial(recover, ask, sent, memory, epoch))

    return recover_twice


RECOVERY: dict[str, Recovery] = {
    "cron.add": _twice(_find_job),
    "cron.batch_add": _twice(_find_jobs),
    "group.add": _twice(_find_group),
    "cron.run": _twice(_find_run),
}
"""How each create is looked up."""
