"""`api.cron`: the jobs."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Unpack, overload

from attrs import evolve, frozen

from cronapi import _functions as table
from cronapi._calls.answer import Answer
from cronapi._calls.matching import NOT_COMPARED, is_match
from cronapi._calls.open_readings import page_by_hand
from cronapi._calls.pages import find_by_name
from cronapi._protocol.declared import EnsureParams, JobParams, NewJobParams
from cronapi._protocol.hidden import hidden, hide
from cronapi._protocol.ids import refuse_models
from cronapi._protocol.kinds import an_id, span, text
from cronapi._protocol.params import JobSpec, check_names, check_values, params_like
from cronapi._protocol.rows import new_job
from cronapi.bulk.items import read_all
from cronapi.models import CronJob, Execution, Group, JobStatus
from cronapi.namespaces._ensure import checked_name, ensuring, find_or_refuse, warn_if_altered
from cronapi.namespaces._health import CheckedJobs
from cronapi.namespaces._invoke import Invoker
from cronapi.namespaces._iterate import every_page, job_filter
from cronapi.namespaces._many import NewJob
from cronapi.namespaces._unsupported import unsupported


@frozen(repr=False)
class SharedCron(CheckedJobs):
    """The functions of the target `cron` that both services have, and all that SetCronJob has.

    It is `cron.list` at SetCronJob, and `cron_list` at FastCron. Every method raises the errors of
    `cronapi.errors`, and says if the call may be repeated. A call that names a missing job or group
    is a NotFoundError, unless `retry` is None. Times are aware datetimes or Unix seconds.
    `ManyJobs` describes the `*_many` methods, and `CheckedJobs` has `health`.
    """

    _invoke: Invoker  # named again, so that the hints of `__init__` resolve in this module

    if not TYPE_CHECKING:  # or every name would seem to be there
        __getattr__ = unsupported("cron")

    async def list(
        self, *, page: int | None = None, keyword: str | None = None
    ) -> builtins.list[CronJob]:
        """Return one page of up to 1,000 jobs, the first unless `page` says otherwise.

        `keyword` finds jobs with that text in their name, id or URL. It is no exact match. A read:
        repeated freely.
        """
        params = {"page": page, "keyword": keyword}
        ask = self._invoke(table.CRON_LIST, params)
        return await page_by_hand(ask, self._invoke.caller, params)

    def iterate(
        self,
        *,
        keyword: str | None = None,
        status: JobStatus | int | str | None = None,
        group: Group | int | None = None,
        match: str | None = None,
    ) -> AsyncGenerator[CronJob, None]:
        """Yield the jobs of every page, with one request a page, in the bulk lane.

        `status` is a `JobStatus`, its name such as `"disabled"`, or its number. `group` is a group
        or its id, and 0 chooses jobs without a group. `match` is a pattern for the name, such as
        `"tmp *"`, by the rules of `fnmatch.fnmatchcase`. These three choose from the jobs that were
        read, so they cost what the whole listing costs. Only `keyword` is the service's own search.

        A read: repeated freely. Deleting jobs meanwhile moves later ones to earlier pages, where
        they are missed: collect first, then delete. `delete_many` and the other bulks do that with
        `iterate` as their input.
        """
        check_values({"keyword": keyword})
        return every_page(self._invoke, keyword, job_filter(status, group, match))

    async def find(self, name: str) -> CronJob | None:
        """Return the job of exactly this name, or None if no page of the list shows one.

        The lowest id of the first page that shows one, if there are several. A search finds it with
        one request. If the search does not show it, the whole list is read, since a search may work
        by words or patterns. An error is raised and never taken for absence.
        """
        with self._invoke.caller.admission.call():
            row = await find_by_name(self._invoke.ask("bulk"), text("name", name))
        return None if row is None else self._invoke.structured(table.CRON_GET, Answer(row, 1))

    async def ensure(self, **params: Unpack[EnsureParams]) -> CronJob:
        """Make sure that a job of exactly this `name` has these parameters, and return it.

        The name and a url are required. Edits the job of that name: the lowest id of the first page
        that shows one. If no page of the whole list shows one, it is created. A job that is as it
        should be costs only the search.

        A service does not show every parameter. Those that it hides cannot be compared, and are set
        each time: always `password`, `payload` and `run` (which runs the job). By the services'
        documentation also `username`, `user_agent`, `filter`, `delay`, `pattern`, `keyword`,
        `failure_threshold`, `ignore_http_status`, `retry_failed`, `notify_match`, `notify_time`,
        since 2026 `notify_every`, and SetCronJob's `retry`, `retry_after`, `single` and
        `dns_cache`.

        Tasks of one event loop that ensure the same name take turns. A task that leaves while its
        add is under way keeps its turn until that has ended. Errors and repeats are those of `edit`
        and `add`. An error of the search is raised and never taken for absence.
        """
        params = hide(params)
        name = checked_name(params)
        calls = evolve(self._invoke.calls, options=self._invoke.options, lane="interactive")
        # Callers who share an add could make the job again after this one has left.
        alone = evolve(self._invoke, merger=None)
        async with ensuring(calls, name):
            wanted = self._invoke.encode(params, clear=True)
            row = await find_or_refuse(calls, wanted)
            if row is None:
                job = await alone.send(table.CRON_ADD, alone.encode(params))
                warn_if_altered(calls.caller.provider.name, job, name)
                return job
            if wanted.keys() <= row.keys() - NOT_COMPARED and is_match(wanted, row):
                return self._invoke.structured(table.CRON_GET, Answer(row, 1))
            return await self.edit(int(row["id"]), **params)

    async def get(self, id: int) -> CronJob:
        """Return one job.

        Raises NotFoundError only if a listing confirms that there is no such job. Any other error
        says nothing about the job. A read: repeated freely.
        """
        return await self._invoke(table.CRON_GET, {"id": id})

    @overload
    async def add(self, job: None = None, /, **params: Unpack[NewJobParams]) -> CronJob: ...
    @overload
    async def add(self, job: CronJob | JobSpec, /, **params: Unpack[JobParams]) -> CronJob: ...
    async def add(
        self, job: CronJob | JobSpec | None = None, /, **params: Unpack[JobParams]
    ) -> CronJob:
        """Create a job and return it with the service's defaults filled in.

        `url` is required. `add(job, name="copy")` makes a job like another one, with changes. A
        CronJob that would lose something is a ConfigurationError that names it, and
        `JobSpec.from_job` carries the rest over. Not repeated blindly: if its answer is lost, the
        job is looked up by its fields, and adopted or added again. OutcomeUnknownError if the
        lookup cannot tell.
        """
        params = hide(params)
        spec = params_like(job, params, "cron.add", self._invoke.caller.provider)
        return await self._invoke.send(table.CRON_ADD, self._invoke.encode(spec))

    async def edit(self, id: int, **params: Unpack[JobParams]) -> CronJob:
        """Change the given fields of a job and return the job. None clears a field.

        May be repeated, except with `run`: then a lost answer is an OutcomeUnknownError.
        """
        params = hide(params)
        check_names(params, "cron.edit")
        return await self._invoke(table.CRON_EDIT, {"id": id, **params}, clear=True)

    async def enable(self, id: int) -> CronJob:
        """Let a job run by its schedule again, and return it. May be repeated."""
        return await self._invoke(table.CRON_ENABLE, {"id": id})

    async def disable(self, id: int) -> CronJob:
        """Stop a job until it is enabled, and return it. May be repeated."""
        return await self._invoke(table.CRON_DISABLE, {"id": id})

    async def pause(self, id: int, *, for_: str | timedelta) -> CronJob:
        """Stop a job for a span of time, `"15 minutes"` or a timedelta, and return it.

        It resumes by itself. May be repeated. A repeat counts the span from then on.
        """
        return await self._invoke(table.CRON_PAUSE, {"id": id, "for_": span("for_", for_)})

    async def delete(self, id: int) -> CronJob:
        """Delete a job and return it as it was.

        May be repeated. If an answer was lost, a job that is gone counts as deleted. Otherwise a
        listing that does not show the job is a NotFoundError.
        """
        return await self._invoke(table.CRON_DELETE, {"id": id})

    async def run(
        self, id: int, *, time: datetime | int | None = None, payload: str | None = None
    ) -> datetime:
        """Queue one run beside the schedule and return its time.

        It runs within the next minute, or at `time`. `payload` replaces the body of POST, PUT and
        PATCH, and is added to the query of other methods. Not repeated blindly: after a lost answer
        `cron.next` is asked for the time. OutcomeUnknownError if no time was given or the service
        has no `cron.next`.
        """
        payload = hidden(payload)
        return await self._invoke(table.CRON_RUN, {"id": id, "time": time, "payload": payload})

    async def logs(
        self, id: int, *, keyword: str | None = None, limit: int | None = None
    ) -> builtins.list[Execution]:
        """Return the runs of a job that the service keeps, newest first.

        A read: repeated freely.
        """
        return await self._invoke(table.CRON_LOGS, {"id": id, "keyword": keyword, "limit": limit})

    async def failures(
        self, id: int | None = None, *, keyword: str | None = None, limit: int | None = None
    ) -> builtins.list[Execution]:
        """Return the failed runs of a job, or of all jobs.

        FastCron wants an id since 2024-08. A read: repeated freely.
        """
        return await self._invoke(
            table.CRON_FAILURES, {"id": id, "keyword": keyword, "limit": limit}
        )


class CronNamespace(SharedCron):
    """The functions of the target `cron`: those of `SharedCron`, and FastCron's own."""

    __slots__ = ()

    async def next(self, id: int) -> builtins.list[datetime]:
        """Return up to 100 times at which a job will run, queued runs among them (FastCron).

        A read: repeated freely.
        """
        return await self._invoke(table.CRON_NEXT, {"id": id})

    async def batch_add(self, specs: Iterable[NewJob]) -> builtins.list[CronJob]:
        """Create several jobs with one request and return them in order (FastCron).

        They may be rows of CSV or YAML, as in `add_many`, and a CronJob is taken as by `add`. Not
        repeated blindly: after a lost answer the jobs are looked up. OutcomeUnknownError if only
        some are found.
        """

        def check(spec: Any, _: int) -> dict[str, Any]:
            return self._invoke.encode(new_job(spec, self._invoke.caller.provider))

        data = read_all(specs, check, table.CRON_BATCH_ADD.name)
        return await self._invoke.send(table.CRON_BATCH_ADD, {"data": data})

    async def batch_edit(
        self, ids: Sequence[int], **params: Unpack[JobParams]
    ) -> builtins.list[CronJob]:
        """Change several jobs alike with one request and return them.

        FastCron had it until 2025-08. May be repeated.
        """
        params = hide(params)
        check_names(params, "cron.batch_edit")
        numbers = read_all(ids, _an_id, table.CRON_BATCH_EDIT.name)
        sent = {"id": numbers, **self._invoke.encode(params, clear=True)}
        return await self._invoke.send(table.CRON_BATCH_EDIT, sent)

    async def batch_delete(self, ids: Sequence[int]) -> builtins.list[CronJob]:
        """Delete several jobs with one request and return them in the order of `ids` (FastCron).

        May be repeated.
        """
        numbers = read_all(ids, _an_id, table.CRON_BATCH_DELETE.name)
        return await self._invoke.send(table.CRON_BATCH_DELETE, {"id": numbers})

    async def group_edit(self, id: int, **params: Unpack[JobParams]) -> builtins.list[CronJob]:
        """Change all jobs of a group alike and return them.

        FastCron had it until 2026-05. May be repeated.
        """
        params = hide(params)
        check_names(params, "cron.group_edit")
        return await self._invoke(table.CRON_GROUP_EDIT, {"id": id, **params}, clear=True)


def _an_id(number: object, _: int) -> int | str:
    refuse_models(number, table.CRON_GET.name)
    return an_id("id", number)
