"""Twins of jobs that a batch sent again: the first request may have been carried out late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._batch.results import Result, fatal_error
from cronapi._calls.lookup import LAST_LOOK, tell_older
from cronapi._calls.matching import match
from cronapi._calls.memory import ids_of
from cronapi._calls.pages import every_job
from cronapi._logs.lines import ADOPTED, write

Rows = list[dict[str, Any]]
CREATE = table.CRON_ADD.name


async def without_twins(
    calls: Calls,
    specs: Sequence[Mapping[str, Any]],
    results: list[Result],
    new: Callable[[Rows], Rows],
) -> list[Result]:
    """Look for twins of jobs that were sent again, and return the older of each two.

    The first request may have been carried out late. It may even be why the service refused the
    second: then its job is the result. No twin is deleted, since two callers that create equal jobs
    look the same. A job that another create may claim is no twin.
    """
    if all(result.is_unknown or fatal_error(result.error) for result in results):
        return results
    await calls.caller.wait(LAST_LOOK)
    try:
        rows = await every_job(calls.ask)
    except Exception:  # noqa: BLE001 -- a token function raises anything; no twin is known then
        return results
    twins = match(specs, new(rows)).rows
    told = list[Result]()
    for spec, result, twin in zip(specs, results, twins, strict=True):
        anothers = calls.caller.may_be_of_another(CREATE, spec, batched=True)
        told.append(result if anothers else _older(calls, result, twin))
    return told


def _older(calls: Calls, result: Result, twin: dict[str, Any] | None) -> Result:
    own = ids_of(result.data)
    if twin is None or result.is_unknown or (result.error is None and not own):
        return result
    number = ids_of(twin)[0]
    calls.caller.memory.mark_created("cron", [number])
    calls.made.append(number)
    if result.error is not None:
        write(ADOPTED, calls.caller.provider.name, CREATE, 1, number)
        return Result(twin)
    provider = calls.caller.provider.name
    older, younger = tell_older(provider, CREATE, result.data, twin)
    return Result(older, twin=younger)
