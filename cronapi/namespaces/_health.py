"""`cron.health`, and its requests: one for each page of the list, and one for each log."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from cronapi import _functions as table
from cronapi._calls.pages import Paging
from cronapi._protocol.arguments import count, refusal, seconds, switch
from cronapi.health.check import HealthCheck, Question
from cronapi.health.sightings import Sightings
from cronapi.models import CronJob, Execution, Group
from cronapi.namespaces._invoke import Invoker
from cronapi.namespaces._iterate import job_filter
from cronapi.namespaces._many import ManyJobs

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


@frozen(repr=False)
class CheckedJobs(ManyJobs):
    """The health of the jobs of an account, and all of `ManyJobs`."""

    _invoke: Invoker  # named again, so that the hints of `__init__` resolve in this module

    def health(
        self,
        *,
        late: bool = False,
        budget: int | None = 30,
        grace: float = 60.0,
        group: Group | int | None = None,
        match: str | None = None,
        now: datetime | None = None,
        sightings: Sightings | None = None,
    ) -> HealthCheck:
        """Tell which jobs are disabled, failing, late, or never ran: `await api.cron.health()`.

        The list of jobs tells the first two. With `late` the logs of jobs are read too, one request
        for each. `budget` is the most requests that the check may send, those for the list and the
        repeated ones included, and None is no bound. A job whose log is not read is
        `not_looked_at`, never healthy. `await api.cron.health(...).cost()` tells the cost before
        any log is read.

        `grace` is how many seconds a run may be late, if the job's timeout is not longer. `group`
        and `match` choose jobs as in `iterate`. `now` is the time of the verdicts, None for this
        machine's. `sightings` are those of the last report: they let a job that never ran be told
        from a new one, and give each job its turn under the budget.

        A refused or lost request is repeated up to 4 times within the budget, and fewer if the
        client's `retry` says so. An error of the list is raised. An error that keeps all logs from
        being read is in `stopped_by` of the report.
        """
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
        alone = evolve(self._invoke.calls.options, retry=None)
        retry = self._invoke.options.retry
        tries = 1 if retry is None else min(retry.max_attempts, _MOST_TRIES)
        service = HealthService(evolve(self._invoke, merger=None, options=alone), tries)
        return HealthCheck(service, question)


def _check(question: Question) -> None:
    """Refuse arguments that make no sense."""
    now, sightings = question.now, question.sightings
    switch("late", question.late)
    if question.budget is not None:
        count("budget", question.budget)
    seconds("grace", question.grace, endless=False)
    if now is not None and (not isinstance(now, datetime) or now.utcoffset() is None):
        raise refusal("now", "a datetime with a timezone, or None", now)
    if not (sightings is None or isinstance(sightings, Sightings)):
        raise refusal("sightings", "the sightings of a report, or None", sightings)
