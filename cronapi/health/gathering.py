"""Ask a service for its jobs and their logs, with at most the requests of a budget.

Every request counts, a repeated one too. The calls that are given here send exactly one each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import anyio
from attrs import define, field, frozen

from cronapi._calls.pages import Paging, Reading
from cronapi.errors import (
    APIError,
    AuthenticationError,
    CronAPIError,
    ResponseError,
    ServiceUnavailableError,
    TransportError,
)
from cronapi.models import CronJob, Execution

T = TypeVar("T")


class Service(Protocol):
    """The requests of a check."""

    @property
    def paging(self) -> Paging:
        """What the client knows about pages."""
        ...

    @property
    def interval(self) -> float:
        """The seconds that one request takes at the limit."""
        ...

    @property
    def tries(self) -> int:
        """How often one answer may be asked for, if it is refused or lost."""
        ...

    @property
    def losses(self) -> int:
        """How often the client has learnt that a job is gone."""
        ...

    @property
    def seats(self) -> int:
        """How many requests may be under way at once."""
        ...

    async def page(self, number: int, /) -> list[CronJob]:
        """Return a page of the list of jobs, with one request."""
        ...

    async def log(self, job_id: int, /) -> list[Execution]:
        """Return the log of a job, with one request."""
        ...


class SpentError(Exception):
    """The budget is spent: the request was not sent."""


@define
class Budget:
    """The requests that may be sent at most, None for any number, and those that were."""

    most: int | None
    spent: int = 0

    @property
    def left(self) -> int | None:
        """The requests that may still be sent."""
        return None if self.most is None else self.most - self.spent

    def take(self) -> None:
        """Count a request before it is sent. SpentError if there is none left."""
        if self.most is not None and self.spent >= self.most:
            raise SpentError
        self.spent += 1


@frozen
class Listing:
    """The jobs of a list that was read, and if it `is_whole`: no job can be missing."""

    jobs: tuple[CronJob, ...]
    is_whole: bool


@define
class Looks:
    """The logs that were read, by job, and the errors of those that could not be.

    `stopped_by` is the error that ended the reading, after which no other log can be read either.
    """

    logs: dict[int, list[Execution]] = field(factory=dict)
    errors: dict[int, CronAPIError] = field(factory=dict)
    stopped_by: CronAPIError | None = None


async def within(budget: Budget, tries: int, call: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to a call that may be repeated, within the budget.

    Its error is raised once it may not be repeated any more. SpentError if nothing was sent.
    """
    while True:
        budget.take()
        tries -= 1
        try:
            return await call()
        except CronAPIError as error:
            if tries <= 0 or budget.left == 0 or not _may_repeat(error):
                raise


async def list_jobs(service: Service, budget: Budget) -> Listing:
    """Return the jobs of every page, as far as the budget goes."""

    async def read(number: int) -> list[CronJob]:
        return await within(budget, service.tries, lambda: service.page(number))

    reading, jobs = Reading(read, _id_of, service.paging), dict[int, CronJob]()
    losses = service.losses
    try:
        async for page in reading.down():
            jobs.update((job.id, job) for job in page)
        if reading.has_shifted or service.losses > losses:
            async for page in reading.up():
                jobs.update((job.id, job) for job in page)
            return Listing(tuple(jobs.values()), not reading.may_have_missed)
    except SpentError:
        return Listing(tuple(jobs.values()), is_whole=False)
    return Listing(tuple(jobs.values()), is_whole=True)


async def look_at(service: Service, budget: Budget, jobs: Iterable[CronJob]) -> Looks:
    """Return the logs of jobs, as far as the budget goes."""
    looks, waiting = Looks(), iter(jobs)
    async with anyio.create_task_group() as group:
        for _ in range(service.seats):
            group.start_soon(_read_logs, service, budget, waiting, looks)
    return looks


async def _read_logs(
    service: Service, budget: Budget, waiting: Iterator[CronJob], looks: Looks
) -> None:
    for job in waiting:
        if looks.stopped_by is not None:
            return
        try:
            looks.logs[job.id] = await _log_of(service, budget, job.id)
        except SpentError:
            return
        except CronAPIError as error:
            if _concerns_one_job(error):
                looks.errors[job.id] = error
            else:
                looks.stopped_by = error


async def _log_of(service: Service, budget: Budget, job_id: int) -> list[Execution]:
    return await within(budget, service.tries, lambda: service.log(job_id))


def _concerns_one_job(error: CronAPIError) -> bool:
    """Return True if the logs of other jobs may still be read."""
    return isinstance(error, APIError | ResponseError) and not isinstance(
        error, AuthenticationError
    )


def _may_repeat(error: CronAPIError) -> bool:
    """Return True if the next answer to a read may be another one."""
    if isinstance(error, ResponseError):
        return not error.problems  # an answer that was read, and has another shape, stays so
    return isinstance(error, ServiceUnavailableError | TransportError)


def _id_of(job: CronJob) -> int:
    return job.id
