"""The report of a check: the verdicts, and how complete they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from attrs import field, frozen

from cronapi._protocol.arguments import refusal
from cronapi._protocol.hints import nearest
from cronapi.errors import CronAPIError
from cronapi.errors.concerns import input_error
from cronapi.health.sightings import Sightings
from cronapi.health.verdict import JobHealth, State

FAULTS = (State.FAILING, State.LATE, State.NEVER_RAN, State.DISABLED)
"""The states that are faults unless others are named."""
FAULT, NO_FAULT = 2, 0
_ORDER = {state: index for index, state in enumerate(State)}


@frozen(kw_only=True)
class HealthReport:
    """The verdicts on the jobs of an account, the most urgent first.

    - `time`: the time of the verdicts, in UTC.
    - `requests`: the requests that were sent. `seconds` are those that they take at the limit.
    - `is_whole`: False if the list of jobs was not read to its end.
    - `stopped_by`: the error that kept it from reading more logs.
    - `sightings`: give them to the next check.
    """

    jobs: tuple[JobHealth, ...]
    time: datetime
    requests: int = 0
    seconds: float = 0.0
    is_whole: bool = True
    stopped_by: CronAPIError | None = None
    sightings: Sightings = field(factory=Sightings, repr=False)

    def __iter__(self) -> Iterator[JobHealth]:
        return iter(self.jobs)

    def __len__(self) -> int:
        return len(self.jobs)

    def of(self, *states: State | str) -> tuple[JobHealth, ...]:
        """Return the verdicts with one of these states."""
        return self.faults(states)

    def faults(self, fail_on: Iterable[State | str] = FAULTS) -> tuple[JobHealth, ...]:
        """Return the verdicts that are faults.

        `fail_on` names the states that count, as a list or as text with commas.
        """
        wanted = states_of(fail_on)
        return tuple(job for job in self.jobs if job.state in wanted)

    def exit_code(self, fail_on: Iterable[State | str] = FAULTS) -> int:
        """Return 2 if a job has a fault, else 0."""
        return FAULT if self.faults(fail_on) else NO_FAULT

    @property
    def counts(self) -> dict[State, int]:
        """The number of jobs in each state that some have, the most urgent first."""
        found = Counter(job.state for job in self.jobs)
        return {state: found[state] for state in State if state in found}

    def summary(self) -> str:
        """Return one line: the jobs in each state, and the cost."""
        counts = [f"{number} {state.words}" for state, number in self.counts.items()]
        parts = [", ".join(counts) or "no jobs", f"{self.requests} requests, {self.seconds:.0f} s"]
        if not self.is_whole:
            parts.append("the list of jobs was not read to its end")
        if self.stopped_by is not None:
            parts.append(f"stopped by {type(self.stopped_by).__name__}")
        return " \N{MIDDLE DOT} ".join(parts)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the verdicts in the form that JSON takes."""
        return [job.to_dict() for job in self.jobs]


def in_order(jobs: Iterable[JobHealth]) -> tuple[JobHealth, ...]:
    """Return verdicts with the most urgent first, then by id."""
    return tuple(sorted(jobs, key=lambda job: (_ORDER[job.state], job.id)))


def states_of(names: Iterable[State | str]) -> frozenset[State]:
    """Return states by their names, with `_`, `-` or a blank. ConfigurationError for another."""
    if isinstance(names, str):
        names = names.split(",")
    if not isinstance(names, Iterable):
        raise refusal("fail_on", "names of states", names, "input")
    return frozenset(map(_state, names))


def _state(name: object) -> State:
    text = str(name).strip().lower().replace("-", "_").replace(" ", "_")
    try:
        return State(text)
    except ValueError:
        near = nearest(text, [state.value for state in State])
    end = f" Did you mean {near!r}?" if near else ""
    raise input_error(f"There is no state {str(name)[:60]!r}: {_known()}.{end}")


def _known() -> str:
    return ", ".join(State)
