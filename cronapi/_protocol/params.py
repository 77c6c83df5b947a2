"""The parameters of a job, as a caller gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

from cronapi._protocol.redaction import SECRET_PARAMS, without_password
from cronapi.errors import ConfigurationError


class JobParams(TypedDict, total=False):
    """The parameters of a job, by the services' names in snake_case.

    `expression` is crontab's five fields or a span such as "15 minutes". `timeout` is in seconds.
    `delay` is the most minutes that a run is late at random. `instances` is the number of runs that
    may overlap, 0 for any number. `group` is a group's id. A run fails if its output contains
    `pattern`, or does not contain `keyword`. `notify` is a boolean or a `Notify`. `run` is 1 (or
    True) for now, or the time to run at. `second` to `weekday`, `retry`, `retry_after`, `single`
    and `dns_cache` are SetCronJob's. None clears a parameter that can be cleared.
    """

    url: str
    expression: str
    name: str | None
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


_ALSO_CALLED = {
    **dict.fromkeys(("cron", "crontab", "schedule"), "expression"),
    **dict.fromkeys(("body", "data"), "post_data"),
    "headers": "http_headers",
    "method": "http_method",
}
"""Names of other services and libraries. They are hints in an error, and never accepted."""


def check_names(params: Mapping[str, object], function: str) -> None:
    """Refuse a job parameter that does not exist, and name the nearest one that does."""
    for name in params.keys() - JobParams.__annotations__.keys():
        meant = _ALSO_CALLED.get(name) or _nearest(str(name))
        hint = "." if meant is None else f"; did you mean {meant!r}?"
        raise ConfigurationError(f"{function} has no parameter {name!r}{hint}")


def _nearest(name: str) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 -- only an error needs it

    return next(iter(get_close_matches(name, JobParams.__annotations__, 1)), None)


class JobSpec:
    """The description of a new job, made from the same parameters as `cron.add`.

    An unknown parameter or a missing url is a ConfigurationError. Specs with equal parameters are
    equal. The repr hides secrets.
    """

    __slots__ = ("_params",)

    def __init__(self, **params: Unpack[JobParams]) -> None:
        self._params = MappingProxyType(dict(as_params(params)))

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters, read-only, by their Python names."""
        return self._params

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobSpec) and self.params == other.params

    def __hash__(self) -> int:
        return hash((self.params["url"], self.params.get("name")))

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake_spec, (dict(self.params),)

    def __repr__(self) -> str:
        shown = (
            f"{k}={'***' if k in SECRET_PARAMS else repr(without_password(v))}"
            for k, v in self.params.items()
        )
        return f"JobSpec({', '.join(shown)})"


def _remake_spec(params: JobParams) -> JobSpec:
    return JobSpec(**params)


def as_params(spec: JobSpec | Mapping[str, Any], what: str = "A job") -> Mapping[str, Any]:
    """Return the parameters of a new job, given as a JobSpec or as a mapping of the same names.

    `what` names the job in an error.
    """
    if isinstance(spec, JobSpec):
        return spec.params
    if not isinstance(spec, Mapping):
        raise ConfigurationError(f"{what} is a JobSpec or a mapping, not a {type(spec).__name__}.")
    check_names(spec, what)
    if not spec.get("url"):
        raise ConfigurationError(f"{what} needs a url.")
    return spec
