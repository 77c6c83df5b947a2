"""Ensure that a job of a name exists: one task of an event loop at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from cronapi._batch.calls import Calls
from cronapi._calls.exchange import Exchange
from cronapi._calls.lookup import LOOKS
from cronapi._calls.matching import find_altered, habits_of
from cronapi._calls.pages import every_job, named, search_by_name
from cronapi._calls.spelling import normal
from cronapi._calls.tasks import begin, loop_of_task
from cronapi._calls.turns import Turns
from cronapi._logs.lines import ALTERED, write
from cronapi._protocol.declared import EnsureParams
from cronapi._protocol.kinds import text
from cronapi._protocol.params import as_params, check_names, check_values
from cronapi._protocol.response import Ending
from cronapi.errors import WaitTooLongError
from cronapi.errors.concerns import input_error
from cronapi.models import CronJob
from cronapi.scheduler.loops import ByLoop

_turns: ByLoop[Turns[tuple[str, str]]] = ByLoop(Turns)
"""The turns of each event loop at the names of a provider's jobs."""


def checked_name(params: EnsureParams) -> str:
    """Return the name of a job to ensure. Its parameters must be as `add` takes them."""
    check_names(params, "cron.ensure")
    check_values(params)
    given = params.get("name")
    name = text("name", given) if given is not None else ""
    if not name:
        raise input_error("cron.ensure needs a name.")
    if name != name.strip():
        raise input_error(
            "cron.ensure finds a job by its exact name, which may not begin or end with white "
            "space."
        )
    as_params(params, "cron.ensure")
    return name


@asynccontextmanager
async def ensuring(calls: Calls, name: str) -> AsyncIterator[None]:
    """Hold the name on this event loop, for all clients of the provider, until its add has ended.

    WaitTooLongError if another task holds it for longer than max_wait.
    """
    turns, key = _turns.of(loop_of_task()), (calls.caller.provider.base_url, name)
    if not await turns.take(key, calls.options.max_wait):
        raise WaitTooLongError(
            "Another task was still ensuring this name after max_wait.",
            wait=calls.caller.scheduler.eta(calls.lane),
            provider=calls.caller.provider.name,
            function="cron.ensure",
        )
    try:
        with calls.caller.admission.call():
            yield
    finally:
        # A cancelled caller leaves behind the request that was sent for it.
        end = partial(turns.end, key)
        if left := calls.caller.creates.exchanges_for_name(name):
            _begin_or_end(partial(_end_late, calls, end, left), end)
        else:
            end()


def _begin_or_end(work: Callable[[], Awaitable[None]], end: Callable[[], None]) -> None:
    try:
        begin(work)
    except BaseException:  # outside of a task nothing can wait
        end()
        raise


async def _end_late(calls: Calls, end: Callable[[], None], left: Iterable[Exchange]) -> None:
    try:
        for exchange in left:
            await exchange.ended()
        if any(exchange.verdict.ending is Ending.LOST for exchange in left):
            # The service may still be holding the request back.
            await calls.caller.wait(sum(LOOKS))
    finally:
        end()


async def find_or_refuse(calls: Calls, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the job of the wanted name, or None if it may be created.

    If a search does not show it, one listing of all jobs answers both questions.
    ConfigurationError if a job may be the wanted one under a name that the service has altered.
    """
    memory, name = calls.caller.memory, str(wanted["name"])
    row, rows = await search_by_name(calls, name), list[dict[str, Any]]()
    if row is None:
        rows = await every_job(calls)
        row = named(rows, name)
    if row is not None:
        memory.remember_sent("cron", int(row["id"]), wanted)
        return row
    altered = find_altered(wanted, rows, habits_of(rows, "cron", memory))
    if altered is None:
        return None
    kept, number = altered.get("name"), altered["id"]
    raise input_error(
        f"No job has the name {name!r}, but {kept!r} (id {number}) has its url and may be the same "
        "job: some services keep names in a spelling of their own. Nothing was sent. Ensure it "
        f"under the name {kept!r}, edit it by its id, or rename it."
    )


def warn_if_altered(provider: str, job: CronJob, name: str) -> None:
    """Log a warning if the service has given a new job another name: the next ensure misses it."""
    if job.name is not None and normal("name", job.name) != normal("name", name):
        write(ALTERED, provider, name, job.name, job.id)
