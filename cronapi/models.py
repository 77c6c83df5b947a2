"""The result classes and open enums: what the services answer, as frozen attrs classes.

Every member but `id` may be missing (None), whatever a service adds is kept in `extra`, and times are aware UTC datetimes.
Sources: the data pages of both services, 2013 to 2026. House rule: nothing here knows cattrs or the network.
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any, Self

from attrs import field, fields, frozen

from cronapi._names import wire_name, wire_value


class OpenEnum(enum.IntEnum):
    """An integer enum that keeps an unknown number as a member equal to that number."""

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if type(value) is not int:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNRECOGNISED_{value}"
        member._value_ = value
        return member

    # The first releases of Python 3.11 pickle and copy a member by the name of its attribute.
    # An unknown number has none.
    def __reduce_ex__(self, _: object) -> tuple[Any, ...]:
        return type(self), (self._value_,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self


class JobStatus(OpenEnum):
    """The state of a job; anything but ACTIVE means that it does not run (data pages until 2024-06)."""

    ACTIVE = 0
    DISABLED = 1
    EXPIRED = 2
    INACTIVE = 3
    FAILED = 4


class Notify(OpenEnum):
    """When a job's owner is told: SetCronJob's codes; FastCron's false and true are NEVER and ON_FAILURE."""

    NEVER = 0
    ON_FAILURE = 1
    EVERY_RUN = 2
    WHEN_DISABLED = 3


def wire_names(cls: type) -> dict[str, str]:
    """Return the wire's name of each field of a result class, `extra` left out."""
    return {
        a.name: a.metadata.get("wire") or wire_name(a.name)
        for a in fields(cls)
        if a.name != "extra"
    }


def former_names(cls: type) -> dict[str, str]:
    """Return what members of a result class were called on the wire before, each with its name of today."""
    names = wire_names(cls)
    return {former: names[a.name] for a in fields(cls) for former in a.metadata.get("former", ())}


class Wire:
    """The way back: what a result looked like on the wire."""

    __slots__ = ()

    def to_wire(self) -> dict[str, Any]:
        """Return the members that are known, under the wire's names and in its encodings, with `extra` among them."""
        known = ((wire, getattr(self, name)) for name, wire in wire_names(type(self)).items())
        extra: dict[str, Any] = self.extra  # type: ignore[attr-defined]  # each subclass has it
        return {wire: wire_value(value) for wire, value in known if value is not None} | extra


def _shown(value: object) -> str:
    from cronapi._protocol.redaction import without_password  # noqa: PLC0415 -- only a repr needs it

    return repr(without_password(value))


def _url() -> Any:
    return field(default=None, repr=_shown)


def _extra() -> Any:
    return field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class CronJob(Wire):
    """One scheduled HTTP call.

    `id` is the service's number; a deleted job keeps the one it had. `timeout` is in seconds, `delay` in minutes, `points` are runs a
    day. `fail` counts the failures in a row. `second` to `weekday` are SetCronJob's original schedule, replaced by `expression`.
    """

    id: int
    group: int | None = field(default=None, metadata={"former": ("groupId", "groupID")})
    name: str | None = None
    url: str | None = _url()
    expression: str | None = None
    timezone: str | None = None
    status: JobStatus | None = None
    fail: int | None = None
    notify: Notify | None = None
    timeout: int | None = None
    instances: int | None = None
    http_method: str | None = None
    http_headers: str | None = field(default=None, repr=False)
    post_data: str | None = field(default=None, repr=False)
    user_agent: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    filter: str | None = None
    delay: int | None = None
    pattern: str | None = None
    keyword: str | None = None
    notify_every: int | None = None
    failure_threshold: int | None = None
    ignore_http_status: bool | None = None
    retry_failed: bool | None = None
    dns_cache: bool | None = None
    single: bool | None = None
    points: int | None = None
    priority: int | None = None
    second: tuple[str, ...] | None = None
    minute: tuple[str, ...] | None = None
    hour: tuple[str, ...] | None = None
    day: tuple[str, ...] | None = None
    month: tuple[str, ...] | None = None
    weekday: tuple[str, ...] | None = None
    extra: dict[str, Any] = _extra()

    @property
    def is_active(self) -> bool | None:
        """Whether the job runs by its schedule; None where the answer did not say."""
        return None if self.status is None else self.status == JobStatus.ACTIVE


@frozen(kw_only=True)
class Attempt(Wire):
    """One HTTP request of an execution.

    `time` is the scheduled time, `execution_time` is in seconds, `downloaded` in bytes; `status` 0 is success.
    """

    time: datetime | None = None
    http_status: int | None = None
    status: int | None = None
    error: str | None = None
    message: str | None = None
    output: str | None = field(default=None, repr=False)
    downloaded: int | None = None
    url: str | None = _url()
    ip: str | None = None
    source_ip: str | None = field(default=None, metadata={"wire": "source_ip"})
    start_time: datetime | None = None
    execution_time: float | None = None
    extra: dict[str, Any] = _extra()

    @property
    def succeeded(self) -> bool | None:
        """Whether the service counts it as a success; None where the answer did not say."""
        return None if self.status is None else self.status == 0


@frozen(kw_only=True)
class Execution:
    """One run of a job, with all its attempts; the last attempt is shown as the run's own."""

    job_id: int | None = None
    no: int | None = None
    attempts: tuple[Attempt, ...] = field(metadata={"wire": "result"})

    @property
    def last(self) -> Attempt:
        """The attempt that decided."""
        return self.attempts[-1]

    @property
    def time(self) -> datetime | None:
        """When the run was scheduled."""
        return self.last.time or self.last.start_time

    @property
    def http_status(self) -> int | None:
        """The HTTP status that the job's URL answered."""
        return self.last.http_status

    @property
    def status(self) -> int | None:
        """The service's own verdict; 0 is success."""
        return self.last.status

    @property
    def succeeded(self) -> bool | None:
        """Whether the service counts the run as a success; None where the answer did not say."""
        return self.last.succeeded

    @property
    def output(self) -> str | None:
        """What the job's URL answered, as far as the service keeps it."""
        return self.last.output

    @property
    def error(self) -> str | None:
        """The connection's error, "" where there was none."""
        return self.last.error

    @property
    def execution_time(self) -> float | None:
        """How long the run took, in seconds."""
        return self.last.execution_time

    def to_wire(self) -> dict[str, Any]:
        """Return the run as the wire's row with a list of attempts."""
        row = {
            "jobId": self.job_id,
            "no": self.no,
            "result": [attempt.to_wire() for attempt in self.attempts],
        }
        return {name: value for name, value in row.items() if value is not None}


@frozen(kw_only=True)
class Group(Wire):
    """A group of jobs; `priority` is 0 normal, 1 high, 2 higher."""

    id: int
    name: str | None = None
    job_count: int | None = None
    priority: int | None = None
    extra: dict[str, Any] = _extra()


@frozen(kw_only=True)
class Account(Wire):
    """The account of a token; `cron` is the greatest number of jobs, `daily_exec` its forerunner in runs a day."""

    id: int
    name: str | None = None
    timezone: str | None = None
    plan: str | None = None
    cron: int | None = None
    daily_exec: int | None = None
    member_limit: int | None = None
    expiry_date: date | None = None
    extra: dict[str, Any] = _extra()


@frozen(kw_only=True)
class ServerAddress(Wire):
    """The addresses from which one of SetCronJob's servers calls."""

    v4: str | None = None
    v6: str | None = None
    extra: dict[str, Any] = _extra()


@frozen(kw_only=True)
class Notification(Wire):
    """What FastCron posts to a webhook when a job fails, and again when it recovers.

    `id` is the job's, `group` is the group's name ("" for none), `status` is 1 for failed and 0 for recovered.
    """

    id: int
    time: datetime | None = None
    name: str | None = None
    url: str | None = _url()
    group: str | None = None
    http_status: int | None = None
    status: int | None = None
    message: str | None = None
    error: str | None = None
    output: str | None = field(default=None, repr=False)
    downloaded: int | None = None
    execution_time: float | None = None
    extra: dict[str, Any] = _extra()

    @property
    def succeeded(self) -> bool | None:
        """Whether it tells of a recovery; None where it did not say."""
        return None if self.status is None else self.status == 0
