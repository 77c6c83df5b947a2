"""What a type checker knows of a bulk: read by mypy and basedpyright, run by nobody."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime
from typing import assert_type

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
    """What is done has a value, what failed or is unknown has an error, and neither has to be asked for it."""
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


def failures_have_a_report(error: BulkError) -> str:
    """A BulkError always has its report."""
    return error.report.summary()
