"""A report for people: a line for each job that wants attention, and a summary."""

from __future__ import annotations

from cronapi.health.formats.plain import evidence_of, name_of, state_of, width
from cronapi.health.report import HealthReport
from cronapi.health.verdict import JobHealth, State

_SHOWN = (
    *(State.FAILING, State.LATE, State.NEVER_RAN, State.DISABLED, State.PAUSED),
    *(State.FLAKY, State.SLOW, State.CANNOT_TELL),
)


def table(report: HealthReport, _faults: tuple[JobHealth, ...]) -> str:
    """Return the jobs that want attention in columns, and the summary below."""
    rows = [
        (state_of(job).upper(), name_of(job), str(job.id), evidence_of(job))
        for job in report.of(*_SHOWN)
    ]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)][:-1]
    return "\n".join([*(_line(row, widths) for row in rows), report.summary()])


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    padded = [cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=False)]
    return "  ".join([*padded, row[-1]]).rstrip()
