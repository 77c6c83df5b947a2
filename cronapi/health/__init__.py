"""The health of jobs: disabled, failing, late, or never ran, with the evidence.

`await api.cron.health(late=True)` asks a service and returns a `HealthReport`. `judge` is the pure
function behind it, and takes the time. `write` turns a report into text for people, Prometheus,
Nagios or GitHub.
"""

from __future__ import annotations

from cronapi._lazy import lazy

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi.health.check import HealthCheck
    from cronapi.health.formats import FORMATS, exit_code, write
    from cronapi.health.judging import judge
    from cronapi.health.report import FAULTS, HealthReport
    from cronapi.health.sightings import Sighting, Sightings
    from cronapi.health.verdict import DisabledBy, JobHealth, State

_HOMES = {
    "DisabledBy": "cronapi.health.verdict",
    "FAULTS": "cronapi.health.report",
    "FORMATS": "cronapi.health.formats",
    "HealthCheck": "cronapi.health.check",
    "HealthReport": "cronapi.health.report",
    "JobHealth": "cronapi.health.verdict",
    "Sighting": "cronapi.health.sightings",
    "Sightings": "cronapi.health.sightings",
    "State": "cronapi.health.verdict",
    "exit_code": "cronapi.health.formats",
    "judge": "cronapi.health.judging",
    "write": "cronapi.health.formats",
}

__all__ = [
    "FAULTS",
    "FORMATS",
    "DisabledBy",
    "HealthCheck",
    "HealthReport",
    "JobHealth",
    "Sighting",
    "Sightings",
    "State",
    "exit_code",
    "judge",
    "write",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(__name__, _HOMES)
