"""A FastAPI app whose requests share one client: `FASTCRON_TOKEN=... uvicorn fastapi_app:app`.

FASTCRON_BASE_URL points it elsewhere, at an emulator for example (`cronapi emulator`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from cronapi import CronAPIError, CronJob, FastCron, OutcomeUnknownError
from cronapi.errors import retry_after_for, status_for

logger = logging.getLogger(__name__)

MAX_WAIT = 5.0
"""The longest time in seconds that a user waits for a slot; after that the answer is 503."""
SPREAD = 10.0
"""Seconds by which Retry-After differs at random, so that users do not all come back at once."""
DETAILS = {
    404: "There is no such job.",
    500: "Internal server error.",
    502: "The scheduler gave no usable answer.",
    503: "The scheduler is busy. Try again later.",
}
"""The text for a status, where the error's own is about our account with the service."""
UNKNOWN = "The job may or may not have been made. Look before you try again."
DRAIN = 8.0
"""The longest time in seconds for which calls that were begun are finished when the app ends."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one client for the whole app: its queue holds all requests within the rate limit.

    With `coalesce`, users who wait at the same time share a request.
    """
    async with FastCron(coalesce=True) as api:
        app.state.cron = api
        yield
        if left := await api.aclose(drain=DRAIN):
            logger.warning("%d calls were not finished in %g s", left, DRAIN)


def get_api(request: Request) -> FastCron:
    """Return the app's client, for calls with a user waiting."""
    api: FastCron = request.app.state.cron
    return api.with_options(max_wait=MAX_WAIT)


Api = Annotated[FastCron, Depends(get_api)]
app = FastAPI(title="Jobs", lifespan=lifespan)


class NewJob(BaseModel):
    """The body of a request that makes a job."""

    url: str
    expression: str
    name: str | None = None


class Job(BaseModel):
    """A job as users see it."""

    id: int
    name: str | None
    url: str | None
    expression: str | None
    active: bool | None

    @classmethod
    def of(cls, job: CronJob) -> Job:
        """Return the part of a job that users may see."""
        return cls(
            id=job.id, name=job.name, url=job.url, expression=job.expression, active=job.is_active
        )


@app.post("/jobs", status_code=201)
async def add_job(new: NewJob, api: Api) -> Job:
    """Make a job."""
    return Job.of(await api.cron.add(url=new.url, expression=new.expression, name=new.name))


@app.get("/jobs/{job_id}")
async def get_job(job_id: int, api: Api) -> Job:
    """Return a job."""
    return Job.of(await api.cron.get(job_id))


@app.delete("/jobs/{job_id}", status_code=204)
async def delete_job(job_id: int, api: Api) -> None:
    """Delete a job."""
    await api.cron.delete(job_id)


@app.exception_handler(CronAPIError)
async def answer_error(request: Request, error: CronAPIError) -> JSONResponse:
    """Turn an error of the cron service into an HTTP answer that says nothing of our account."""
    logger.warning("%s %s: %s", request.method, request.url.path, error)
    status, detail = describe(error)
    return JSONResponse({"detail": detail}, status, headers=retry_after(error))


def describe(error: CronAPIError) -> tuple[int, str]:
    """Return the HTTP status and the text for an error."""
    status = status_for(error)
    text = UNKNOWN if isinstance(error, OutcomeUnknownError) else DETAILS.get(status)
    return status, text or error.message


def retry_after(error: CronAPIError) -> dict[str, str]:
    """Return the header that says when to come back, where that helps."""
    seconds = retry_after_for(error, spread=SPREAD)
    return {} if seconds is None else {"Retry-After": str(seconds)}
