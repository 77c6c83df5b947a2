"""An aiohttp app whose requests share one client.

Run it with `FASTCRON_TOKEN=... python -m aiohttp.web aiohttp_app:make_app`. FASTCRON_BASE_URL
points it elsewhere, at an emulator for example (`cronapi emulator`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from cronapi import CronAPIError, FastCron
from cronapi.errors import retry_after_for, status_for

logger = logging.getLogger(__name__)

API = web.AppKey("API", FastCron)
MAX_WAIT = 5.0
"""The longest time in seconds that a user waits for a slot; after that the answer is 503."""
SPREAD = 10.0
"""Seconds by which Retry-After differs at random, so that users do not all come back at once."""
FIELDS = ("url", "expression", "name")
"""The fields of a job that users may set."""
DRAIN = 8.0
"""The longest time in seconds for which calls that were begun are finished when the app ends."""


async def keep_client(app: web.Application) -> AsyncIterator[None]:
    """Keep one client for the whole app: its queue holds all requests within the rate limit.

    With `coalesce`, users who wait at the same time share a request.
    """
    async with FastCron(coalesce=True) as api:
        app[API] = api.with_options(max_wait=MAX_WAIT)
        yield
        if left := await api.aclose(drain=DRAIN):
            logger.warning("%d calls were not finished in %g s", left, DRAIN)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn an error of the cron service into an HTTP answer that says nothing of our account."""
    try:
        return await handler(request)
    except CronAPIError as error:
        logger.warning("%s %s: %s", request.method, request.path, error)
        status, seconds = status_for(error), retry_after_for(error, spread=SPREAD)
        detail = HTTPStatus(status).phrase if status >= 500 else error.message  # noqa: PLR2004 -- server errors
        headers = {} if seconds is None else {"Retry-After": str(seconds)}
        return web.json_response({"detail": detail}, status=status, headers=headers)


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in a request's body, or answer 400."""
    try:
        body = await request.json()
    except (ValueError, LookupError, RecursionError) as error:  # no JSON, or an odd charset
        raise web.HTTPBadRequest(text="The body is not JSON.") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="The body is not a JSON object.")
    return body


async def add_job(request: web.Request) -> web.Response:
    """Make a job from a JSON object with url, expression and name."""
    body = await body_of(request)
    job = await request.app[API].cron.add(**{name: body[name] for name in FIELDS if name in body})
    return web.json_response(job.to_wire(), status=201)


async def get_job(request: web.Request) -> web.Response:
    """Return a job."""
    job = await request.app[API].cron.get(int(request.match_info["id"]))
    return web.json_response(job.to_wire())


async def delete_job(request: web.Request) -> web.Response:
    """Delete a job."""
    await request.app[API].cron.delete(int(request.match_info["id"]))
    return web.Response(status=204)


def make_app(argv: list[str] | None = None) -> web.Application:  # noqa: ARG001 -- from `aiohttp.web`
    """Return the app."""
    app = web.Application(middlewares=[answer_errors])
    app.cleanup_ctx.append(keep_client)
    app.router.add_post("/jobs", add_job)
    app.router.add_get("/jobs/{id:[0-9]{1,18}}", get_job)
    app.router.add_delete("/jobs/{id:[0-9]{1,18}}", delete_job)
    return app
