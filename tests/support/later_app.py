"""The web examples with two more doors: `/later` answers before its job is made, and `/accepted`
says how many posts have begun.
"""

from __future__ import annotations

import asyncio

_tasks = set()
_accepted = []


def _begin(api, new):
    """Make a job without a waiting user, in the bulk lane."""
    add = api.with_options(max_wait=None, lane="bulk").cron.add
    task = asyncio.ensure_future(add(url=new["url"], name=new["name"]))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _note(request):
    if request.method == "POST":
        _accepted.append(request)


def fastapi():
    """Return the FastAPI example."""
    from fastapi import Request
    from fastapi_app import app

    @app.middleware("http")
    async def note(request, call_next):
        _note(request)
        return await call_next(request)

    async def later(request):
        _begin(request.app.state.cron, await request.json())

    later.__annotations__ = {"request": Request}
    app.post("/later", status_code=202)(later)
    app.get("/accepted")(lambda: len(_accepted))
    return app


def aiohttp(argv):
    """Return the aiohttp example."""
    from aiohttp import web
    from aiohttp_app import API, make_app

    @web.middleware
    async def note(request, handler):
        _note(request)
        return await handler(request)

    async def later(request):
        _begin(request.app[API], await request.json())
        return web.Response(status=202)

    async def accepted(_):
        return web.json_response(len(_accepted))

    app = make_app(argv)
    app.middlewares.insert(0, note)
    app.router.add_post("/later", later)
    app.router.add_get("/accepted", accepted)
    return app
