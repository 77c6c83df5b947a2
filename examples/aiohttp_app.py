"""An aiohttp app whose requests share one client.

Run it with `FASTCRON_TOKEN=... python -m aiohttp.web aiohttp_app:make_app`. CRON_BASE_URL points it
elsewhere, at an emulator for example (`cronapi emulator`).
"""

from __future__ import annotations

import logging
import math
import os
import random
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from cronapi import CronAPIError, FastCron, NotFoundError, WaitTooLongError

logger = logging.getLogger(__name__)

API = web.AppKey("API", FastCron)
MAX_WAIT = 5.0
"""The longest time in seconds that a user waits for a slot; after that the answer is 503."""
SPREAD = 10.0
"""Seconds by which Retry-After differs at random, so that users do not all come back at once."""
DRAIN = 8.0
"""The longest time in seconds for which calls that were begun are finished when the app ends."""


async def keep_client(app: web.Application) -> AsyncIterator[None]:
    """Keep one client for the whole app: its queue holds all requests within the rate limit.

    With `coalesce`, users who wait at the same time share a request.
    """
    async with FastCron(base_url=os.environ.get("CRON_BASE_URL"), coalesce=True) as api:
        app[API] = api.with_options(max_wait=MAX_WAIT)
        yield
        if left := await api.aclose(drain=DRAIN):
            logger.warning("%d calls were not finished in %g s", left, DRAIN)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn an error of the cron service into an HTTP answer."""
    try:
        return await handler(request)
    except WaitTooLongError as error:
        headers = {"Retry-After": retry_after(error)}
        raise web.HTTPServiceUnavailable(headers=headers) from error
    except NotFoundError as error:
        raise web.HTTPNotFound from error
    except CronAPIError as error:
        raise web.HTTPBadGateway from error


def retry_after(error: WaitTooLongError) -> str:
    """Return the seconds after which a user may come back."""
    return str(math.ceil(error.wait + random.uniform(0, SPREAD)))  # noqa: S311 -- jitter, not a secret


async def add_job(request: web.Request) -> web.Response:
    """Make a job from a JSON object with url, expression and name."""
    new = await request.json()
    job = await request.app[API].cron.add(
        url=new["url"], expression=new["expression"], name=new.get("name")
    )
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
    app.router.add_get(r"/jobs/{id:\d+}", get_job)
    app.router.add_delete(r"/jobs/{id:\d+}", delete_job)
    return app
