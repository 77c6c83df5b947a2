"""What a type checker knows of results that go back in: read by mypy and basedpyright, run by
nobody.
"""

from __future__ import annotations

from typing import Any, assert_type

from cronapi import FASTCRON, CronJob, FastCron, JobSpec, Loss
from cronapi.models import Execution, Headers


async def a_header_is_rotated(api: FastCron, job: CronJob) -> str:
    """The headers of a job are a mapping that an edit takes."""
    assert_type(job.headers, Headers)
    assert_type(job.headers | {"X-Key": "new"}, Headers)
    await api.cron.edit(job.id, http_headers=job.headers | {"X-Key": "new"})
    return job.headers["X-Key"]


async def a_job_goes_back_in(api: FastCron, job: CronJob) -> CronJob:
    """Jobs and specs are taken where jobs are made."""
    spec = JobSpec.from_job(job, provider=FASTCRON)
    assert_type(spec.losses, tuple[Loss, ...])
    await api.cron.add_many([job, spec, {"url": "https://example.com"}])
    await api.cron.batch_add([job, spec])
    await api.cron.add(spec)
    return await api.cron.add(job, name="copy")


def a_result_is_kept(job: CronJob, run: Execution) -> tuple[CronJob, Execution]:
    """The way back from a mapping gives the class that was asked for."""
    assert_type(job.to_dict(), dict[str, Any])
    return CronJob.from_dict(job.to_dict()), Execution.from_dict(run.to_dict())
