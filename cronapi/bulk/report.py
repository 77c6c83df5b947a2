"""The report of a bulk: one outcome for each input, in the order of the inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from textwrap import shorten
from typing import Any, Generic, Literal, Self, TypeVar, overload

from attrs import evolve, field, fields, frozen

from cronapi._protocol.facts import facts_of, with_facts
from cronapi.bulk.reasons import LONGEST, noted, reasons
from cronapi.errors import Applied, CronAPIError

T = TypeVar("T")
Status = Literal["done", "failed", "unknown", "not_tried"]


def _shown(given: object) -> str:
    """Return an id as it is, and only the type of anything else, because that may hold secrets."""
    return repr(given) if isinstance(given, int) else f"<{type(given).__name__}>"


@frozen(eq=False, repr=False)
class Outcome(Generic[T]):
    """The outcome of one input: `given`, at position `index` of the inputs.

    - `done` has a `value`.
    - `failed` has an `error`. The service did not do it, unless `error.applied` says so.
    - `unknown` has an `error`. Nobody can tell if the service did it.
    - `not_tried` was never sent.

    Every outcome of a bulk is a `Done`, `Failed`, `Unknown` or `NotTried`, so that a type checker
    can tell them apart. Outcomes of the same fields are equal. The repr leaves out everything of
    `given` and `value` that may be secret.
    """

    index: int
    given: object
    status: Status
    value: T | None = None
    error: CronAPIError | None = None

    def __repr__(self) -> str:
        facts = f"status={self.status!r}, value={self.value!r}, error={self.error!r}"
        if (twin := getattr(self, "twin", None)) is not None:
            facts += f", twin={twin!r}"
        return f"{type(self).__name__}(index={self.index!r}, given={_shown(self.given)}, {facts})"

    def __eq__(self, other: object) -> bool:
        return _facts(self) == _facts(other) if isinstance(other, Outcome) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.index, self.status))  # `given` may be a dict


# Each class below fixes its status, and takes only the fields that can differ. `match_args=False`
# keeps the positions of Outcome in patterns. pyright misses a default where a field of Outcome has
# one, but attrs needs none.


@frozen(eq=False, repr=False, match_args=False)
class Done(Outcome[T]):
    """The service carried it out. `value` is its answer.

    `twin` is the id of a second job that the service made of it, or None. That happens if a first
    request was carried out so late that a lookup could not see it.
    """

    value: T  # pyright: ignore[reportGeneralTypeIssues]
    error: None = field(default=None, init=False)
    status: Literal["done"] = field(default="done", init=False)
    twin: int | None = field(default=None, kw_only=True)


@frozen(eq=False, repr=False, match_args=False)
class Failed(Outcome[T]):
    """It failed. `error` says why."""

    error: CronAPIError  # pyright: ignore[reportGeneralTypeIssues]
    value: None = field(default=None, init=False)
    status: Literal["failed"] = field(default="failed", init=False)


@frozen(eq=False, repr=False, match_args=False)
class Unknown(Outcome[T]):
    """Nobody can tell if the service carried it out. `error` says why."""

    error: CronAPIError  # pyright: ignore[reportGeneralTypeIssues]
    value: None = field(default=None, init=False)
    status: Literal["unknown"] = field(default="unknown", init=False)


@frozen(eq=False, repr=False, match_args=False)
class NotTried(Outcome[T]):
    """It was never sent, because something stopped the bulk."""

    value: None = field(default=None, init=False)
    error: None = field(default=None, init=False)
    status: Literal["not_tried"] = field(default="not_tried", init=False)


_CLASSES: dict[Status, type[Outcome[Any]]] = {
    "done": Done,
    "failed": Failed,
    "unknown": Unknown,
    "not_tried": NotTried,
}


def _as_class_of_status(outcome: Outcome[T]) -> Outcome[T]:
    """Return a plain `Outcome` as the class of its status, and any other outcome as it is."""
    if type(outcome) is not Outcome:
        return outcome
    kind = _CLASSES[outcome.status]
    taken = [attribute.name for attribute in fields(kind) if attribute.init]
    return kind(**{name: getattr(outcome, name) for name in taken if hasattr(outcome, name)})


def _facts(outcome: Outcome[Any]) -> tuple[Any, ...]:
    twin = getattr(outcome, "twin", None)
    return outcome.index, outcome.given, outcome.status, outcome.value, outcome.error, twin


@frozen
class Cost:
    """The cost of a bulk if all goes well: `requests`, and the `seconds` they take at the limit."""

    requests: int
    seconds: float


# A group's message is read-only, which nobody minds.
class BulkError(ExceptionGroup[CronAPIError], CronAPIError):  # type: ignore[override]
    """Some calls of a bulk failed.

    `exceptions` are their errors, each with a note that names its item. `report` has every
    outcome. `function` is the name of the bulk. The text is the report's summary, and a line for
    each reason with its first items.

    `applied` is NO only if nothing was done, so that the whole bulk may be repeated. Otherwise it
    is UNKNOWN, and the report has the status of each item. In a part that `except*` takes out,
    `applied` concerns the errors of that part.
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
        with_facts(
            self,
            provider=None,
            function=report.function,
            attempts=0,
            applied=Applied.NO if is_safe else Applied.UNKNOWN,
        )

    # Every error of this group is a CronAPIError.
    def derive(self, excs: Sequence[Exception]) -> BulkError:  # type: ignore[override]
        """Return a part of this group, for `except*`."""
        errors = [error for error in excs if isinstance(error, CronAPIError)]
        return BulkError(self.message, errors, self.report)

    def __str__(self) -> str:
        return "\n".join([self.message, *reasons(self.exceptions)])

    def __reduce__(self) -> tuple[Any, ...]:
        return BulkError, (self.message, self.exceptions, self.report), facts_of(self)


class Report(Sequence[Outcome[T]]):
    """The outcomes of a bulk, in the order of its inputs.

    `function` is the name of the bulk. `stopped_by` is the error that ended it early, such as a
    wrong token or an outage, else None. A pickled or copied report lacks the inputs, which may
    hold passwords: there, `given` is None.
    """

    def __init__(
        self, outcomes: Iterable[Outcome[T]], function: str, stopped_by: CronAPIError | None = None
    ) -> None:
        self._outcomes = sorted(
            map(_as_class_of_status, outcomes), key=lambda outcome: outcome.index
        )
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
        outcomes = [evolve(outcome, given=None) for outcome in self._outcomes]
        return Report, (outcomes, self.function, self.stopped_by)

    @property
    def done(self) -> list[Done[T]]:
        """The outcomes that the service carried out. Each has a value."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Done)]

    @property
    def failed(self) -> list[Failed[T]]:
        """The outcomes that failed. Each has an error."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Failed)]

    @property
    def unknown(self) -> list[Unknown[T]]:
        """The outcomes of calls that the service may have carried out or not. Each has an error."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Unknown)]

    @property
    def not_tried(self) -> list[NotTried[T]]:
        """The outcomes of inputs that were never sent, because something stopped the bulk."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, NotTried)]

    @property
    def values(self) -> list[T]:
        """The values of the outcomes that are done, in order."""
        return [outcome.value for outcome in self.done]

    def summary(self) -> str:
        """Return one line: the function, the count of each status, and the error that stopped it.

        A count of zero is left out, except that of the done.
        """
        counts = Counter[str](outcome.status for outcome in self._outcomes)
        return f"{self.function}: {counted(counts, self.stopped_by)}"

    def raise_for_failures(self) -> None:
        """Raise a BulkError of all errors, unless every outcome is done.

        It is an ExceptionGroup, and each of its errors has a note that names the item.
        """
        errors = [
            noted(outcome.error, outcome.index)
            for outcome in self._outcomes
            if outcome.error is not None
        ]
        if not errors and not self.not_tried:
            return
        unsent = self.stopped_by or CronAPIError("Some were not tried.")
        failures = BulkError(self.summary(), errors or [unsent], self)
        raise with_facts(failures, applied=Applied.UNKNOWN) if self.done else failures


def counted(counts: Counter[str], stopped_by: CronAPIError | None) -> str:
    """Return the count of each status as text, and the error that stopped a bulk.

    A count of zero is left out, except that of the done.
    """
    shown = (
        f"{counts[status]} {status.replace('_', ' ')}"
        for status in _CLASSES
        if counts[status] or status == "done"
    )
    return f"{', '.join(shown)}{_cause(stopped_by)}"


def _cause(error: CronAPIError | None) -> str:
    if error is None:
        return ""
    return f"; stopped by: {type(error).__name__}: {shorten(error._text(), LONGEST)}"  # noqa: SLF001 -- ours
