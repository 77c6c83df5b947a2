"""The log of one job, as evidence: its runs in order, and the failures at its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from itertools import takewhile

from attrs import frozen

from cronapi._protocol.redaction import without_password
from cronapi.health.verdict import is_usual
from cronapi.models import Execution

_LONGEST_ERROR = 160


@frozen
class Log:
    """The runs of a job that have a time, newest first, and the number of rows without one."""

    runs: tuple[Execution, ...]
    undated: int

    @property
    def times(self) -> tuple[datetime, ...]:
        """The times of the runs, newest first."""
        return tuple(run.time for run in self.runs if run.time is not None)

    @property
    def last_run(self) -> datetime | None:
        """The time of the newest run, `None` for an empty log."""
        return next(iter(self.times), None)

    @property
    def failed(self) -> tuple[Execution, ...]:
        """The runs at the end of the log that failed in a row, newest first."""
        return tuple(takewhile(lambda run: run.succeeded is False, self.runs))

    @property
    def is_empty(self) -> bool:
        """True for a log without any row."""
        return not (self.runs or self.undated)


def log_of(job_id: int, rows: Sequence[Execution]) -> Log:
    """Return the log in the rows of an answer, without rows that name another job.

    A row with an impossible time, such as one in the year 1, counts as one without a time.
    """
    own = [row for row in rows if row.job_id in (None, job_id)]
    timed = ((row.time, index, row) for index, row in enumerate(own))
    dated = [(time, index, row) for time, index, row in timed if time and is_usual(time)]
    # Rows of one time keep their order, since services answer the newest first.
    newest_first = sorted(dated, key=lambda one: (one[0], -one[1]), reverse=True)
    return Log(tuple(row for _, _, row in newest_first), len(own) - len(dated))


def error_of(run: Execution) -> str:
    """Return the failure of a run in a few words, without the password of a URL."""
    status = run.http_status
    if status:
        known = status in HTTPStatus.__members__.values()
        return f"{status} {HTTPStatus(status).phrase}" if known else f"HTTP status {status}"
    text = str(without_password(run.error or ""))
    return text[:_LONGEST_ERROR] or "no reason is given"
