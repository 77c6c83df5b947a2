"""The parameters of jobs and functions with their declared types: a table that needs no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict


class _Settings(TypedDict, total=False):
    """The parameters of a job that no method requires.

    Those below add `url` and `name`, which some methods require: a TypedDict cannot change that of
    its base.
    """

    expression: str
    group: int | None
    timezone: str
    timeout: int
    instances: int
    delay: int
    filter: str | None
    http_method: str
    http_headers: Mapping[str, str] | str | None
    post_data: str | None
    user_agent: str | None
    username: str | None
    password: str | None
    notify: bool | int
    notify_every: int
    notify_match: str | None
    notify_time: int
    failure_threshold: int
    ignore_http_status: bool
    retry_failed: bool
    pattern: str | None
    keyword: str | None
    run: bool | int | datetime
    payload: str | None
    second: Sequence[str] | str
    minute: Sequence[str] | str
    hour: Sequence[str] | str
    day: Sequence[str] | str
    month: Sequence[str] | str
    weekday: Sequence[str] | str
    retry: int
    retry_after: int
    single: bool
    dns_cache: bool


class _Named(_Settings, total=False):
    """Those, and the name, which only an ensured job requires."""

    name: str | None


class JobParams(_Named, total=False):
    """The parameters of a job, by the services' names in snake_case.

    `expression` is crontab's five fields or a span such as "15 minutes". `timeout` is in seconds.
    `delay` is the most minutes that a run is late at random. `instances` is the number of runs that
    may overlap, 0 for any number. `group` is a group's id. A run fails if its output contains
    `pattern`, or does not contain `keyword`. `notify` is a boolean or a `Notify`. `run` is 1 (or
    True) for now, or the time to run at. `second` to `weekday`, `retry`, `retry_after`, `single`
    and `dns_cache` are SetCronJob's. None clears a parameter that can be cleared.
    """

    url: str


class NewJobParams(_Named):
    """The parameters of a new job: those of `JobParams`, of which it needs a `url`."""

    url: str


class EnsureParams(_Settings):
    """The parameters of a job to ensure: those of `JobParams`. It needs a `url` and a `name`."""

    url: str
    name: str


class FunctionParams(JobParams, total=False):
    """The parameters of all functions: those of a job, and these."""

    id: int | str
    page: int
    limit: int
    for_: str | timedelta
    time: datetime | int
    auto_delete: int
    contacts: Sequence[int] | int
    secret: str


CLEARABLE_END = " | None"
"""The end of the type of a parameter that None clears."""
DECLARED: dict[str, str] = {
    name: str(getattr(hint, "__forward_arg__", hint))
    for name, hint in FunctionParams.__annotations__.items()
}
"""The declared type of each parameter, by its Python name."""
