"""A report as text: a table, JSON, OpenMetrics, a Nagios plugin's line, GitHub annotations.

Everything here is a pure function of the report. The texts of a service may hold anything: each
format escapes them, so that a name cannot begin a line, a label or a command of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from cronapi._protocol.arguments import choice
from cronapi.health.formats.github import annotation_lines
from cronapi.health.formats.nagios import NAGIOS_UNKNOWN, is_unknown, plugin_line
from cronapi.health.formats.openmetrics import metrics
from cronapi.health.formats.table import table
from cronapi.health.report import FAULTS, HealthReport
from cronapi.health.verdict import JobHealth, State

Faults = tuple[JobHealth, ...]

_WRITERS: Mapping[str, Callable[[HealthReport, Faults], str]] = {
    "table": table,
    "json": lambda report, _: json.dumps(report.to_dict()),
    "openmetrics": metrics,
    "nagios": plugin_line,
    "github": annotation_lines,
}
FORMATS = tuple(_WRITERS)
"""The names of the formats."""


def write(
    report: HealthReport, format: str = "table", *, fail_on: Iterable[State | str] = FAULTS
) -> str:
    """Return a report in a format, without a newline at its end.

    `fail_on` names the states that are faults. ConfigurationError for an unknown name.
    """
    choice("format", format, FORMATS)
    return _WRITERS[format](report, report.faults(fail_on))


def exit_code(
    report: HealthReport, format: str = "table", *, fail_on: Iterable[State | str] = FAULTS
) -> int:
    """Return the exit code of a command that prints a report: 2 if a job has a fault, else 0.

    A Nagios plugin has 3 for a report that was not completed, if no fault was found.
    """
    choice("format", format, FORMATS)
    code = report.exit_code(fail_on)
    return NAGIOS_UNKNOWN if format == "nagios" and not code and is_unknown(report) else code
