"""What became of many calls: one outcome for each input, in the order of the inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Literal, Self, TypeVar, overload

from attrs import evolve, field, frozen

from cronapi.errors import Applied, CronAPIError

T = TypeVar("T")
Status = Literal["done", "failed", "unknown", "not_tried"]
STATUSES: tuple[Status, ...] = ("done", "failed", "unknown", "not_tried")


def _shown(given: object) -> str:
    """Return an id as it is, and only the type of anything else, which may hold secrets."""
    return repr(given) if isinstance(given, int) else f"<{type(given).__name__}>"


@frozen
class Outcome(Generic[T]):
    """What became of one input: `given`, at `index` in the input.

    `done` has a `value`; `failed` has an `error`, and the service did not do it (unless `error.applied` says so); `unknown` has an
    `error`, and nobody can tell whether the service did it; `not_tried` was never sent.
    The repr shows of what was given and of the value only what holds no secret.
    """

    index: int
    given: Any = field(repr=_shown)
    status: Status
    value: T | None = None
    error: CronAPIError | None = None


@frozen
class Cost:
    """What a bulk will need if all goes well: `requests`, and the `seconds` that the rate limit makes of them."""

    requests: int
    seconds: float


class BulkError(ExceptionGroup[CronAPIError], CronAPIError):  # type: ignore[override]  # a group's message cannot be set, and need not be
    """Some calls of a bulk failed; `exceptions` are their errors, `report` has every outcome.

    `applied` is UNKNOWN where that is so for one of them.
    """

    report: Report[Any] | None

    def __new__(cls, message: str, errors: Sequence[CronAPIError], report: Report[Any] | None = None) -> Self:
        """Make a group."""
        group = super().__new__(cls, message, errors)
        group.report = report
        return group

    def __init__(self, message: str, errors: Sequence[CronAPIError], report: Report[Any] | None = None) -> None:
        Exception.__init__(self, message, errors, report)
        unknown = any(error.applied is Applied.UNKNOWN for error in errors)
        self.of_call(provider=None, function=None, attempts=0, applied=Applied.UNKNOWN if unknown else Applied.NO)

    def derive(self, excs: Sequence[Exception]) -> BulkError:  # type: ignore[override]  # all of ours are CronAPIErrors
        """Return a part of this group, for `except*`."""
        return BulkError(self.message, [error for error in excs if isinstance(error, CronAPIError)], self.report)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the inputs, which may hold passwords.
        report = self.report and Report([evolve(outcome, given=None) for outcome in self.report], self.report.function)
        return BulkError, (self.message, self.exceptions, report)


class Report(Sequence[Outcome[T]]):
    """The outcomes of a bulk, in the order of its inputs."""

    def __init__(self, outcomes: Iterable[Outcome[T]], function: str) -> None:
        self._outcomes = sorted(outcomes, key=lambda outcome: outcome.index)
        self.function = function

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

    @property
    def done(self) -> list[Outcome[T]]:
        """Those that the service carried out; each has a value."""
        return self._with("done")

    @property
    def failed(self) -> list[Outcome[T]]:
        """Those that failed; each has an error."""
        return self._with("failed")

    @property
    def unknown(self) -> list[Outcome[T]]:
        """Those of which nobody can tell; each has an error."""
        return self._with("unknown")

    @property
    def not_tried(self) -> list[Outcome[T]]:
        """Those that were never sent, since something stopped the bulk."""
        return self._with("not_tried")

    @property
    def values(self) -> list[T]:
        """The values of those that are done, in order."""
        return [outcome.value for outcome in self._outcomes if outcome.value is not None]

    def summary(self) -> str:
        """Return one line: the function and how many are done, failed, unknown and not tried."""
        counts = Counter(outcome.status for outcome in self._outcomes)
        shown = (f"{counts[status]} {status.replace('_', ' ')}" for status in STATUSES if counts[status] or status == "done")
        return f"{self.function}: {', '.join(shown)}"

    def raise_for_failures(self) -> None:
        """Raise a BulkError, an ExceptionGroup, of all errors; nothing where everything is done."""
        errors = [outcome.error for outcome in self._outcomes if outcome.error is not None]
        if errors or self.not_tried:
            raise BulkError(self.summary(), errors or [CronAPIError("Some were not tried.")], self)

    def _with(self, status: Status) -> list[Outcome[T]]:
        return [outcome for outcome in self._outcomes if outcome.status == status]
