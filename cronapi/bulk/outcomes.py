"""Turn the service's answer for an item into an outcome, and an outcome into a journal line."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from cronapi._batch.results import Result
from cronapi._functions import Function
from cronapi._protocol.facts import with_facts
from cronapi._protocol.structure import StructureError, structure
from cronapi.bulk.items import Item
from cronapi.bulk.journal import EntryStatus, Journal
from cronapi.bulk.report import Done, Failed, Outcome, Unknown
from cronapi.errors import Applied, CronAPIError, ResponseError

T = TypeVar("T")


def outcome_of(function: Function[T], item: Item[Any], result: Result) -> Outcome[T]:
    """Return the outcome of an item that was sent."""
    if result.error is not None:
        return _failure(item, result.error, is_unknown=result.is_unknown)
    try:
        value = structure(result.data, function.result)
        return Done(item.index, item.given, value, twin=result.twin)
    except StructureError as problem:
        error = ResponseError(
            f"Done, but the answer has an unexpected shape: {problem}.", problems=problem.problems
        )
        return _failure(item, with_facts(error, applied=Applied.YES), is_unknown=False)


def _failure(item: Item[Any], error: CronAPIError, *, is_unknown: bool) -> Outcome[Any]:
    return (Unknown if is_unknown else Failed)(item.index, item.given, error)


def restored_outcome(function: Function[T], item: Item[Any], id: int | None) -> Outcome[T] | None:
    """Return the outcome of an item that an earlier run has done, as far as a journal keeps it.

    None if its line has no id, or none that can be one.
    """
    data: Any = id if function.result is datetime else {"id": id}
    try:
        return Done(item.index, item.given, structure(data, function.result))
    except StructureError:
        return None


def note_outcome(journal: Journal, outcome: Outcome[Any], fingerprint: str) -> None:
    """Note an outcome in the journal."""
    index, error = outcome.index, outcome.error
    if error is None:
        journal.note(index, fingerprint, "done", id=_id_to_keep(outcome.value))
        return
    # Anything that may exist must be looked up before it is sent again.
    status: EntryStatus = "failed" if error.applied is Applied.NO else "unknown"
    reason = f"{type(error).__name__} {getattr(error, 'code', '')}".strip()
    journal.note(index, fingerprint, status, reason=reason)


def _id_to_keep(value: object) -> Any:
    """Return the id of a job, or the time of a run in Unix seconds."""
    return round(value.timestamp()) if isinstance(value, datetime) else getattr(value, "id", None)
