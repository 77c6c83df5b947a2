"""The requests of `cron.health`: one for each page of the list, and one for each log."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve, frozen

from cronapi import _functions as table
from cronapi._calls.pages import Paging
from cronapi._protocol.arguments import count, refusal, switch
from cronapi.health.check import HealthCheck, Question
from cronapi.health.judging import check_time_and_grace
from cronapi.health.sightings import Sightings
from cronapi.models import CronJob, Execution, Group
from cronapi.namespaces._invoke import Invoker
from cronapi.namespaces._iterate import job_filter

_MOST_TRIES = 5


@frozen
class HealthService:
    """The requests of a check, in the bulk lane. Each call sends exactly one."""

    invoke: Invoker
    tries: int

    @property
    def paging(self) -> Paging:
        """What the client knows about pages."""
        return self.invoke.caller.paging

    @property
    def interval(self) -> float:
        """The seconds that one request takes at the limit."""
        return self.invoke.caller.scheduler.rate.interval

    @property
    def losses(self) -> int:
        """How often the client has learnt that a job is gone."""
        return self.invoke.caller.memory.losses

    @property
    def seats(self) -> int:
        """How many requests may be under way at once."""
        return self.invoke.caller.scheduler.max_in_flight

    async def page(self, number: int, /) -> list[CronJob]:
        """Return a page of the list of jobs."""
        params = {"page": number if number > 1 else None}
        return await self.invoke(table.CRON_LIST, params, lane="bulk")

    async def log(self, job_id: int, /) -> list[Execution]:
        """Return the log of a job."""
        return await self.invoke(table.CRON_LOGS, {"id": job_id}, lane="bulk")


def checking(
    invoke: Invoker,
    *,
    late: bool,
    budget: int | None,
    grace: float,
    group: Group | int | None,
    match: str | None,
    now: datetime | None,
    sightings: Sightings | None,
) -> HealthCheck:
    """Return a check of the health of jobs that has not begun."""
    chosen = job_filter(None, group, match)
    question = Question(
        late=late,
        budget=budget,
        grace=grace,
        now=now,
        sightings=sightings,
        passes=chosen.passes,
    )
    _check(question)
    # Repeats, and reads that several callers share, would not be counted.
    alone = evolve(invoke.calls.options, retry=None)
    retry = invoke.options.retry
    tries = 1 if retry is None else min(retry.max_attempts, _MOST_TRIES)
    service = HealthService(evolve(invoke, merger=None, options=alone), tries)
    return HealthCheck(service, question)


def _check(question: Question) -> None:
    """Refuse arguments that make no sense."""
    sightings = question.sightings
    switch("late", question.late)
    if question.budget is not None:
        count("budget", question.budget)
    now = datetime.now(UTC) if question.now is None else question.now
    check_time_and_grace(now, question.grace)
    if not (sightings is None or isinstance(sightings, Sightings)):
        raise refusal("sightings", "the sightings of a report, or None", sightings)
