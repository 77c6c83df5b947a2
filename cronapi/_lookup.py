"""What became of a call whose answer was lost: ask the service, compare exactly, and say so only where it is certain.

A create is looked up before it is repeated: what matches in every field that was sent, and was not there before, is it. `ask` performs
a read through the same queue and retries as any other call.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from cronapi import _functions as table
from cronapi._functions import PAGE, Function
from cronapi.errors import ResponseError

_ID = re.compile("[0-9]{1,18}")
Ask = Callable[[Function[Any], dict[str, Any]], Awaitable[Any]]
Row = Mapping[str, Any]

MOST_QUEUED = 100
"""Times that `cron.next` answers at most (FastCron's documentation, 2024-08)."""
SOON = 90.0
"""Seconds: a run sooner than that may have happened, or been moved, by the time somebody looks."""
_NAMING = frozenset({"url", "name"})
_NOT_COMPARED = frozenset({"password", "payload", "run", "token"})


@frozen
class Finding:
    """What a look-up found: the data of the call that did happen, proof that it did not, or neither."""

    data: Any = None
    happened: bool | None = None


HAPPENED_NOT, UNCLEAR = Finding(happened=False), Finding()


@define
class Memory:
    """The ids that a client has seen, and since when; what was seen before a create was sent is not what it made."""

    _first_seen: dict[tuple[str, int], int] = field(factory=dict)
    _made: set[tuple[str, int]] = field(factory=set)
    _moment: int = 0

    def now(self) -> int:
        """Return a moment; ids that are learnt later are later than it."""
        self._moment += 1
        return self._moment

    def learn(self, function: str, data: object, sent: Row) -> None:
        """Take note of the ids in an answer to what was sent."""
        if function == "cron.run":
            self._made.add(run_key(sent))
        target = _target(function)
        if target is None:
            return
        keys = {(target, number) for number in ids_of(data)}
        for key in keys:
            self._first_seen.setdefault(key, self._moment)
        if function in RECOVERY:
            self._made |= keys

    def is_made(self, key: tuple[str, int]) -> bool:
        """Whether another create of this client made it."""
        return key in self._made

    def is_older(self, target: str, number: int | None, moment: int) -> bool:
        """Whether the id was there before the moment, or belongs to another create."""
        key = (target, number or 0)
        return key in self._made or self._first_seen.get(key, moment) < moment


def _target(function: str) -> str | None:
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
    return [int(number) for number in found if isinstance(number, int | str) and _ID.fullmatch(str(number))]


def is_match(sent: Row, row: Row) -> bool:
    """Whether a listed row has every field that was sent, as far as the service shows it."""
    shared = (sent.keys() & row.keys()) - _NOT_COMPARED
    return bool(shared & _NAMING) and all(_plain(name, sent[name]) == _plain(name, row[name]) for name in shared)


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


def _listed(data: object) -> list[Any]:
    """Return a list as it was answered; anything else proves nothing."""
    if not isinstance(data, list):
        raise ResponseError("The listing is no list.")
    return data


async def every_job(ask: Ask, keyword: str | None = None) -> list[dict[str, Any]]:
    """Return the jobs of all pages."""
    jobs: list[dict[str, Any]] = []
    for page in itertools.count(1):
        rows = _listed(await ask(table.CRON_LIST, {"page": page} | ({"keyword": keyword} if keyword else {})))
        if rows and rows[0] in jobs[::PAGE]:  # a service that knows no pages answers the first for ever
            break
        jobs += rows
        if len(rows) < PAGE:
            break
    return jobs


def choose(sent: Iterable[Row], rows: Iterable[Row]) -> Finding:
    """Match what was sent with what is new in the service's list, in order of ids.

    All matched once: it happened. None matched: it did not. Some, or a further candidate: unclear.
    """
    wanted, free = [{"name": ""} | dict(spec) for spec in sent], sorted(rows, key=lambda row: int(row["id"]))
    found: list[Row] = []
    for spec in wanted:
        match = next((row for row in free if is_match(spec, row)), None)
        if match is not None:
            free.remove(match)
            found.append(match)
    doubtful = any(is_akin(spec, row) for spec in wanted for row in free)
    if doubtful or 0 < len(found) < len(wanted):
        return UNCLEAR
    return Finding(data=found, happened=True) if found else HAPPENED_NOT


def _new(rows: Iterable[dict[str, Any]], target: str, memory: Memory, moment: int) -> list[dict[str, Any]]:
    return [row for row in rows if (numbers := ids_of(row)) and not memory.is_older(target, numbers[0], moment)]


async def _find_job(ask: Ask, sent: Row, memory: Memory, moment: int) -> Finding:
    jobs = await every_job(ask, str(sent.get("name") or sent["url"]).strip())
    return _only(choose([sent], _new(jobs, "cron", memory, moment)))


async def _find_jobs(ask: Ask, sent: Row, memory: Memory, moment: int) -> Finding:
    return choose(sent["data"], _new(await every_job(ask), "cron", memory, moment))


async def _find_group(ask: Ask, sent: Row, memory: Memory, moment: int) -> Finding:
    groups = _listed(await ask(table.GROUP_LOOKUP, {"name": sent["name"]}))
    return _only(choose([sent], _new(groups, "group", memory, moment)))


async def _find_run(ask: Ask, sent: Row, memory: Memory, _moment: int) -> Finding:
    """Look whether the time that was asked for is queued; a run without a time cannot be told from the schedule's own."""
    if "time" not in sent or int(sent["time"]) < time.time() + SOON or memory.is_made(run_key(sent)):
        return UNCLEAR
    queued = _listed(await ask(table.CRON_NEXT, {"id": sent["id"]}))
    return find_time(int(sent["time"]), [int(at) for at in queued if str(at).isdecimal()])


def run_key(sent: Row) -> tuple[str, int]:
    """Return what names a run that was asked for: its job and its time."""
    return f"run of {sent.get('id')}", int(sent.get("time", 0))


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
    kind = "run" if function == "cron.run" else str(_target(function))
    keys = ("id", "time") if kind == "run" else ("url", "name")
    rows = [spec for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return frozenset((kind, *(_plain(key, spec.get(key)) for key in keys)) for spec in rows)


Recovery = Callable[[Ask, Row, Memory, int], Awaitable[Finding]]
RECOVERY: dict[str, Recovery] = {
    "cron.add": _find_job,
    "cron.batch_add": _find_jobs,
    "group.add": _find_group,
    "cron.run": _find_run,
}


async def is_gone(ask: Ask, function: str, number: object) -> bool:
    """Whether a complete listing shows that none of the jobs or groups with these ids is there.

    Without a keyword: only FastCron documents that it searches ids.
    """
    wanted = {str(item) for item in (number if isinstance(number, list) else [number])}
    if number is None:
        return False
    if _target(function) == "group":
        rows = _listed(await ask(table.GROUP_LIST, {}))
    else:
        rows = await every_job(ask)
    return wanted.isdisjoint(str(item) for item in ids_of(rows))
