"""`cron.health`. What carries it out is imported when it is first called."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from cronapi._lazy import LazyModule
from cronapi.models import Group
from cronapi.namespaces._invoke import Invoker
from cronapi.namespaces._many import ManyJobs

if TYPE_CHECKING:
    from cronapi.health import check as checks
    from cronapi.health import sightings as seen
else:
    checks, seen = LazyModule("cronapi.health.check"), LazyModule("cronapi.health.sightings")


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
        sightings: seen.Sightings | None = None,
    ) -> checks.HealthCheck:
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
        from cronapi.namespaces._checking import checking  # noqa: PLC0415 -- a fifth of an import

        return checking(
            self._invoke,
            late=late,
            budget=budget,
            grace=grace,
            group=group,
            match=match,
            now=now,
            sightings=sightings,
        )
