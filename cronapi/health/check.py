"""The object that `api.cron.health(...)` returns: to await, or to ask for its cost first."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any
from warnings import warn

from attrs import evolve, frozen

from cronapi._calls.caller import OfClient
from cronapi.bulk import Cost
from cronapi.errors import CronAPIError
from cronapi.errors.concerns import setting_error
from cronapi.health.gathering import Budget, Listing, Looks, Service, list_jobs, look_at
from cronapi.health.judging import judge
from cronapi.health.order import chosen
from cronapi.health.report import HealthReport, in_order
from cronapi.health.sightings import Sightings, renewed
from cronapi.health.verdict import JobHealth, State
from cronapi.models import CronJob


@frozen(kw_only=True)
class Question:
    """The arguments of a check."""

    late: bool
    budget: int | None
    grace: float
    now: datetime | None
    sightings: Sightings | None
    passes: Callable[[CronJob], bool]


class HealthCheck(OfClient):
    """A check of the health of jobs. It begins when it is awaited, or asked for its cost.

    `await check` returns the HealthReport. A check is made once. One that is neither awaited nor
    asked for its cost causes a RuntimeWarning, like a coroutine that was never awaited.
    """

    _has_begun = True  # until __init__ has succeeded, so that a failed one causes no warning

    def __init__(self, service: Service, question: Question) -> None:
        self._service = service
        self._question = question
        self._budget = Budget(question.budget)
        self._listing: Listing | None = None
        self._now: datetime | None = None
        self._has_begun = False

    def __del__(self) -> None:
        if not self._has_begun:
            text = "cron.health was never awaited: nothing was sent."
            warn(text, RuntimeWarning, stacklevel=2, source=self)

    def __repr__(self) -> str:
        return f"<HealthCheck: {self._budget.spent} requests so far>"

    def __await__(self) -> Generator[Any, None, HealthReport]:
        return self._finish().__await__()

    async def cost(self) -> Cost:
        """Return the cost of the whole check if all goes well.

        This reads the list of jobs, and the check does not read it again.
        """
        listing = await self._listed()
        requests = self._budget.spent + len(self._to_look_at(listing))
        return Cost(requests, requests * self._service.interval)

    async def _listed(self) -> Listing:
        if self._listing is None:
            if self._has_begun:
                raise setting_error("A health check is made once; make another.")
            self._has_begun = True
            self._now = self._question.now or datetime.now(UTC)
            self._listing = await list_jobs(self._service, self._budget)
        return self._listing

    async def _finish(self) -> HealthReport:
        listing = await self._listed()
        self._listing = None
        jobs = self._to_look_at(listing)
        looks = await look_at(self._service, self._budget, jobs)
        return self._report(listing, looks)

    def _to_look_at(self, listing: Listing) -> list[CronJob]:
        question = self._question
        if not question.late:
            return []
        jobs = filter(question.passes, listing.jobs)
        return chosen(jobs, self._budget.left, self._time, question.sightings)

    @property
    def _time(self) -> datetime:
        return self._now or datetime.now(UTC)

    def _report(self, listing: Listing, looks: Looks) -> HealthReport:
        before, now = self._question.sightings, self._time
        jobs = [job for job in listing.jobs if self._question.passes(job)]
        return HealthReport(
            jobs=in_order(self._judged(job, looks) for job in jobs),
            time=now.astimezone(UTC),
            requests=self._budget.spent,
            seconds=self._budget.spent * self._service.interval,
            is_whole=listing.is_whole,
            stopped_by=looks.stopped_by,
            sightings=renewed(before, listing.jobs, looks.logs, now, is_whole=listing.is_whole),
        )

    def _judged(self, job: CronJob, looks: Looks) -> JobHealth:
        question, now = self._question, self._time
        before = question.sightings
        sighting = None if before is None else before.of(job, now)
        health = judge(job, looks.logs.get(job.id), now, grace=question.grace, sighting=sighting)
        error = looks.errors.get(job.id)
        return health if error is None else _unreadable(health, error)


def _unreadable(health: JobHealth, error: CronAPIError) -> JobHealth:
    """Return the verdict on a job with a log that could not be read."""
    text = f"its log could not be read: {type(error).__name__}: {error.message}"
    state = State.CANNOT_TELL if health.state is State.NOT_LOOKED_AT else health.state
    return evolve(health, state=state, evidence=(*health.evidence, text))
