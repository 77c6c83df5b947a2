"""What became of one item: from the service's answer to an outcome, and from an outcome to its line in the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from cronapi._functions import Function, Repeat
from cronapi._structure import StructureError, structure
from cronapi.bulk.calls import Result
from cronapi.bulk.journal import Journal, Status
from cronapi.bulk.report import Done, Outcome, as_kind
from cronapi.bulk.source import Item
from cronapi.errors import APIError, Applied, AuthenticationError, CronAPIError, OutcomeUnknownError, ResponseError

T = TypeVar("T")
_PROOFS: dict[Repeat, tuple[type[CronAPIError], ...]] = {
    Repeat.READ: (CronAPIError,),
    Repeat.SAME: (APIError,),  # what the service refuses now it has refused before
    Repeat.GONE: (),  # what it does not find may have been deleted
    Repeat.CREATE: (CronAPIError,),  # it was looked up before it was sent again
}
"""The errors which prove, by what a repeat does, that an earlier run has not carried out what is asked for again."""


def judge(row: Function[T], item: Item[Any], result: Result, *, again: bool) -> Outcome[T]:
    """Return the outcome of an item; with `again` an earlier run may have carried it out."""
    if result.error is None:
        try:
            return Done(item.index, item.given, "done", structure(result.data, row.result))
        except StructureError as problem:
            error = ResponseError(f"Done, but the answer has an unexpected shape: {problem}.", problems=problem.problems)
            result = Result(error=error.of_call(applied=Applied.YES))
    elif again and not result.is_unknown and not _proves(row, result.error):
        result = Result(error=_doubt(result.error))
    return as_kind(Outcome(item.index, item.given, "unknown" if result.is_unknown else "failed", error=result.error))


def _proves(row: Function[Any], error: CronAPIError) -> bool:
    is_about_the_item = row.repeat is not Repeat.SAME or not isinstance(error, AuthenticationError)
    return error.applied is Applied.YES or (is_about_the_item and isinstance(error, _PROOFS[row.repeat]))


def _doubt(error: CronAPIError) -> CronAPIError:
    """Return what an error means for what an earlier run may have carried out."""
    doubt = OutcomeUnknownError(f"It was under way when an earlier run ended, and this one could not tell: {error.message}")
    doubt.of_call(function=error.function, attempts=error.attempts)
    doubt.advice = "Make the same call with the same journal again."
    doubt.__cause__ = error
    return doubt


def restored(row: Function[T], item: Item[Any], number: int | None) -> Outcome[T]:
    """Return the outcome of an item that an earlier run has carried out, with all that a journal keeps of its value."""
    data: Any = number if row.result is datetime else {"id": number}
    return Done(item.index, item.given, "done", structure(data, row.result))


def note(journal: Journal, outcome: Outcome[Any], fingerprint: str) -> None:
    """Note an outcome in the journal."""
    if outcome.error is None:
        value = outcome.value
        number = round(value.timestamp()) if isinstance(value, datetime) else getattr(value, "id", None)
        journal.note(outcome.index, fingerprint, "done", id=number)
    else:
        reason = f"{type(outcome.error).__name__} {getattr(outcome.error, 'code', '')}".strip()
        status: Status = "failed" if outcome.error.applied is Applied.NO else "unknown"  # what may be there must be looked up first
        journal.note(outcome.index, fingerprint, status, reason=reason)
