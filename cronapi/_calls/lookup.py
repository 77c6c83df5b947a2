"""Look up a create whose answer was lost: ask, compare exactly, claim only certainties.

A create is looked up before it is repeated. A row that matches every field that was sent, and was
not there before, is the one.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

from attrs import field, frozen

from cronapi import _functions as table
from cronapi._calls.matching import Expects, Habits, habits_of, is_match, match, new_rows
from cronapi._calls.memory import Memory, ids_of, run_key, target_of
from cronapi._calls.pages import Ask, as_list, every_job, job_list
from cronapi._logs.lines import TWIN, write
from cronapi._protocol.hidden import hidden_text
from cronapi.errors import AuthenticationError, CronAPIError

Row = Mapping[str, Any]
T = TypeVar("T")

MOST_QUEUED = 100
"""Times that `cron.next` answers at most (FastCron's documentation, 2024-08)."""
SOON = 90.0
"""Seconds. A run sooner than that may have happened, or been moved, before a lookup sees it."""
LOOKS = (0.5, 2.0, 4.0)
"""Seconds before each look. The service may still be working on a request whose connection broke,
or its list may lag behind: one look that finds nothing proves little."""
LAST_LOOK = 4.0
"""Seconds before the look for a twin of a create that was sent again."""


@frozen
class Look:
    """The means of a lookup: a way to read, and what the client knows since an epoch.

    `expects` returns True for a job or group that another create under way would make.
    """

    ask: Ask
    memory: Memory
    epoch: int
    expects: Callable[[str, Row], bool] = lambda _target, _row: False

    def choose(self, sent: Iterable[Row], rows: list[dict[str, Any]], target: str) -> Finding:
        """Choose among the rows of a listing that are new."""
        new, expects = self.new(rows, target), partial(self.expects, target)
        return choose(sent, new, habits_of(rows, target, self.memory, new), expects)

    def new(self, rows: list[dict[str, Any]], target: str) -> list[dict[str, Any]]:
        """Return the rows that no create of this client is known to have made."""
        return new_rows(rows, target, self.memory, self.epoch)


@frozen
class Finding:
    """The result of a lookup: the data of the call, proof that it did not happen, or neither.

    `is_early` is set if doubt may end once an answer to another create shows how texts are kept.
    """

    data: Any = field(default=None, repr=False)
    happened: bool | None = None
    is_early: bool = False


DID_NOT_HAPPEN, UNCLEAR = Finding(happened=False), Finding()


async def retry_once(look: Callable[[], Awaitable[T]]) -> T:
    """Retry a failed lookup once; otherwise the outcome stays unknown."""
    try:
        return await look()
    except AuthenticationError:
        raise
    except CronAPIError:
        return await look()


def choose(
    sent: Iterable[Row],
    rows: Iterable[dict[str, Any]],
    habits: Habits | None = None,
    expects: Expects | None = None,
) -> Finding:
    """Tell from new rows if all of a request happened, or nothing of it.

    It is unclear if a part happened, or if a row is left over that might be one of them.
    """
    habits = habits or Habits()
    found = match(sent, rows, habits, expects)
    if found.spare or 0 < found.count < len(found.rows):
        return UNCLEAR
    if found.doubtful:
        return Finding(is_early=habits.is_empty)
    return Finding(data=found.rows, happened=True) if found.count else DID_NOT_HAPPEN


async def _find_job(look: Look, sent: Row) -> Finding:
    """Search for a job, and read the whole list if the search does not show it.

    A search may work by whole words or by patterns, so it proves no absence.
    """
    spec = {"name": ""} | dict(sent)
    keyword = hidden_text(str(sent.get("name") or sent["url"]).strip())
    async with aclosing(job_list(look.ask, keyword).down()) as pages:
        async for page in pages:
            shown = any(is_match(spec, job) for job in page if isinstance(job, dict))
            finding = look.choose([sent], page, "cron") if shown else UNCLEAR
            if finding.happened:
                return _only(finding)
    return _only(look.choose([sent], await every_job(look.ask), "cron"))


async def _find_jobs(look: Look, sent: Row) -> Finding:
    return look.choose(sent["data"], await every_job(look.ask), "cron")


async def _find_group(look: Look, sent: Row) -> Finding:
    """Look a group up by its name, and read all groups if that does not show it."""
    named = as_list(await look.ask(table.GROUP_LOOKUP, {"name": sent["name"]}))
    finding = look.choose([sent], named, "group") if named else UNCLEAR
    if not finding.happened:
        groups = as_list(await look.ask(table.GROUP_LIST, {}))
        finding = look.choose([sent], groups, "group")
    return _only(finding)


async def _find_run(look: Look, sent: Row) -> Finding:
    """Look for the time of a run in the queue. Without a time it looks like the schedule's own."""
    soon = "time" not in sent or int(sent["time"]) < time.time() + SOON
    if soon or look.memory.is_known_run(run_key(sent)):
        return UNCLEAR
    queued = as_list(await look.ask(table.CRON_NEXT, {"id": sent["id"]}))
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


async def find_twin(look: Look, function: str, sent: Row, data: Any) -> Row | None:
    """Return another job, or group, that was made of one create, or None.

    `data` is the answer to its last request. If the look fails, nothing is known of a twin.
    """
    target = target_of(function)
    if function not in ("cron.add", "group.add") or not isinstance(data, dict) or not ids_of(data):
        return None
    like = _groups_like if target == "group" else _jobs_like
    try:
        rows = await like(look.ask, sent, ids_of(data)[0])
    except Exception:  # noqa: BLE001 -- a token function may raise anything
        return None
    spec = {"name": ""} | dict(sent)
    twins = [row for row in look.new(rows, str(target)) if is_match(spec, row)]
    return min(twins, key=lambda row: int(row["id"]), default=None)


async def _jobs_like(ask: Ask, sent: Row, made: int) -> list[dict[str, Any]]:
    """Search for jobs, and read the whole list if the search does not show the one that was made.

    A search that shows that one shows its twin too.
    """
    search = job_list(ask, str(sent.get("name") or sent["url"]).strip())
    rows = [row async for page in search.down() for row in page]
    return rows if made in ids_of(rows) else await every_job(ask)


async def _groups_like(ask: Ask, sent: Row, made: int) -> list[dict[str, Any]]:
    rows = as_list(await ask(table.GROUP_LOOKUP, {"name": sent["name"]}))
    return rows if made in ids_of(rows) else as_list(await ask(table.GROUP_LIST, {}))


def tell_older(provider: str, function: str, data: Row, twin: Row) -> tuple[Row, int]:
    """Return the older of two rows that were made of one create, and the id of the other.

    Logs a warning with both ids.
    """
    older, younger = sorted([data, twin], key=lambda row: int(row["id"]))
    write(TWIN, provider, function, older["id"], younger["id"])
    return older, int(younger["id"])


def _only(finding: Finding) -> Finding:
    return Finding(data=finding.data[0], happened=True) if finding.happened else finding


Recovery = Callable[[Look, Row], Awaitable[Finding]]


def _twice(recover: Recovery) -> Recovery:
    async def recover_twice(look: Look, sent: Row) -> Finding:
        return await retry_once(partial(recover, look, sent))

    return recover_twice


RECOVERY: dict[str, Recovery] = {
    "cron.add": _twice(_find_job),
    "cron.batch_add": _twice(_find_jobs),
    "group.add": _twice(_find_group),
    "cron.run": _twice(_find_run),
}
"""How each create is looked up."""
