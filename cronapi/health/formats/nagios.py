"""A report as the output of a Nagios plugin: one line, a status word and performance data.

Source: the Nagios plugin development guidelines. Text ends at the first `|`.
"""

from __future__ import annotations

from cronapi.health.formats.plain import evidence_of, name_of, state_of
from cronapi.health.report import HealthReport
from cronapi.health.verdict import JobHealth, State

NAGIOS_UNKNOWN = 3
_NAMED = 5
"""Faults that the line names."""
_LONGEST = 1_000
"""Characters of the text. Old versions of Nagios cut the whole output after 1,024 or more."""


def plugin_line(report: HealthReport, faults: tuple[JobHealth, ...]) -> str:
    """Return `CRONAPI` with a status, the faults by name, and the number of jobs in each state."""
    status = "CRITICAL" if faults else ("UNKNOWN" if is_unknown(report) else "OK")
    named = [f"{name_of(job)} ({job.id}) {state_of(job)}, {evidence_of(job)}" for job in faults]
    more = [f"and {len(faults) - _NAMED} more"] if len(faults) > _NAMED else []
    text = "; ".join([report.summary(), *named[:_NAMED], *more]).replace("|", "/")
    counts = report.counts
    numbers = " ".join(f"{state.value}={counts.get(state, 0)};;;0" for state in State)
    return f"CRONAPI {status} - {_cut(text)} | {numbers} requests={report.requests};;;0"


def is_unknown(report: HealthReport) -> bool:
    """Return True if the report was not completed, so that it cannot say that all is well."""
    return not report.is_whole or report.stopped_by is not None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
