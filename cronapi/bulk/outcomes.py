"""What became of one item: from the service's answer to an outcome, and from an outcome to its line in the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from cronapi._batch.results import Result
from cronapi._functions import Function
from cronapi._protocol.structure import StructureError, structure
from cronapi.bulk.journal import Journal, Status
from cronapi.bulk.report import Done, Failed, Outcome, Unknown
from cronapi.bulk.source import Item
from cronapi.errors import Applied, ResponseError

T = TypeVar("T")


def judge(row: Function[T], item: Item[Any], result: Result) -> Outcome[T]:
    """Return the outcome of an item."""
    error = result.error
    if error is None:
        try:
            return Done(item.index, item.given, structure(result.data, row.result))
        except StructureError as problem:
            error = ResponseError(
                f"Done, but the answer has an unexpected shape: {problem}.",
                problems=problem.problems,
            ).of_call(applied=Applied.YES)
    return (Unknown if result.is_unknown else Failed)(item.index, item.given, error)


def restored(row: Function[T], item: Item[Any], number: int | None) -> Outcome[T]:
    """Return the outcome of an item that an earlier run has carried out, with all that a journal keeps of its value."""
    data: Any = number if row.result is datetime else {"id": number}
    return Done(item.index, item.given, structure(data, row.result))


def note(journal: Journal, outcome: Outcome[Any], fingerprint: str) -> None:
    """Note an outcome in the journal."""
    if outcome.error is None:
        value = outcome.value
        number = (
            round(value.timestamp()) if isinstance(value, datetime) else getattr(value, "id", None)
        )
        journal.note(outcome.index, fingerprint, "done", id=number)
    else:
        reason = f"{type(outcome.error).__name__} {getattr(outcome.error, 'code', '')}".strip()
        status: Status = (
            "failed" if outcome.error.applied is Applied.NO else "unknown"
        )  # what may be there must be looked up first
        journal.note(outcome.index, fingerprint, status, reason=reason)
