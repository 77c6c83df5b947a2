"""A report for people: a line for each job that wants attention, and a summary."""

from __future__ import annotations

from cronapi.health.formats.plain import evidence_of, name_of, shortened, state_of, width
from cronapi.health.report import HealthReport
from cronapi.health.verdict import JobHealth, State

_SHOWN = (
    *(State.FAILING, State.LATE, State.NEVER_RAN, State.DISABLED, State.PAUSED),
    *(State.FLAKY, State.SLOW, State.CANNOT_TELL),
)
_NAME, _EVIDENCE, _SHORTEST = 40, 14, 8
"""Columns of a name at most, of the evidence on a narrow terminal, and of a name there.

The id tells which job it is.
"""


def table(
    report: HealthReport, _faults: tuple[JobHealth, ...] = (), columns: int | None = None
) -> str:
    """Return the jobs that want attention in columns, and the summary below.

    No line of a job is longer than the `columns` of a terminal. Names are cut before the evidence.
    """
    jobs = [(state_of(job).upper(), str(job.id), job) for job in report.of(*_SHOWN)]
    most = _NAME
    if columns is not None and jobs:
        states, numbers, _ = zip(*jobs, strict=True)
        taken = max(map(width, states)) + max(map(len, numbers)) + len("  " * 3)
        evidence = max(width(evidence_of(job)) for _, _, job in jobs)
        wanted = max(_EVIDENCE, min(evidence, columns // 2))
        most = max(_SHORTEST, min(_NAME, columns - taken - wanted))
    rows = [
        (state, shortened(name_of(job), most), number, evidence_of(job))
        for state, number, job in jobs
    ]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)][:-1]
    lines = [_line(row, widths) for row in rows]
    fitting = lines if columns is None else [shortened(line, columns) for line in lines]
    return "\n".join([*fitting, report.summary()])


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    padded = [cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=False)]
    return "  ".join([*padded, row[-1]]).rstrip()
