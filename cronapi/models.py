"""The results of the services, as frozen attrs classes and open enums.

Every member but `id` may be missing (None). Unknown members are kept in `extra`. Times are aware
UTC datetimes. Sources: the data pages of both services, 2013 to 2026.

House rule: nothing here knows cattrs or the network.
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

    # Early releases of 3.11 do both by the name of an attribute, which no unknown number has.
    def __reduce_ex__(self, _: object) -> tuple[Any, ...]:
        return type(self), (self._value_,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self


class JobStatus(OpenEnum):
    """The state of a job. Only an ACTIVE job runs (data pages until 2024-06)."""

    ACTIVE = 0
    DISABLED = 1
    EXPIRED = 2
    INACTIVE = 3
    FAILED = 4


class Notify(OpenEnum):
    """SetCronJob's codes for `notify`. FastCron's false and true are NEVER and ON_FAILURE."""

    NEVER = 0
    ON_FAILURE = 1
    EVERY_RUN = 2
    WHEN_DISABLED = 3


def wire_names(cls: type) -> dict[str, str]:
    """Return the wire's name of each field of a result class, without `extra`."""
    return {
        a.name: a.metadata.get("wire") or wire_name(a.name)
        for a in fields(cls)
        if a.name != "extra"
    }


def former_names(cls: type) -> dict[str, str]:
    """Map former wire names of a result class to their names of today."""
    names = wire_names(cls)
    return {former: names[a.name] for a in fields(cls) for former in a.metadata.get("former", ())}


class Wire:
    """The way back to the wire."""

    __slots__ = ()

    def to_wire(self) -> dict[str, Any]:
        """Return the members that are not missing, and those of `extra`, as the wire has them."""
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

    `id` is the service's number, and a deleted job keeps it. `timeout` is in seconds, `delay` in
    minutes, `points` are runs a day. `fail` counts the failures in a row. `expression` has replaced
    SetCronJob's original schedule, `second` to `weekday`.
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
        """True if the job runs by its schedule, None if the answer had no status."""
        return None if self.status is None else self.status == JobStatus.ACTIVE


@frozen(kw_only=True)
class Attempt(Wire):
    """One HTTP request of an execution, with its scheduled `time`.

    `execution_time` is in seconds, `downloaded` in bytes. `status` 0 is success.
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
        """True if the service counts it as a success, None if the answer had no status."""
        return None if self.status is None else self.status == 0


@frozen(kw_only=True)
class Execution:
    """One run of a job with all its attempts. The properties are those of the last attempt."""

    job_id: int | None = None
    no: int | None = None
    attempts: tuple[Attempt, ...] = field(metadata={"wire": "result"})

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


@frozen(kw_only=True)
class Group(Wire):
    """A group of jobs. `priority` is 0 normal, 1 high, 2 higher."""

    id: int
    name: str | None = None
    job_count: int | None = None
    priority: int | None = None
    extra: dict[str, Any] = _extra()


@frozen(kw_only=True)
class Account(Wire):
    """The account of a token. `cron` is its limit of jobs, formerly `daily_exec` in runs a day."""

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
    """The addresses of one of SetCronJob's servers. It calls jobs from them."""

    v4: str | None = None
    v6: str | None = None
    extra: dict[str, Any] = _extra()


@frozen(kw_only=True)
class Notification(Wire):
    """FastCron's message to a webhook when a job fails, and again when it recovers.

    `id` is the job's. `group` is the group's name, "" for none. `status` 1 is failed, 0 recovered.
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
        """True if it tells of a recovery, None if it had no status."""
        return None if self.status is None else self.status == 0
