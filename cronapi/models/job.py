"""The jobs, and their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cronapi._lazy import LazyModule
from cronapi.models.codes import JobStatus, Notify
from cronapi.models.wire import Wire, extra_field, hidden_field

if TYPE_CHECKING:
    from cronapi.models import headers as _headers
else:
    _headers = LazyModule("cronapi.models.headers")


def _count_of_headers(text: object) -> str:
    return _headers.count_of_headers(text)


@frozen(kw_only=True, repr=False)
class CronJob(Wire):
    """One scheduled HTTP call.

    `id` is the service's number, and a deleted job keeps it. `timeout` is in seconds, `delay` in
    minutes, `points` are runs a day. `fail` counts the failures in a row. `expression` has replaced
    SetCronJob's original schedule, `second` to `weekday`.
    """

    id: int
    group: int | None = field(default=None, metadata={"former": ("groupId", "groupID")})
    name: str | None = None
    url: str | None = None
    expression: str | None = None
    timezone: str | None = None
    status: JobStatus | None = None
    fail: int | None = None
    notify: Notify | None = None
    timeout: int | None = None
    instances: int | None = None
    http_method: str | None = None
    http_headers: str | None = field(default=None, repr=_count_of_headers)
    post_data: str | None = hidden_field()
    user_agent: str | None = None
    username: str | None = None
    password: str | None = hidden_field()
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
    extra: dict[str, Any] = extra_field()

    @property
    def headers(self) -> _headers.Headers:
        """The headers that `http_headers` tells: a read-only mapping that ignores case.

        `api.cron.edit(job.id, http_headers=job.headers | {"X-Key": "new"})` changes one of them and
        keeps the others. Empty if the answer had none, and also if it did not show them.
        ConfigurationError if a line of the text is no header.
        """
        return _headers.Headers(self.http_headers or "")

    @property
    def is_active(self) -> bool | None:
        """True if the job runs by its schedule, None if the answer had no status."""
        return None if self.status is None else self.status == JobStatus.ACTIVE


@frozen(kw_only=True, repr=False)
class Group(Wire):
    """A group of jobs. `priority` is 0 normal, 1 high, 2 higher."""

    id: int
    name: str | None = None
    job_count: int | None = None
    priority: int | None = None
    extra: dict[str, Any] = extra_field()
