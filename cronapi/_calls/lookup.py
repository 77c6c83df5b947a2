"""What became of a call whose answer was lost: ask the service, compare exactly, and say so only where it is certain.

A create is looked up before it is repeated: what matches in every field that was sent, and was not there before, is it. `ask` performs
a read through the same queue and retries as any other call.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from cronapi import _functions as table
from cronapi._calls.memory import MOST_DIGITS, Memory, run_key
from cronapi._functions import PAGE, Function, Repeat
from cronapi.errors import AuthenticationError, CronAPIError, ResponseError

_ID = re.compile(f"[0-9]{{1,{MOST_DIGITS}}}")
Ask = Callable[[Function[Any], dict[str, Any]], Awaitable[Any]]
Row = Mapping[str, Any]
T = TypeVar("T")

MOST_QUEUED = 100
"""Times that `cron.next` answers at most (FastCron's documentation, 2024-08)."""
SOON = 90.0
"""Seconds: a run sooner than that may have happened, or been moved, by the time somebody looks."""
LOOK_SOON, LOOK_LONG = (0.5,), (0.5, 2.0, 4.0)
"""Seconds before each look. A request that timed out, here or at a gateway, may still be worked on: one look that finds nothing
proves little then."""
_DELETES = frozenset(row.name for row in table.TABLE.values() if row.repeat is Repeat.GONE)
_NAMING = frozenset({"url", "name"})
NOT_COMPARED = frozenset({"password", "payload", "run", "token"})
"""What the services do not show, or show empty."""


@frozen
class Finding:
    """What a look-up found: the data of the call that did happen, proof that it did not, or neither."""

    data: Any = None
    happened: bool | None = None


HAPPENED_NOT, UNCLEAR = Finding(happened=False), Finding()


def learn(memory: Memory, function: str, data: object, sent: Row) -> None:
    """Take note of the ids in an answer to what was sent."""
    if function == "cron.run":
        memory.note_run(sent)
    target = target_of(function)
    if target is not None:
        (memory.claim if function in RECOVERY else memory.see)(target, ids_of(data))
    if function in _DELETES:
        lose(memory, function, sent)


def lose(memory: Memory, function: str, sent: Row) -> None:
    """Take note that what was asked for is not there any more."""
    asked = sent.get("id")
    memory.lose(
        str(target_of(function)),
        ids_of([{"id": number} for number in (asked if isinstance(asked, list) else [asked])]),
    )


def disown(memory: Memory, function: str, data: object) -> None:
    """Take note that nobody was told of what a create made."""
    if function in RECOVERY and (target := target_of(function)) is not None:
        memory.disown(target, ids_of(data))


def target_of(function: str) -> str | None:
    """Return what the ids in a function's answer number: jobs or groups."""
    if function in ("cron.run", "cron.next", "cron.logs", "cron.failures"):
        return None
    if function == "group.items":
        return "cron"
    target = function.partition(".")[0]
    return target if target in ("cron", "group") else None


def ids_of(data: object) -> list[int]:
    """Return the ids of the rows in an answer, those that have one."""
    rows = data if isinstance(data, list) else [data]
    found = (row.get("id") for row in rows if isinstance(row, dict))
    return [
        int(number)
        for number in found
        if isinstance(number, int | str) and _ID.fullmatch(str(number))
    ]


def is_match(sent: Row, row: Row) -> bool:
    """Whether a listed row has every field that was sent, as far as the service shows it."""
    shared = (sent.keys() & row.keys()) - NOT_COMPARED
    return bool(shared & _NAMING) and all(
        _plain(name, sent[name]) == _plain(name, row[name]) for name in shared
    )


def is_akin(sent: Row, row: Row) -> bool:
    """Whether a listed row has the same name and url: it may be what was sent, in a spelling of the service's own."""
    return is_match({name: value for name, value in sent.items() if name in _NAMING}, row)


def _plain(name: str, value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if value is None:
        return ""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    text = text.replace("\r\n", "\n").strip()
    return f"http://{text}" if name == "url" and "://" not in text else text


def listed(data: object) -> list[Any]:
    """Return a list as it was answered; anything else proves nothing."""
    if not isinstance(data, list):
        raise ResponseError("The listing is no list.")
    return data


async def job_pages(
    ask: Ask, keyword: str | None = None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Yield the pages of the job list, as they were answered."""
    first = None
    for page in itertools.count(1):
        rows = listed(
            await ask(table.CRON_LIST, {"page": page} | ({"keyword": keyword} if keyword else {}))
        )
        if rows and rows[0] == first:  # a service that knows no pages answers the first for ever
            return
        first = first or next(iter(rows), None)
        yield rows
        if len(rows) < PAGE:
            return


async def pages_up(
    ask: Ask, last: int, keyword: str | None = None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Yield the pages before the last once more, from the end of the job list to its beginning.

    Deletes move jobs to earlier pages, past a reader on its way down, but not past one on its way up: what neither sees is not there.
    """
    search = {"keyword": keyword} if keyword else {}
    for number in range(last - 1, 0, -1):
        yield listed(await ask(table.CRON_LIST, {"page": number} | search))


async def every_job(ask: Ask, keyword: str | None = None) -> list[dict[str, Any]]:
    """Return the jobs of all pages."""
    down = [page async for page in job_pages(ask, keyword)]
    up = [page async for page in pages_up(ask, len(down), keyword)]
    return list({str(job.get("id")): job for page in down + up for job in page}.values())


async def insist(look: Callable[[], Awaitable[T]]) -> T:
    """Look once more where a look fails: its reads were repeated, but what is at stake is an outcome that nobody will ever know."""
    try:
        return await look()
    except AuthenticationError:
        raise
    except CronAPIError:
        return await look()


@frozen
class Match:
    """What was found of several things that were sent: `rows` in their order, None where there is none.

    `doubtful` are the places of those that may be there all the same, in a spelling of the service's own; `spare` whether a row is
    left over that might be one of them.
    """

    rows: list[dict[str, Any] | None]
    doubtful: frozenset[int]
    spare: bool


def match(sent: Iterable[Row], rows: Iterable[dict[str, Any]]) -> Match:
    """Match what was sent with what is new in the service's list, in order of ids, each row once."""
    wanted, free = [{"name": ""} | dict(spec) for spec in sent], _by_url(rows)
    found: list[dict[str, Any] | None] = []
    for spec in wanted:
        near = free.get(_url(spec), []) + free.get("", [])
        row = next((row for row in near if is_match(spec, row)), None)
        if row is not None:
            free[_url(row)].remove(row)
        found.append(row)
    akin = [
        place
        for place, spec in enumerate(wanted)
        for row in free.get(_url(spec), []) + free.get("", [])
        if is_akin(spec, row)
    ]
    return Match(
        found, frozenset(place for place in akin if found[place] is None), spare=bool(akin)
    )


def _url(row: Row) -> str:
    return _plain("url", row.get("url"))


def _by_url(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return rows by their url in order of ids; those that show none are under an empty one."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: int(row["id"])):
        found.setdefault(_url(row), []).append(row)
    return found


def choose(sent: Iterable[Row], rows: Iterable[dict[str, Any]]) -> Finding:
    """Tell whether all that was sent happened, or nothing of it; unclear where some did, or where a row is left over that might be one."""
    found = match(sent, rows)
    count = sum(row is not None for row in found.rows)
    if found.spare or 0 < count < len(found.rows):
        return UNCLEAR
    return Finding(data=found.rows, happened=True) if count else HAPPENED_NOT


def new_rows(
    rows: Iterable[dict[str, Any]], target: str, memory: Memory, moment: int
) -> list[dict[str, Any]]:
    """Return the rows that were not there at a moment, and that no other create made."""
    return [
        row
        for row in rows
        if (numbers := ids_of(row)) and not memory.is_older(target, numbers[0], moment)
    ]


async def _find_job(ask: Ask, sent: Row, memory: Memory, moment: int) -> Finding:
    jobs = await every_job(ask, str(sent.get("name") or sent["url"]).strip())
    return _only(choose([sent], new_rows(jobs, "cron", memory, moment)))


async def _find_jobs(ask: Ask, sent: Row, memory: Memory, moment: int) -> Finding:
    return choose(sent["data"], new_rows(await every_job(ask), "cron", memory, moment))


async def _find_group(ask: Ask, sent: Row, memory: Memory, moment: int) -> Finding:
    groups = listed(await ask(table.GROUP_LOOKUP, {"name": sent["name"]}))
    return _only(choose([sent], new_rows(groups, "group", memory, moment)))


async def _find_run(ask: Ask, sent: Row, memory: Memory, _moment: int) -> Finding:
    """Look whether the time that was asked for is queued; a run without a time cannot be told from the schedule's own."""
    if "time" not in sent or int(sent["time"]) < time.time() + SOON or memory.is_run(run_key(sent)):
        return UNCLEAR
    queued = listed(await ask(table.CRON_NEXT, {"id": sent["id"]}))
    return find_time(int(sent["time"]), [int(at) for at in queued if str(at).isdecimal()])


def find_time(wanted: int, queued: list[int]) -> Finding:
    """Tell whether a run at `wanted` was added to a schedule, from the times that are queued now.

    Twice there, or at another second than all others: it is ours. Once, and in step with the schedule: unclear. Not there: it was not
    added, unless the list ends before.
    """
    count = queued.count(wanted)
    in_step = any(at != wanted and at % 60 == wanted % 60 for at in queued)
    if count > 1 or (count == 1 and not in_step):
        return Finding(data=wanted, happened=True)
    if count == 1 or (len(queued) >= MOST_QUEUED and wanted > max(queued)):
        return UNCLEAR
    return HAPPENED_NOT


def _only(finding: Finding) -> Finding:
    return Finding(data=finding.data[0], happened=True) if finding.happened else finding


def namings(function: str, sent: Row) -> frozenset[tuple[str, ...]]:
    """Return the names under which a create would be looked up; two creates that share one cannot be told apart."""
    specs = sent.get("data") if function == "cron.batch_add" else [sent]
    kind = "run" if function == "cron.run" else str(target_of(function))
    if (
        kind == "run" and "time" not in sent
    ):  # no look-up finds it, so there is nothing to tell apart
        return frozenset()
    keys = ("id", "time") if kind == "run" else ("url", "name")
    rows = [spec for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return frozenset((kind, *(_plain(key, spec.get(key)) for key in keys)) for spec in rows)


Recovery = Callable[[Ask, Row, Memory, int], Awaitable[Finding]]


def _insisting(recover: Recovery) -> Recovery:
    async def insisting(ask: Ask, sent: Row, memory: Memory, moment: int) -> Finding:
        return await insist(partial(recover, ask, sent, memory, moment))

    return insisting


RECOVERY: dict[str, Recovery] = {
    "cron.add": _insisting(_find_job),
    "cron.batch_add": _insisting(_find_jobs),
    "group.add": _insisting(_find_group),
    "cron.run": _insisting(_find_run),
}
