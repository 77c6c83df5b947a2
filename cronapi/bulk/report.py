"""What became of many calls: one outcome for each input, in the order of the inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from textwrap import shorten
from typing import Any, Generic, Literal, Self, TypeVar, overload

from attrs import evolve, frozen

from cronapi.errors import Applied, CronAPIError

T = TypeVar("T")
Status = Literal["done", "failed", "unknown", "not_tried"]
_LONGEST = 100
"""Characters of an error's text in a summary."""


def _shown(given: object) -> str:
    """Return an id as it is, and only the type of anything else, which may hold secrets."""
    return repr(given) if isinstance(given, int) else f"<{type(given).__name__}>"


@frozen(eq=False, repr=False)
class Outcome(Generic[T]):
    """What became of one input: `given`, at `index` in the input.

    `done` has a `value`; `failed` has an `error`, and the service did not do it (unless `error.applied` says so); `unknown` has an
    `error`, and nobody can tell whether the service did it; `not_tried` was never sent. Those of a bulk are a Done, Failed, Unknown or
    NotTried each, which a type checker can tell apart; outcomes of the same fields are equal.
    The repr shows of what was given and of the value only what holds no secret.
    """

    index: int
    given: object
    status: Status
    value: T | None = None
    error: CronAPIError | None = None

    def __repr__(self) -> str:
        facts = f"status={self.status!r}, value={self.value!r}, error={self.error!r}"
        return f"Outcome(index={self.index!r}, given={_shown(self.given)}, {facts})"

    def __eq__(self, other: object) -> bool:
        return _facts(self) == _facts(other) if isinstance(other, Outcome) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.index, self.status))  # what was given may be a dict


class Done(Outcome[T]):
    """The service carried it out; `value` is what it answered."""

    __slots__ = ()
    status: Literal["done"]
    value: T
    error: None


class Failed(Outcome[T]):
    """It failed; `error` says why."""

    __slots__ = ()
    status: Literal["failed"]
    value: None
    error: CronAPIError


class Unknown(Outcome[T]):
    """Nobody can tell whether the service carried it out; `error` says why."""

    __slots__ = ()
    status: Literal["unknown"]
    value: None
    error: CronAPIError


class NotTried(Outcome[T]):
    """It was never sent, since something stopped the bulk."""

    __slots__ = ()
    status: Literal["not_tried"]
    value: None
    error: None


KINDS: dict[Status, type[Outcome[Any]]] = {
    "done": Done,
    "failed": Failed,
    "unknown": Unknown,
    "not_tried": NotTried,
}


def as_kind(outcome: Outcome[T]) -> Outcome[T]:
    """Return an outcome as the class of its status."""
    return KINDS[outcome.status](*_facts(outcome)) if type(outcome) is Outcome else outcome


def _facts(outcome: Outcome[Any]) -> tuple[Any, ...]:
    return outcome.index, outcome.given, outcome.status, outcome.value, outcome.error


@frozen
class Cost:
    """What a bulk will need if all goes well: `requests`, and the `seconds` that the rate limit makes of them."""

    requests: int
    seconds: float


class BulkError(ExceptionGroup[CronAPIError], CronAPIError):  # type: ignore[override]  # a group's message cannot be set, and need not be
    """Some calls of a bulk failed; `exceptions` are their errors, each with a note of its item, and `report` has every outcome.

    `function` is the bulk's. `applied` is NO only where nothing was done, so that all of it may be asked for again, else UNKNOWN: the
    report says of each item which. That of a part, which `except*` takes out, is about the errors of that part.
    """

    report: Report[Any]

    def __new__(cls, message: str, errors: Sequence[CronAPIError], report: Report[Any]) -> Self:
        """Make a group."""
        group = super().__new__(cls, message, errors)
        group.report = report
        return group

    def __init__(self, message: str, errors: Sequence[CronAPIError], report: Report[Any]) -> None:
        Exception.__init__(self, message, errors, report)
        is_safe = all(error.applied is Applied.NO for error in errors)
        self.of_call(
            provider=None,
            function=report.function,
            attempts=0,
            applied=Applied.NO if is_safe else Applied.UNKNOWN,
        )

    def derive(self, excs: Sequence[Exception]) -> BulkError:  # type: ignore[override]  # all of ours are CronAPIErrors
        """Return a part of this group, for `except*`."""
        return BulkError(
            self.message, [error for error in excs if isinstance(error, CronAPIError)], self.report
        )

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return BulkError, (self.message, self.exceptions, self.report), self.facts()


class Report(Sequence[Outcome[T]]):
    """The outcomes of a bulk, in the order of its inputs.

    `function` is the bulk's name. `stopped_by` is the error that ended it before its time, such as a wrong token or an outage, else
    None. A report that was pickled or copied is without the inputs (`given` is None), which may hold passwords.
    """

    def __init__(
        self, outcomes: Iterable[Outcome[T]], function: str, stopped_by: CronAPIError | None = None
    ) -> None:
        self._outcomes = sorted(map(as_kind, outcomes), key=lambda outcome: outcome.index)
        self.function = function
        self.stopped_by: CronAPIError | None = stopped_by

    @overload
    def __getitem__(self, index: int) -> Outcome[T]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Outcome[T]]: ...
    def __getitem__(self, index: int | slice) -> Outcome[T] | Sequence[Outcome[T]]:
        return self._outcomes[index]

    def __len__(self) -> int:
        return len(self._outcomes)

    def __iter__(self) -> Iterator[Outcome[T]]:
        return iter(self._outcomes)

    def __repr__(self) -> str:
        return f"<Report of {self.summary()}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Report, (
            [evolve(outcome, given=None) for outcome in self._outcomes],
            self.function,
            self.stopped_by,
        )

    @property
    def done(self) -> list[Done[T]]:
        """Those that the service carried out; each has a value."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Done)]

    @property
    def failed(self) -> list[Failed[T]]:
        """Those that failed; each has an error."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Failed)]

    @property
    def unknown(self) -> list[Unknown[T]]:
        """Those of which nobody can tell; each has an error."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Unknown)]

    @property
    def not_tried(self) -> list[NotTried[T]]:
        """Those that were never sent, since something stopped the bulk."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, NotTried)]

    @property
    def values(self) -> list[T]:
        """The values of those that are done, in order."""
        return [outcome.value for outcome in self.done]

    def summary(self) -> str:
        """Return one line: the function, how many are done, failed, unknown and not tried, and what stopped it."""
        counts = Counter(outcome.status for outcome in self._outcomes)
        shown = (
            f"{counts[status]} {status.replace('_', ' ')}"
            for status in KINDS
            if counts[status] or status == "done"
        )
        return f"{self.function}: {', '.join(shown)}{_cause(self.stopped_by)}"

    def raise_for_failures(self) -> None:
        """Raise a BulkError, an ExceptionGroup, of all errors, each with a note of its item; nothing where everything is done."""
        errors = [
            _noted(outcome.error, outcome.index)
            for outcome in self._outcomes
            if outcome.error is not None
        ]
        if not errors and not self.not_tried:
            return
        failures = BulkError(
            self.summary(),
            errors or [self.stopped_by or CronAPIError("Some were not tried.")],
            self,
        )
        raise failures.of_call(applied=Applied.UNKNOWN) if self.done else failures


def _cause(error: CronAPIError | None) -> str:
    return (
        ""
        if error is None
        else f"; stopped by: {type(error).__name__}: {shorten(error.message, _LONGEST)}"
    )


def _noted(error: CronAPIError, index: int) -> CronAPIError:
    """Return a copy that names the item: those of one request share an error."""
    twin = copy(error).with_traceback(error.__traceback__)
    twin.__cause__, twin.__context__, twin.__suppress_context__ = (
        error.__cause__,
        error.__context__,
        error.__suppress_context__,
    )
    twin.__notes__ = list(getattr(error, "__notes__", ()))
    twin.add_note(f"item {index}")
    return twin
