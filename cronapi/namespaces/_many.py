"""The `*_many` methods of `api.cron`: many calls as one."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, TypedDict, Unpack, overload

from attrs import frozen

from cronapi import _functions as table
from cronapi import bulk
from cronapi._protocol import rows
from cronapi._protocol.arguments import switch
from cronapi._protocol.declared import JobParams, NewJobParams
from cronapi._protocol.hidden import hidden
from cronapi._protocol.ids import number_of
from cronapi._protocol.kinds import span
from cronapi._protocol.params import JobSpec
from cronapi.bulk.items import copy_of
from cronapi.errors import UnsupportedFunctionError
from cronapi.errors.concerns import input_error
from cronapi.models import CronJob
from cronapi.namespaces._invoke import Invoker, Namespace

Jobs = Iterable[int | CronJob] | AsyncIterable[int | CronJob]
NewJob = JobSpec | CronJob | NewJobParams | rows.Row
Changes = JobParams | rows.Row | JobSpec
Edit = tuple[int | CronJob, Changes]
Edits = Iterable[Edit] | Mapping[int, Changes] | Mapping[CronJob, Changes]


class BulkOptions(TypedDict, total=False):
    """The options of every bulk.

    `journal` is a file that makes it resumable. The same call with the same inputs goes on after
    its process has ended, in any way. The token must be the same too, unless a function gives it.
    `progress` is called after each outcome with the number of outcomes, the number of inputs (None
    if unknown) and the seconds left.
    """

    journal: str | PathLike[str] | None
    progress: bulk.bulk.ProgressCallback | None


@frozen(repr=False)
class ManyJobs(Namespace):
    """Bulks of jobs: await one for its report, or iterate it for outcomes as they come.

    Inputs are lists, generators or async generators, of any length. A job is given by its id or as
    the `CronJob` that a call returned. An input that reads the job list, such as `cron.iterate`,
    is read on before anything is sent, until it has read all of the list. The report has one
    outcome for each input, in order: done, failed, unknown or not tried. If a bulk stops, a
    generator has outcomes as far as it was read. A ConfigurationError names the index of an input
    that cannot be used, and the name of its column. Other calls overtake a bulk: end it before you
    change its jobs in another way.

    Inputs may be rows of CSV or YAML: mappings whose values may be text, where a parameter is a
    boolean, a number or a time. An empty one of these is not set. `docs/parameters.md` says which
    texts are read.
    """

    _invoke: Invoker

    @overload
    def add_many(
        self, specs: Iterable[NewJob], **options: Unpack[BulkOptions]
    ) -> bulk.Bulk[CronJob]: ...
    @overload
    def add_many(
        self, specs: AsyncIterable[NewJob], **options: Unpack[BulkOptions]
    ) -> bulk.Bulk[CronJob]: ...
    def add_many(
        self,
        specs: Iterable[NewJob] | AsyncIterable[NewJob],
        **options: Unpack[BulkOptions],
    ) -> bulk.Bulk[CronJob]:
        """Create jobs, in batches if the service has them (FastCron).

        A batch whose answer is lost is examined item by item: jobs that arrived are adopted, jobs
        that did not are sent again, and the rest is unknown. An item that the service refuses fails
        alone. Equal specs are several jobs. A CronJob is taken as by `add`.
        """

        def check(spec: Any, _: int) -> Any:
            return self._invoke.encode(rows.new_job(spec, self._invoke.caller.provider))

        return bulk.Bulk(
            self._invoke.calls,
            bulk.operations.add_operation(self._invoke.calls),
            specs,
            check,
            **options,
        )

    @overload
    def edit_many(
        self,
        edits: Mapping[int, Changes],
        *,
        batch: bool = False,
        **options: Unpack[BulkOptions],
    ) -> bulk.Bulk[CronJob]: ...
    @overload
    def edit_many(
        self,
        edits: Mapping[CronJob, Changes],
        *,
        batch: bool = False,
        **options: Unpack[BulkOptions],
    ) -> bulk.Bulk[CronJob]: ...
    @overload
    def edit_many(
        self, edits: Iterable[Edit], *, batch: bool = False, **options: Unpack[BulkOptions]
    ) -> bulk.Bulk[CronJob]: ...
    @overload
    def edit_many(
        self, edits: AsyncIterable[Edit], *, batch: bool = False, **options: Unpack[BulkOptions]
    ) -> bulk.Bulk[CronJob]: ...
    def edit_many(
        self,
        edits: Edits | AsyncIterable[Edit],
        *,
        batch: bool = False,
        **options: Unpack[BulkOptions],
    ) -> bulk.Bulk[CronJob]:
        """Change jobs, given as pairs of a job and its changes or as a mapping, one request each.

        Changes are a mapping or a JobSpec. None clears a field. A job given twice is a
        ConfigurationError, since edits have no order. With `batch`, jobs that are changed alike
        share a request (FastCron, removed there in 2025-08). Edits that `run` their jobs are never
        repeated: if a shared request is refused, or its answer lost, all of them are unknown.
        """
        switch("batch", batch)
        if batch and not self._invoke.calls.has(table.CRON_BATCH_EDIT):
            raise UnsupportedFunctionError(
                "This service has no batch_edit.", function=table.CRON_BATCH_EDIT.name
            )

        calls, once = self._invoke.calls, Once("cron")

        def check(edit: Any, index: int) -> Any:
            job, changes = _pair(edit)
            wire = self._invoke.encode(rows.changes(changes), clear=True)
            return {"id": once(job, index)} | wire

        operation = (
            bulk.operations.edit_alike_operation(calls)
            if batch
            else bulk.operations.one_by_one_operation(calls, "cron.edit_many", table.CRON_EDIT)
        )
        return bulk.Bulk(
            calls,
            operation,
            copy_of(edits.items(), "cron.edit_many") if isinstance(edits, Mapping) else edits,
            check,
            **options,
        )

    def delete_many(self, ids: Jobs, **options: Unpack[BulkOptions]) -> bulk.Bulk[CronJob]:
        """Delete jobs, in batches if the service has them (FastCron).

        `delete_many(api.cron.iterate(match="tmp *"))` reads all of the list before the first
        delete. A job given twice is a ConfigurationError. A job that is gone after a lost answer
        counts as deleted. So does a job that this client has seen in an answer and that is gone
        after a refused batch. Any other job that is not there is a NotFoundError in its outcome: if
        this client has never seen it, nothing tells if the refused batch deleted it.
        """
        return bulk.Bulk(
            self._invoke.calls,
            bulk.operations.delete_operation(self._invoke.calls),
            ids,
            Once("cron"),
            **options,
        )

    def enable_many(self, ids: Jobs, **options: Unpack[BulkOptions]) -> bulk.Bulk[CronJob]:
        """Let jobs run by their schedules again, one request each."""
        return self._each("cron.enable_many", table.CRON_ENABLE, ids, {}, options)

    def disable_many(self, ids: Jobs, **options: Unpack[BulkOptions]) -> bulk.Bulk[CronJob]:
        """Stop jobs until they are enabled, one request each."""
        return self._each("cron.disable_many", table.CRON_DISABLE, ids, {}, options)

    def pause_many(
        self, ids: Jobs, *, for_: str | timedelta, **options: Unpack[BulkOptions]
    ) -> bulk.Bulk[CronJob]:
        """Stop jobs for a span of time, one request each."""
        return self._each(
            "cron.pause_many", table.CRON_PAUSE, ids, {"for": span("for_", for_)}, options
        )

    def run_many(
        self,
        ids: Jobs,
        *,
        time: datetime | int | None = None,
        payload: str | None = None,
        **options: Unpack[BulkOptions],
    ) -> bulk.Bulk[datetime]:
        """Queue one run of each job, now or at `time`, one request each.

        The values of the outcomes are the times of the runs. Not repeated blindly.
        """
        payload = hidden(payload)
        wire = self._invoke.encode({"time": time, "payload": payload})
        return self._each("cron.run_many", table.CRON_RUN, ids, wire, options)

    def get_many(
        self, ids: Jobs, *, progress: bulk.bulk.ProgressCallback | None = None
    ) -> bulk.Bulk[CronJob]:
        """Read jobs, from pages of the list if that takes fewer requests.

        A read: repeated freely.
        """
        return bulk.Bulk(
            self._invoke.calls,
            bulk.operations.get_operation(self._invoke.calls),
            ids,
            lambda job, _: number_of(job),
            progress=progress,
        )

    def _each(
        self,
        name: str,
        row: table.Function[Any],
        ids: Jobs,
        wire: Mapping[str, Any],
        options: BulkOptions,
    ) -> bulk.Bulk[Any]:
        operation = bulk.operations.one_by_one_operation(self._invoke.calls, name, row)
        return bulk.Bulk(
            self._invoke.calls,
            operation,
            ids,
            lambda job, _: {"id": number_of(job), **wire},
            **options,
        )


class Once:
    """Returns the ids of jobs, or of groups, and refuses one that was given before."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._seen: dict[int, int] = {}

    def __call__(self, given: Any, index: int) -> int:
        number = number_of(given, self._target)
        first = self._seen.setdefault(number, index)
        if first != index:
            raise input_error(f"It is the same id as item {first}: {number}.")
        return number


def _pair(edit: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return the job and the changes of an edit."""
    if isinstance(edit, tuple | list) and len(edit) == 2:  # noqa: PLR2004 -- a pair
        job, changes = edit
        if isinstance(changes, JobSpec):
            return job, changes.params
        if isinstance(changes, Mapping):
            return job, changes
        if isinstance(changes, CronJob):
            raise input_error(
                "The changes of an edit are not a CronJob: give the fields that change."
            )
    raise input_error("An edit is a pair of an id, or a job, and its changes.")
