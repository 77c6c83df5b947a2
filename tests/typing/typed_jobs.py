"""What a type checker takes for jobs, rows and choices: read by the checkers, run by nobody."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO, assert_type

from cronapi import (
    Client,
    CronJob,
    EnsureParams,
    FastCron,
    JobParams,
    JobSpec,
    NewJobParams,
    Notify,
    Scheduler,
    SetCronJob,
)
from cronapi.bulk import Bulk
from cronapi.emulator import KINDS, Era, Fault, FaultKind, create_app

URL = "https://example.com"


async def single_calls(api: FastCron, url: str) -> None:
    """A new job needs a url, an ensured one a name too, and an edit nothing."""
    assert_type(await api.cron.add(url=url, timeout=30, run=datetime.now(UTC)), CronJob)
    await api.cron.add(url=url, name=None, notify=Notify.ON_FAILURE, http_headers={"A": "b"})
    await api.cron.ensure(url=url, name="ping", minute=["0", "30"])
    await api.cron.edit(7, group=None, retry_failed=False)
    await api.cron.batch_edit([7, 8], name=None)
    await api.cron.group_edit(7, timeout=30)
    JobSpec(url=url, name="ping")


async def wrappers(api: FastCron, new: NewJobParams, some: JobParams, named: EnsureParams) -> None:
    """Parameters may be passed on."""
    await api.cron.add(**new)
    await api.cron.edit(7, **some)
    await api.cron.ensure(**named)
    JobSpec(**new)


def literals(api: FastCron) -> list[Bulk[CronJob]]:
    """Jobs and changes may be written where they are given, in any input."""
    return [
        api.cron.add_many([{"url": URL}, {"url": URL, "timeout": 30}, JobSpec(url=URL)]),
        api.cron.add_many({"url": f"{URL}/{n}", "name": f"job {n}"} for n in range(3)),
        api.cron.edit_many([(7, {"name": None}), (8, JobSpec(url=URL))]),
        api.cron.edit_many({7: {"name": "ping"}}, batch=True, journal="edits.jsonl"),
        api.cron.edit_many((n, {"group": None}) for n in range(3)),
    ]


def rows(api: FastCron, file: TextIO, yaml: Any, listed: list[dict[str, Any]]) -> None:
    """Rows from elsewhere are taken as they come."""
    api.cron.add_many(csv.DictReader(file))
    api.cron.add_many(list(csv.DictReader(file)))
    api.cron.add_many([row for row in csv.DictReader(file) if row["active"]])
    api.cron.add_many(row for row in csv.DictReader(file) if row["active"])
    api.cron.edit_many((int(row.pop("id")), row) for row in csv.DictReader(file))
    api.cron.edit_many([(int(row["id"]), row) for row in listed])
    api.cron.edit_many({int(row["id"]): row for row in listed})
    api.cron.add_many(yaml)
    api.cron.add_many(yaml["jobs"])
    api.cron.edit_many(yaml)
    api.cron.add_many(listed)


async def annotated(
    api: FastCron,
    jobs: list[NewJobParams],
    specs: tuple[JobSpec, ...],
    made: Iterator[Mapping[str, Any]],
    read: AsyncIterator[NewJobParams],
    edits: AsyncIterator[tuple[int, JobParams]],
) -> None:
    """Inputs may be of any kind."""
    api.cron.add_many(jobs)
    api.cron.add_many(specs)
    api.cron.add_many(made)
    api.cron.add_many(read)
    api.cron.edit_many(edits)
    assert_type(await api.cron.batch_add(jobs), list[CronJob])
    await api.cron.batch_add([{"url": URL}])


async def services(fast: FastCron, other: SetCronJob, general: Client) -> None:
    """Each client offers its service's functions, and a general client offers all."""
    await fast.cron.next(7)
    await fast.account.get()
    await other.cron.list()
    await other.with_options(lane="bulk").account.edit(timezone="UTC")
    await other.server.time()
    await general.cron.batch_delete([7])
    await general.server.time()


def any_client(api: Client) -> Client:
    """A client of a service is a client."""
    return api


def choices(fast: FastCron, other: SetCronJob, era: Era, kind: FaultKind) -> list[Client]:
    """Kinds of faults, eras and lanes are literals, and the table of kinds has nothing else."""
    Fault("lose", function="cron.add")
    Fault(kind)
    for each in KINDS:
        Fault(each)
    create_app(era="latest", log_shape="flat", limiter="sliding")
    create_app(era=era)
    Scheduler(1.0).slot(lane="bulk")
    return [any_client(fast), any_client(other), fast.with_options(lane="interactive")]
