"""What the documentation of each era says, where the eras differ: a value for each era.

An era has what the one before it had, but for the changes that are named. Where the documentation
of an era is silent, it has what the next one has. The sources are pages of the services: the blog
post that announced the API in September 2013, SetCronJob's old data page and clients of 2019, both
services' pages of 2023, FastCron's documentation of May 2024, and that of August 2026.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from cronapi.emulator.words import Era, LogShape

BEARER = "Authorization"
_BOTH = frozenset({"fastcron", "setcronjob"})
_AFTER_2024 = frozenset({"filter", "delay", "userAgent", "run", "payload", "keyword"})
_OF_2024 = frozenset(
    {"notifyEvery", "ignoreHttpStatus", "retryFailed", "failureThreshold", "pattern"}
)
# From August 2025 to July 2026, and so in no era.
_BETWEEN = frozenset({"notifyMatch", "notifyTime"})
_BATCHES = frozenset(
    {"cron.batch_add", "cron.batch_edit", "cron.batch_delete", "cron.group_edit", "cron.next"}
)
_JOB = (
    *("id", "group", "expression", "timezone", "timeout", "instances", "url", "httpMethod"),
    *("httpHeaders", "postData", "fail", "status", "name", "notify"),
)
_ACCOUNT = ("id", "name", "timezone", "plan")


@frozen
class Rules:
    """What an era has and says.

    - `providers`: the services that there are, and `paged` those whose list has pages.
    - `absent`: functions that it does not have. `lacks`: parameters that a function does not have,
      `job` for those of all functions that make or change jobs.
    - `job`, `account`, `group`: the members of an answer. `has_info`: a success has the list
      `info`.
    - `log_shape`, `log_lacks`: the shape of log rows, and the members that they do not have.
    - `heads`: the output of a log row begins with the headers of the answer.
    - `has_bearer`: FastCron reads a token in the header `BEARER`.
    - `expression`, `notifies`: FastCron's defaults for a job. `least_timeout` in seconds.
    - `keeps_once`: the days after which a one-time job that ran is removed. `groups_say`: the
      `autoDelete` of its group says how many.
    - `runs_disabled`: a disabled job can be run by request.
    - `has_dots`: FastCron's functions have a dot. `has_contacts`: its groups take `contacts`.
    """

    providers: frozenset[str]
    paged: frozenset[str]
    absent: frozenset[str]
    lacks: Mapping[str, frozenset[str]]
    job: tuple[str, ...]
    account: tuple[str, ...]
    group: tuple[str, ...]
    log_shape: LogShape
    log_lacks: frozenset[str]
    heads: bool
    expression: str
    least_timeout: int
    has_info: bool
    has_bearer: bool
    runs_disabled: bool
    keeps_once: int
    groups_say: bool
    has_dots: bool = False
    has_contacts: bool = False
    notifies: bool = True

    def without(self, function: str) -> frozenset[str]:
        """Return the parameters that a function does not have."""
        of_jobs = self.lacks.get("job", frozenset()) if function in _WITH_JOB else frozenset()
        return of_jobs | self.lacks.get(function, frozenset())


_WITH_JOB = frozenset({"cron.add", "cron.edit", "cron.batch_edit", "cron.group_edit"})

# 2024: the documentation of May, with the functions and parameters that came until December.
_SEED = Rules(
    providers=_BOTH,
    paged=_BOTH,
    absent=frozenset(),
    lacks={"job": _AFTER_2024 | _BETWEEN},
    job=(*_JOB, "notifyEvery", "points"),
    account=(*_ACCOUNT, "dailyExec", "memberLimit", "expiryDate"),
    group=("id", "name"),
    log_shape="object",
    log_lacks=frozenset(),
    heads=True,
    expression="1 hour",
    least_timeout=1,
    has_info=False,
    has_bearer=False,  # until 2026-05
    runs_disabled=True,  # until 2024-10-20
    keeps_once=30,
    groups_say=True,
)
_LATEST = evolve(
    _SEED,
    lacks={"job": _OF_2024 | _BETWEEN, "cron.failures": frozenset({"limit"})},
    absent=frozenset({"cron.batch_edit", "cron.group_edit"}),
    job=(*_JOB, "priority"),
    account=(*_ACCOUNT, "cron", "expiryDate"),
    group=("id", "name", "jobCount", "priority"),
    log_lacks=frozenset({"url", "message", "ip", "source_ip", "startTime"}),
    heads=False,  # since 2024-06-10
    has_bearer=True,
    expression="15 minutes",
    least_timeout=5,
    runs_disabled=False,
    keeps_once=3,
    groups_say=False,
)
_2023 = evolve(
    _SEED,
    paged=frozenset({"setcronjob"}),
    absent=_BATCHES,
    lacks={
        **_SEED.lacks,
        "cron.run": frozenset({"time", "payload"}),
        "cron.logs": frozenset({"keyword"}),
        "cron.failures": frozenset({"keyword"}),
    },
    has_info=True,
    has_dots=True,
    has_contacts=True,
    notifies=False,
)
_2019 = evolve(
    _2023,
    providers=frozenset({"setcronjob"}),
    paged=frozenset(),
    absent=_BATCHES | {"cron.pause"},
    lacks={
        **_2023.lacks,
        "job": _2023.lacks["job"] | {"timeout", "instances", "single", "retry", "retryAfter"},
    },
    job=tuple(name for name in _SEED.job if name not in {"timeout", "instances"}),
    log_shape="list",
)
_2013 = evolve(
    _2019,
    absent=_2019.absent
    | {"cron.run", "cron.failures", "group.lookup", "group.vanish", "group.empty", "group.items"}
    | {"server.useragent", "server.ip"},
    lacks={
        **_2019.lacks,
        "job": _2019.lacks["job"]
        | {"expression", "group", "notifyEvery", "ignoreHttpStatus", "retryFailed"}
        | {"failureThreshold", "pattern", "dnsCache"},
        "cron.list": frozenset({"keyword"}),
    },
    job=(
        *("id", "groupId", "timezone", "url", "httpMethod", "httpHeaders", "postData"),
        *("fail", "status", "name", "notify", "points"),
    ),
    log_shape="string",
    expression="* * * * *",
)

RULES: Mapping[Era, Rules] = {
    "2013": _2013,
    "2019": _2019,
    "2023": _2023,
    "seed": _SEED,
    "latest": _LATEST,
}
"""The rules by era, the oldest first."""

ALL_NAMES: frozenset[str] = frozenset({BEARER}).union(
    *(rules.absent.union(*rules.lacks.values()) for rules in RULES.values())
)
"""The functions, parameters and the header that only some eras have."""
