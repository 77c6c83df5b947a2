"""The result of each item of a request, and errors that concern every item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from attrs import field, frozen

from cronapi._functions import Function
from cronapi._protocol.facts import copied, with_facts
from cronapi.errors import (
    APIError,
    Applied,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    CronAPIError,
    NotFoundError,
    OutcomeUnknownError,
    SchedulerError,
    ServiceUnavailableError,
    UnsupportedFunctionError,
)

FATAL_ERRORS = (
    *(AuthenticationError, ConfigurationError, UnsupportedFunctionError),
    *(SchedulerError, ServiceUnavailableError, ConnectionFailedError),
)
"""Errors that say nothing about an item. The next item would meet the same, after the same wait."""


@frozen
class Result:
    """The service's answer for one item, or the error.

    `twin` is the id of a second job that the service made of it.
    """

    data: Any = field(default=None, repr=False)
    error: CronAPIError | None = None
    twin: int | None = None

    @property
    def is_unknown(self) -> bool:
        """True if the service may or may not have carried it out."""
        return isinstance(self.error, OutcomeUnknownError) or (
            self.error is not None and self.error.applied is Applied.UNKNOWN
        )


@frozen
class BatchResult:
    """The result of a request for several items.

    `settled` holds the results that are final, by index. The other items go on in `parts`, lists of
    indexes: the service has proven to have done nothing for them, now or before.
    """

    settled: Mapping[int, Result]
    parts: Sequence[Sequence[int]] = ()


def settled(results: Iterable[Result]) -> BatchResult:
    """Return a batch result in which every item is final."""
    return BatchResult(dict(enumerate(results)))


def split(count: int) -> BatchResult:
    """Return the halves in which a refused batch goes on, until one item is alone."""
    middle = (count + 1) // 2
    return BatchResult({}, (range(middle), range(middle, count)))


def all_failed(error: CronAPIError, items: Iterable[object]) -> list[Result]:
    """Return the same error for every item."""
    return [Result(error=error) for _ in items]


def is_refusal(error: CronAPIError) -> TypeGuard[APIError]:
    """Return True if the service says no to the request itself, and not to the token."""
    return isinstance(error, APIError) and not isinstance(error, AuthenticationError)


def as_unknown(error: CronAPIError, first: CronAPIError | None = None) -> CronAPIError:
    """Return the error of an item that an earlier request may have carried out.

    `first` is the error in which that earlier request ended.
    """
    attempts = error.attempts + (first.attempts if first else 0)
    twin = with_facts(copied(error), applied=Applied.UNKNOWN, attempts=attempts)
    if first is not None:
        twin.__cause__ = first
    return twin


def absent(function: Function[Any], code: int = 1) -> NotFoundError:
    """Return the error of a job that is not there, as a complete listing has shown."""
    text = "There is no such job: no page of the list shows it."
    return NotFoundError(text, code=code, function=function.name)


def fatal_error(error: CronAPIError | None) -> CronAPIError | None:
    """Return this error, or its cause, if every other item would meet it too."""
    chain = (error, error and error.__cause__)
    return next((found for found in chain if isinstance(found, FATAL_ERRORS)), None)


def first_fatal(results: Iterable[Result], *, lost: bool = False) -> CronAPIError | None:
    """Return the error for items that are not sent any more, because they would fare no better.

    With `lost`, an earlier request for all of them got no answer.
    """
    error = next((found for result in results if (found := fatal_error(result.error))), None)
    applied = Applied.UNKNOWN if lost else Applied.NO
    return None if error is None else with_facts(as_unknown(error), applied=applied)
