"""The functions of the cron target: a handler takes a call and returns its data."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from cronapi.emulator.executions import ACTIVE, DISABLED, log_row, upcoming
from cronapi.emulator.jobs import (
    add_job,
    all_jobs,
    changed_job,
    delete_jobs,
    find_job,
    job_data,
    log_rows,
    new_job,
    queue_run,
    save_job,
)
from cronapi.emulator.parameters import read_parameters, signature
from cronapi.emulator.planned import begun_at
from cronapi.emulator.refusal import Refusal
from cronapi.schedule.english import read_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cronapi.emulator.call import Call
    from cronapi.emulator.store import Document

# Source: cron_failures in the FastCron docs 2024-05.
_FAILURES_BY_DEFAULT = 50


def get(call: Call) -> Document:
    """Return one job."""
    return job_data(call, find_job(call, call.params["id"]))


def add(call: Call) -> Document:
    """Create a job and return it in full."""
    return _queue_if_asked(call, add_job(call, new_job(call, call.params)), call.params)


def edit(call: Call) -> Document:
    """Change the given values of a job."""
    changed = changed_job(call, find_job(call, call.params["id"]), call.params)
    return _queue_if_asked(call, save_job(call, changed), call.params)


def enable(call: Call) -> Document:
    """Make a job active. The schedule of an inactive job begins again now."""
    job = find_job(call, call.params["id"])
    if job["status"] == ACTIVE:
        return job_data(call, job)
    coming = [run for run in job["queued"] if run["time"] > call.now]
    active = {**job, "status": ACTIVE, "resumes": None, "queued": coming}
    return job_data(call, save_job(call, begun_at(active, call.now)))


def disable(call: Call) -> Document:
    """Make a job inactive. A paused job does not resume."""
    job = find_job(call, call.params["id"])
    return job_data(call, save_job(call, {**job, "status": DISABLED, "resumes": None}))


def pause(call: Call) -> Document:
    """Suspend a job for a span such as `15 minutes`. A disabled job stays disabled."""
    job = find_job(call, call.params["id"])
    span = read_span(call.params["for"])
    if span is None or span.months:
        raise Refusal("Parameter for must be a span of time, such as 15 minutes.")
    if job["status"] != ACTIVE and job["resumes"] is None:
        return job_data(call, job)
    paused = {**job, "status": DISABLED, "resumes": call.now + span.total}
    return job_data(call, save_job(call, paused))


def delete(call: Call) -> Document:
    """Delete a job and return it as it was, with a null id."""
    return delete_jobs(call, [find_job(call, call.params["id"])])[0]


def run(call: Call) -> int:
    """Queue a run and return its Unix time."""
    job = find_job(call, call.params["id"])
    return queue_run(call, job, call.params.get("time"), call.params.get("payload"))[1]


def next_times(call: Call) -> list[int]:
    """Return the next runs, including queued ones."""
    return upcoming(find_job(call, call.params["id"]), call.now, str(call.settings.seed))


def logs(call: Call) -> list[Any]:
    """Return the kept executions of a job, newest first."""
    rows = log_rows(call, find_job(call, call.params["id"]))
    return _select_rows(call, rows, call.params.get("limit"))


def failures(call: Call) -> list[Any]:
    """Return the failed executions, newest first, of one job or, in the seed era, of all jobs."""
    # Source: FastCron docs, 2024-08-28.
    if call.settings.era == "latest" and "id" not in call.params:
        raise Refusal("Missing parameter: id.")
    jobs = [find_job(call, call.params["id"])] if "id" in call.params else all_jobs(call)
    failed = [row for job in jobs for row in log_rows(call, job) if row["status"]]
    return _select_rows(call, failed, call.params.get("limit", _FAILURES_BY_DEFAULT))


def batch_add(call: Call) -> list[Document]:
    """Create all jobs, or no job if one of them is invalid."""
    jobs = [_item(call, index, raw) for index, raw in enumerate(call.params["data"])]
    return [_queue_if_asked(call, add_job(call, job), given) for job, given in jobs]


def batch_edit(call: Call) -> list[Document]:
    """Make the same change to all jobs, or to no job if one of them is unknown."""
    return _edit_all(call, _named_jobs(call))


def batch_delete(call: Call) -> list[Document]:
    """Delete all jobs, or no job if one of them is unknown."""
    return delete_jobs(call, _named_jobs(call))


def group_edit(call: Call) -> list[Document]:
    """Make the same change to every job of a group."""
    group = call.find("group", call.params["id"])
    return _edit_all(call, [job for job in all_jobs(call) if job["group"] == group["id"]])


def _named_jobs(call: Call) -> list[Document]:
    """Return the jobs with the ids of a batch, a repeated id once."""
    return [find_job(call, number) for number in dict.fromkeys(call.params["id"])]


def _edit_all(call: Call, jobs: Iterable[Document]) -> list[Document]:
    changed = [changed_job(call, job, call.params) for job in jobs]
    return [_queue_if_asked(call, save_job(call, job), call.params) for job in changed]


def _item(call: Call, index: int, raw: Mapping[str, object]) -> tuple[Document, Mapping[str, Any]]:
    settings = call.settings
    spec = signature(call.provider, "cron.add", settings.era, settings.undocumented)
    try:
        given = read_parameters(spec, raw, strict=settings.strict)
        return new_job(call, given), given
    except Refusal as refusal:
        raise Refusal(f"data[{index}]: {refusal.message}", refusal.code) from refusal


def _queue_if_asked(call: Call, job: Document, given: Mapping[str, Any]) -> Document:
    """Queue the run that `run` asks for, and return the job's data.

    0 asks for no run, 1 for one now, and a larger number is its Unix time.
    """
    asked = given.get("run", 0)
    if asked > 0:
        job, _ = queue_run(call, job, asked, given.get("payload"))
    return job_data(call, job)


def _select_rows(call: Call, rows: Iterable[Document], limit: int | None) -> list[Any]:
    newest_first = sorted(rows, key=lambda row: (row["time"], row["no"]), reverse=True)
    keyword = call.params.get("keyword", "").lower()
    found = (row for row in newest_first if keyword in _searchable_text(row))
    shape = partial(log_row, shape=call.settings.log_shape, era=call.settings.era)
    return [shape(row) for row in islice(found, None if limit is None else max(0, limit))]


def _searchable_text(row: Document) -> str:
    return " ".join(
        str(row[name]).lower() for name in ("time", "output", "ip", "source_ip", "error")
    )
