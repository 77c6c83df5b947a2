"""A report as OpenMetrics 1.0 text, also for the textfile collector of Prometheus' node exporter.

All metrics are gauges, which both formats write alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from cronapi.health.report import HealthReport
from cronapi.health.verdict import JobHealth, State

Sample = tuple[dict[str, str], float]

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


def metrics(report: HealthReport, faults: tuple[JobHealth, ...]) -> str:
    """Return a sample for each job and its times, and the number of jobs in each state."""
    families: tuple[tuple[str, str, Iterable[Sample]], ...] = (
        ("jobs", "Jobs in each state.", _by_state(report)),
        ("faults", "Jobs with a fault.", [({}, len(faults))]),
        ("job_state", "The state of a job.", _of_jobs(report, _state)),
        ("job_failures", "Failures of a job in a row.", _of_jobs(report, _failures)),
        ("job_last_run_timestamp_seconds", "The last run of a job.", _of_jobs(report, _last_run)),
        ("requests", "Requests of the check.", [({}, report.requests)]),
        ("is_whole", "1 if the list of jobs was read to its end.", [({}, report.is_whole)]),
        ("timestamp_seconds", "The time of the check.", [({}, report.time.timestamp())]),
    )
    lines = [line for family in families for line in _family(*family)]
    return "\n".join([*lines, "# EOF"])


def _family(name: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    full = f"cronapi_health_{name}"
    yield f"# TYPE {full} gauge"
    if full.endswith("_seconds"):
        yield f"# UNIT {full} seconds"
    yield f"# HELP {full} {text}"
    for labels, value in samples:
        inner = ",".join(f'{label}="{escaped(given)}"' for label, given in labels.items())
        yield f"{full}{f'{{{inner}}}' if inner else ''} {_number(value)}"


def _by_state(report: HealthReport) -> Iterator[Sample]:
    counts = report.counts
    return (({"state": state.value}, counts.get(state, 0)) for state in State)


def _of_jobs(
    report: HealthReport, read: Callable[[JobHealth], tuple[dict[str, str], float | None]]
) -> Iterator[Sample]:
    # Ids are unique at a service, names are not.
    for job in sorted(report.jobs, key=lambda job: job.id):
        labels, value = read(job)
        if value is not None:
            yield {"id": str(job.id), "name": job.name or "", **labels}, value


def _state(job: JobHealth) -> tuple[dict[str, str], float]:
    return {"state": job.state.value, "certain": str(job.certain).lower()}, 1


def _failures(job: JobHealth) -> tuple[dict[str, str], float]:
    return {}, job.failures


def _last_run(job: JobHealth) -> tuple[dict[str, str], float | None]:
    return {}, _seconds(job.last_run)


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def escaped(text: str) -> str:
    """Return the value of a label. Half of a surrogate pair, which UTF-8 has not, is escaped."""
    found = "".join(_ESCAPES.get(sign, sign) for sign in text)
    return found.encode("utf-8", "replace").decode("utf-8")
