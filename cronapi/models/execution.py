"""The runs of jobs, and what a service posts about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from cronapi.errors.concerns import input_error
from cronapi.models.wire import Wire, extra_field, size_of_text


@frozen(kw_only=True, repr=False)
class Attempt(Wire):
    """One HTTP request of an execution, with its scheduled `time`.

    `execution_time` is in seconds, `downloaded` in bytes. `status` 0 is success.
    """

    time: datetime | None = None
    http_status: int | None = None
    status: int | None = None
    error: str | None = None
    message: str | None = None
    output: str | None = field(default=None, repr=size_of_text)
    downloaded: int | None = None
    url: str | None = None
    ip: str | None = None
    source_ip: str | None = field(default=None, metadata={"wire": "source_ip"})
    start_time: datetime | None = None
    execution_time: float | None = None
    extra: dict[str, Any] = extra_field()

    @property
    def succeeded(self) -> bool | None:
        """True if the service counts it as a success, None if the answer had no status."""
        return None if self.status is None else self.status == 0


def _is_not_empty(_: object, __: object, attempts: tuple[Attempt, ...]) -> None:
    if not attempts:
        raise input_error("Execution.attempts needs at least one attempt.")


@frozen(kw_only=True, repr=False)
class Execution(Wire):
    """One run of a job with all its attempts. The properties are those of the last attempt."""

    job_id: int | None = None
    no: int | None = None
    attempts: tuple[Attempt, ...] = field(metadata={"wire": "result"}, validator=_is_not_empty)

    @property
    def last(self) -> Attempt:
        """The attempt that decided the run."""
        return self.attempts[-1]

    @property
    def time(self) -> datetime | None:
        """The scheduled time, or else the start."""
        return self.last.time or self.last.start_time

    @property
    def http_status(self) -> int | None:
        """The HTTP status of the job's URL."""
        return self.last.http_status

    @property
    def status(self) -> int | None:
        """The service's own verdict. 0 is success."""
        return self.last.status

    @property
    def succeeded(self) -> bool | None:
        """True if the service counts the run as a success, None if the answer had no status."""
        return self.last.succeeded

    @property
    def output(self) -> str | None:
        """The answer of the job's URL, as far as the service keeps it."""
        return self.last.output

    @property
    def error(self) -> str | None:
        """The connection's error, "" for none."""
        return self.last.error

    @property
    def execution_time(self) -> float | None:
        """The duration of the run in seconds."""
        return self.last.execution_time

    def to_wire(self) -> dict[str, Any]:
        """Return the run as a log row with a list of attempts."""
        row = {
            "jobId": self.job_id,
            "no": self.no,
            "result": [attempt.to_wire() for attempt in self.attempts],
        }
        return {name: value for name, value in row.items() if value is not None}


@frozen(kw_only=True, repr=False)
class Notification(Wire):
    """FastCron's message to a webhook when a job fails, and again when it recovers.

    `id` is the job's. `group` is the group's name, "" for none. `status` 1 is failed, 0 recovered.

    `verified` is the answer to asking the service back: True if it confirms the message, False if
    it contradicts it, None if it was not asked or cannot tell. No message can set it.
    """

    id: int
    time: datetime | None = None
    name: str | None = None
    url: str | None = None
    group: str | None = None
    http_status: int | None = None
    status: int | None = None
    message: str | None = None
    error: str | None = None
    output: str | None = field(default=None, repr=size_of_text)
    downloaded: int | None = None
    execution_time: float | None = None
    extra: dict[str, Any] = extra_field()
    verified: bool | None = field(default=None, init=False, eq=False)

    @property
    def key(self) -> tuple[int, datetime | None, int | None]:
        """The job, the time and the status, by which a second delivery is recognised."""
        return self.id, self.time, self.status

    @property
    def is_failure(self) -> bool:
        """True if it tells of a failure. A status of an unknown number counts as one."""
        return self.status not in (None, 0)

    @property
    def is_recovery(self) -> bool:
        """True if it tells of a recovery."""
        return self.status == 0

    @property
    def succeeded(self) -> bool | None:
        """True if it tells of a recovery, None if it had no status."""
        return None if self.status is None else self.status == 0
