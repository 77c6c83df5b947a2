"""A report as annotations of GitHub Actions.

Source: GitHub's page of workflow commands. A command is a line that begins with two colons.
"""

from __future__ import annotations

from cronapi.health.formats.plain import evidence_of, name_of, state_of
from cronapi.health.report import HealthReport
from cronapi.health.verdict import JobHealth, State

_WARNINGS = (State.NEVER_RAN, State.PAUSED, State.FLAKY, State.SLOW, State.CANNOT_TELL)
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def annotation_lines(report: HealthReport, faults: tuple[JobHealth, ...]) -> str:
    """Return an error for each fault, warnings, and the summary as a notice."""
    known = {job.id for job in faults}
    warnings = [job for job in report.of(*_WARNINGS) if job.id not in known]
    lines = [_annotation("error", job) for job in faults]
    lines += [_annotation("warning", job) for job in warnings]
    return "\n".join([*lines, f"::notice title=cronapi health::{_data(report.summary())}"])


def _annotation(level: str, job: JobHealth) -> str:
    title = "".join(_PROPERTY.get(sign, sign) for sign in f"{state_of(job)}: {name_of(job)}")
    text = f"{name_of(job)} ({job.id}): {state_of(job)}, {evidence_of(job)}"
    return f"::{level} title={title}::{_data(text)}"


def _data(text: str) -> str:
    return "".join(_DATA.get(sign, sign) for sign in text)
