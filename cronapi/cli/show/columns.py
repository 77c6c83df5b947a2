"""The columns of each kind of result, and the choice of others by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import click
from attrs import fields

from cronapi.cli.frame.nearest import did_you_mean
from cronapi.models import Account, Attempt, CronJob, Execution, Group


class Kind(NamedTuple):
    """A kind of result: its name in the plural, its usual columns, and all that it may have."""

    plural: str
    columns: tuple[str, ...]
    known: tuple[str, ...] = ()
    identifies: bool = False
    """True if `ids` can be printed."""


def _names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls) if field.name != "extra")


_RUN = ("job_id", "name", "no", *_names(Attempt), "succeeded", "attempts")
JOBS = Kind(
    "jobs",
    ("id", "name", "expression", "timezone", "status", "fail", "url"),
    _names(CronJob),
    identifies=True,
)
RUNS = Kind(
    "runs", ("no", "time", "succeeded", "http_status", "execution_time", "error", "output"), _RUN
)
RUNS_OF_JOBS = RUNS._replace(columns=("job_id", "name", *RUNS.columns))
RUNS_OF_ALL = RUNS._replace(columns=("job_id", "name", "no", "time", "url", *RUNS.columns[2:]))
"""Runs of any job. Where their jobs cannot be told, their addresses say something."""
GROUPS = Kind("groups", ("id", "name", "job_count", "priority"), _names(Group), identifies=True)
ACCOUNT = Kind("accounts", ("id", "name", "timezone", "plan", "cron"), _names(Account))
ENSURED = JOBS._replace(columns=("result", *JOBS.columns))
"""Jobs, with the result of making sure of them."""
PAUSED = JOBS._replace(columns=("id", "name", "status", "until", "expression", "timezone", "url"))
"""Jobs, with the time at which they resume."""
TIMES = Kind("times", ("time",))
QUEUED = Kind("runs", ("id", "name", "time"), identifies=True)
"""The times for which jobs were queued, by their ids."""
TEXTS = Kind("values", ("value",))
ADDRESSES = Kind("servers", ("server", "v4", "v6"))
FACTS = Kind("facts", ())
"""Members that a command has found itself."""
RAW = Kind("objects", (), identifies=True)
"""Members by the wire's names."""

KINDS = {
    "jobs": JOBS,
    "ensured": ENSURED,
    "paused": PAUSED,
    "runs": RUNS_OF_JOBS,
    "queued": None,  # `cron run` checks it by itself: `--wait` prints runs instead
    "groups": GROUPS,
    "account": ACCOUNT,
    "times": TIMES,
    "texts": TEXTS,
    "addresses": ADDRESSES,
    "facts": FACTS,
    "raw": RAW,
}
"""The kinds by the names that commands have for them."""
_KIND_OF: dict[type, Kind] = {
    CronJob: JOBS,
    Execution: RUNS,
    Group: GROUPS,
    Account: ACCOUNT,
    datetime: TIMES,
    str: TEXTS,
}

HEADINGS = {
    "expression": "SCHEDULE",
    "timezone": "ZONE",
    "job_count": "JOBS",
    "job_id": "JOB",
    "no": "RUN NO",
}
"""Headings that differ from the member's name."""
NUMBERS = frozenset({"fail", "job_count", "priority", "http_status", "execution_time", "no"})
"""Columns that are aligned to the right."""


def kind_of(value: object) -> Kind:
    """Return the kind of a single result."""
    return _KIND_OF.get(type(value), FACTS)


def heading(name: str) -> str:
    """Return the heading of a column in a table."""
    return HEADINGS.get(name, name.upper().replace("_", " "))


def chosen(kind: Kind, wanted: str | None) -> Sequence[str]:
    """Return the columns that were asked for, or the usual ones. An unknown name is an error."""
    if wanted is None:
        return kind.columns
    names = [name.strip().replace("-", "_") for name in wanted.split(",") if name.strip()]
    known = dict.fromkeys((*kind.columns, *kind.known))
    for name in names:
        if known and name not in known:
            hint = did_you_mean(name, known)
            raise click.BadParameter(f"there is no field {name!r}{hint}", param_hint="--fields")
    if not names:
        raise click.BadParameter("give at least one name.", param_hint="--fields")
    return names
