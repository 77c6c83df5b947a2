"""What a type checker knows of a bulk: read by mypy and basedpyright, run by nobody."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime
from typing import Literal, assert_type

from cronapi import (
    BulkError,
    CronAPIError,
    CronJob,
    Done,
    Failed,
    FastCron,
    NotTried,
    Outcome,
    Report,
    Unknown,
)


async def each_kind_has_what_it_has(api: FastCron) -> int:
    """A Done has a value, a Failed or Unknown an error, and no check for None is needed."""
    report = await api.cron.add_many([{"url": "https://example.com"}])
    assert_type(report, Report[CronJob])
    assert_type(report.done, list[Done[CronJob]])
    assert_type(report.unknown, list[Unknown[CronJob]])
    assert_type(report.not_tried, list[NotTried[CronJob]])
    assert_type(report.failed[0].error, CronAPIError)
    assert_type(report.unknown[0].error.message, str)
    assert_type(report[0].given, object)
    assert_type(report.stopped_by, CronAPIError | None)
    for outcome in report.failed + report.unknown:
        print(outcome.error.applied)  # noqa: T201
    return report.done[0].value.id


async def jobs_are_given_as_they_came(api: FastCron, jobs: list[CronJob]) -> None:
    """Bulks take ids, jobs, both, and what `iterate` yields."""
    assert_type(await api.cron.delete_many(api.cron.iterate(match="tmp *")), Report[CronJob])
    assert_type(await api.cron.run_many([jobs[0], 7]), Report[datetime])
    await api.cron.get_many(job async for job in api.cron.iterate(status="disabled"))
    await api.cron.edit_many([(jobs[0], {"timeout": 20}), (7, {"timeout": 20})])
    await api.cron.edit_many({job: {"timeout": 20} for job in jobs})
    await api.cron.edit_many((job, {"group": None}) async for job in api.cron.iterate())
    await api.group.delete_many(await api.group.list())


async def a_kind_can_be_told_apart(api: FastCron) -> datetime | CronAPIError | None:
    """`isinstance` narrows an outcome of a report or an iteration."""
    async with aclosing(api.cron.run_many([7])) as bulk:
        async for outcome in bulk:
            assert_type(outcome, Outcome[datetime])
            if isinstance(outcome, Done):
                when: datetime = outcome.value
                return when
            if isinstance(outcome, Failed | Unknown):
                assert_type(outcome.error, CronAPIError)
                return outcome.error
    return None


def a_pattern_tells_them_apart(outcome: Outcome[int]) -> int | CronAPIError | None:
    """`match` narrows an outcome to its class, and to the types of its fields."""
    match outcome:
        case Done():
            assert_type(outcome.status, Literal["done"])
            assert_type(outcome.error, None)
            value: int = outcome.value
            return value
        case Failed() | Unknown():
            assert_type(outcome.status, Literal["failed", "unknown"])
            assert_type(outcome.value, None)
            return outcome.error
        case _:
            return None


def a_class_takes_its_own_fields(error: CronAPIError) -> list[Outcome[int]]:
    """An outcome is made without a status, which its class has."""
    Done(0, 7, "failed", None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Failed(0, 7)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(NotTried(3, 7).status, Literal["not_tried"])
    return [Done(0, 7, 5), Failed(1, 7, error), Unknown(2, 7, error), NotTried(3, 7)]


def failures_have_a_report(error: BulkError) -> str:
    """A BulkError always has its report."""
    return error.report.summary()
