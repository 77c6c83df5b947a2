"""Add many jobs with few requests. A batch that fails is examined, not sent again.

Jobs of a lost batch that arrived are matched to their items, jobs that did not are sent again, and
the rest is unknown. A refused batch is halved until the refused item is alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import frozen

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.parts import send_in_chunks, send_parts
from cronapi._batch.results import BatchResult, Result, all_failed, settled, split
from cronapi._batch.twins import without_twins
from cronapi._calls.creates import Keys
from cronapi._calls.lookup import LOOKS, retry_once
from cronapi._calls.matching import Match, habits_of, lookup_keys, match, new_rows
from cronapi._calls.memory import ids_of
from cronapi._calls.options import DeferredRequest
from cronapi._calls.pages import every_job
from cronapi._functions import Function
from cronapi._logs.lines import ADOPTED, LOOKED_UP, NOT_CARRIED_OUT, UNKNOWN, Event, write
from cronapi._protocol.facts import facts_of
from cronapi.errors import (
    APIError,
    Applied,
    AuthenticationError,
    CronAPIError,
    OutcomeUnknownError,
    TransportError,
)

Spec = Mapping[str, Any]
Rows = list[dict[str, Any]]
ABSENT, DOUBTFUL = "absent", "doubtful"
Found = list[dict[str, Any] | str]
"""A lookup's answer for each item: its row, ABSENT or DOUBTFUL."""


@frozen
class Look:
    """How to look for the jobs of a batch.

    `new` returns the rows that the batch may have made. `delays` are the seconds before each look.
    """

    new: Callable[[Rows], Rows]
    delays: Sequence[float] = LOOKS


async def add(calls: Calls, specs: Sequence[Spec], *, tries: int = 0) -> list[Result]:
    """Add these jobs and return the result of each."""
    most = calls.limits.most if calls.has(table.CRON_BATCH_ADD) else 1
    again = partial(add, calls, tries=tries)
    if len(specs) > most:
        return await send_in_chunks(specs, most, again)
    if len(specs) <= 1:
        results = [await calls.one(table.CRON_ADD, spec) for spec in specs]
        calls.limits.note_accepted(specs[: sum(result.error is None for result in results)])
        return results
    deferred = DeferredRequest(lambda: (table.CRON_BATCH_ADD, {"data": specs}))
    result = await add_together(calls, specs, deferred, tries=tries)
    return await send_parts(calls.limits, specs, result, again)


async def add_together(
    calls: Calls, specs: Sequence[Spec], deferred: DeferredRequest, *, tries: int = 0
) -> BatchResult:
    """Add these jobs with one request. `specs` may change until the request is built."""
    memory, creates = calls.caller.memory, calls.caller.creates
    epoch, keys = 0, Keys()

    def forget() -> None:
        """Forget the last request, or one that was not sent."""
        nonlocal keys
        creates.settle_batch(keys)
        keys = Keys()
        memory.release(epoch)

    def build() -> tuple[Function[Any], Spec]:
        nonlocal epoch, keys
        forget()
        epoch = memory.new_epoch()  # not before: a job listed while it waited is none of its own
        request = deferred.build()
        if not tries:  # a later try is of the first
            keys = _keys_of(specs)
            creates.track_batch(keys)
        return request

    def new(rows: Rows, mine: Collection[int] = ()) -> Rows:
        own = [row for row in rows if not set(ids_of(row)).isdisjoint(mine)]
        return own + new_rows(rows, "cron", memory, epoch)

    try:
        request = DeferredRequest(build, deferred.release, deferred.before, lambda: keys)
        return await _add(calls, specs, request, new, tries)
    finally:
        forget()


def _keys_of(specs: Sequence[Spec]) -> Keys:
    """Return the keys that keep other creates from claiming what these may have made."""
    return lookup_keys(table.CRON_BATCH_ADD.name, {"data": specs})


async def _add(
    calls: Calls,
    specs: Sequence[Spec],
    deferred: DeferredRequest,
    new: Callable[..., Rows],
    tries: int,
) -> BatchResult:
    try:
        sent = {"data": specs}
        data = await calls.limits.gate.send(
            partial(calls, table.CRON_BATCH_ADD, sent, deferred=deferred, look=False)
        )
    except AuthenticationError as error:
        return settled(all_failed(error, specs))
    except APIError as error:
        return await _refused(calls, specs, Look(new, LOOKS[:1]), error, tries)
    except CronAPIError as error:
        if error.applied is not Applied.UNKNOWN:
            return settled(all_failed(error, specs))
        return settled(await _examine(calls, specs, Look(new), error, tries))
    if len(specs) == 1 and isinstance(data, dict):
        calls.limits.note_accepted(specs)
        return settled([Result(data)])
    if isinstance(data, list) and len(data) == len(specs):
        calls.limits.note_accepted(specs)
        return settled(Result(row) for row in data)
    unclear = OutcomeUnknownError("The answer has not one job for each that was sent.")
    look = Look(partial(new, mine=ids_of(data)))
    return settled(await _examine(calls, specs, look, unclear, tries))


async def resume(calls: Calls, specs: Sequence[Spec], known: Collection[int]) -> list[Result]:
    """Examine jobs that an earlier run was adding when it ended, add the missing ones.

    `known` are the ids from before that run. This client's own sightings prove nothing here, since
    it may have listed jobs before it resumed. Jobs that it made belong to the callers it told; jobs
    that it told nobody about may be that run's.
    """
    memory = calls.caller.memory

    def new(rows: Rows) -> Rows:
        return [
            row
            for row in rows
            if (ids := ids_of(row))
            and ids[0] not in known
            and not memory.is_reported("cron", ids[0])
        ]

    text = "It was under way when an earlier run ended."
    lost = OutcomeUnknownError(text, function=table.CRON_ADD.name)
    keys = _keys_of(specs)
    calls.caller.creates.track_batch(keys)
    try:
        return await _examine(calls, specs, Look(new), lost, 0)
    finally:
        calls.caller.creates.settle_batch(keys)


async def _examine(
    calls: Calls, specs: Sequence[Spec], look: Look, error: CronAPIError, tries: int
) -> list[Result]:
    """Find the jobs that were made, add those that were not, and return the result of each."""
    policy = calls.options.retry
    if policy is None:
        _tell(calls, UNKNOWN, error, len(specs))
        return all_failed(error, specs)
    try:
        found = await _look_up(calls, specs, look, error)
    except Exception as problem:  # noqa: BLE001 -- a token function may raise anything
        unknown = _unknown(f"looking it up failed: {_reason(problem)}")
        unknown.__cause__ = problem
        _tell(calls, UNKNOWN, unknown, len(specs))
        return all_failed(unknown, specs)
    if tries + 1 < policy.max_attempts:
        return await _add_the_absent(calls, specs, found, look, tries + 1)
    lost = TransportError(
        "Its answer was lost each time it was sent, and a lookup showed that it was not carried "
        "out."
    )
    absent = Result(error=lost)
    return [absent if row is ABSENT else _result(row) for row in found]


async def _add_the_absent(
    calls: Calls, specs: Sequence[Spec], found: Found, look: Look, tries: int
) -> list[Result]:
    absent = [index for index, row in enumerate(found) if row is ABSENT]
    sent = [specs[index] for index in absent]
    added = await add(calls, sent, tries=tries)
    adopted = set(ids_of([row for row in found if isinstance(row, dict)]))

    def new(rows: Rows) -> Rows:
        return [row for row in look.new(rows) if adopted.isdisjoint(ids_of(row))]

    added = await without_twins(calls, sent, added, new) if sent else []
    again = dict(zip(absent, added, strict=True))
    return [again[index] if index in again else _result(row) for index, row in enumerate(found)]


def _result(row: dict[str, Any] | str) -> Result:
    return Result(row) if isinstance(row, dict) else Result(error=_unknown())


async def _look_up(calls: Calls, specs: Sequence[Spec], look: Look, error: CronAPIError) -> Found:
    """Look up the jobs of a batch, while no other batch is sent."""
    found, caller = Found(), calls.caller
    _tell(calls, LOOKED_UP, error, len(specs))
    # A cancelled caller may have left a request under way.
    await caller.wait_for_similar_creates(table.CRON_BATCH_ADD.name, {"data": specs})
    async with calls.limits.gate.looking():
        for delay in look.delays:
            await caller.wait(delay)
            rows = await retry_once(partial(every_job, calls.ask))
            new = look.new(rows)
            habits = habits_of(rows, "cron", caller.memory, new)
            found = _found(calls, match(specs, new, habits, partial(caller.expects, "cron")), specs)
            is_early = habits.is_empty and DOUBTFUL in found
            if ABSENT not in found and not is_early:
                break
        made = ids_of([row for row in found if isinstance(row, dict)])
        caller.memory.mark_created("cron", made)
        calls.made.extend(made)
    _tell_of(calls, found)
    return found


def _tell_of(calls: Calls, found: Found) -> None:
    """Write the log lines of a lookup."""
    made = ids_of([row for row in found if isinstance(row, dict)])
    if made:
        _tell(calls, ADOPTED, len(made), made[0])
    if absent := found.count(ABSENT):
        _tell(calls, NOT_CARRIED_OUT, absent)
    if doubtful := found.count(DOUBTFUL):
        _tell(calls, UNKNOWN, _unknown(), doubtful)


def _tell(calls: Calls, event: Event, *values: object) -> None:
    write(event, calls.caller.provider.name, table.CRON_BATCH_ADD.name, *values)


def _found(calls: Calls, matched: Match, specs: Sequence[Spec]) -> Found:
    found = Found()
    for index, (spec, row) in enumerate(zip(specs, matched.rows, strict=True)):
        similar = calls.caller.has_similar_create(table.CRON_ADD.name, spec)
        doubtful = similar or index in matched.doubtful
        found.append(DOUBTFUL if doubtful else row or ABSENT)
    return found


async def _refused(
    calls: Calls, specs: Sequence[Spec], look: Look, error: APIError, tries: int
) -> BatchResult:
    """Find out if a batch was refused for one of its items or for its size.

    No documentation says that a refused batch has done nothing, so it is looked up, unless one that
    was refused for the same reason is known to have done nothing.
    """
    if len(specs) == 1:
        return settled(all_failed(error, specs))
    halves = split(len(specs))
    if calls.limits.leaves_nothing(error, specs[0]):
        return halves
    if calls.options.retry is None:
        text = "Refused as part of a batch; with retry=None nothing tells if it made other jobs"
        facts = facts_of(error) | {"applied": Applied.UNKNOWN}
        unknown = OutcomeUnknownError(f"{text}: {error.message}", **facts)
        unknown.__cause__ = error
        return settled(all_failed(unknown, specs))
    try:
        found = await _look_up(calls, specs, look, error)
    except Exception as problem:  # noqa: BLE001 -- a token function may raise anything
        text = f"The batch was refused, and looking up its jobs failed: {_reason(problem)}"
        unknown = OutcomeUnknownError(text)
        _tell(calls, UNKNOWN, unknown, len(specs))
        return settled(all_failed(unknown, specs))
    if all(row is ABSENT for row in found):
        calls.limits.note_refused(specs[0], error)
        return halves
    return settled(await _add_the_absent(calls, specs, found, look, tries + 1))


def _reason(problem: Exception) -> str:
    return problem.message if isinstance(problem, CronAPIError) else type(problem).__name__


def _unknown(reason: str = "looking it up could not tell.") -> OutcomeUnknownError:
    text = f"It was sent, no usable answer came, and {reason}"
    return OutcomeUnknownError(text, function=table.CRON_ADD.name)
