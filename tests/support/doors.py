"""The doors of an endpoint on real sockets: ASGI, FastAPI and aiohttp."""

# FastAPI reads the hints of a route at run time.

from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

import httpx
from aiohttp import web
from fastapi import Depends, FastAPI

from cronapi import Notification
from cronapi.emulator.server import serve
from tests.support.posts import SECRET

DOORS = ("mounted", "fastapi", "aiohttp")
HOOK = f"/hooks/{SECRET}"


@asynccontextmanager
async def served(door, receiver):
    """Serve a receiver by one of its doors, and yield a browser of it."""
    async with AsyncExitStack() as stack:
        if door == "aiohttp":
            origin = await stack.enter_async_context(aiohttp_server(receiver))
        else:
            origin = await stack.enter_async_context(serve(asgi_app(door, receiver)))
        yield await stack.enter_async_context(httpx.AsyncClient(base_url=origin))
        await receiver.aclose()


def asgi_app(door, receiver):
    if door == "asgi":
        return receiver.asgi()
    app = FastAPI()
    if door == "mounted":
        app.mount("/hooks", receiver.asgi())
        return app

    @app.post("/hooks/{secret}")  # noqa: FAST003 -- the dependency reads it
    async def hook(note: Annotated[Notification, Depends(receiver.fastapi())]) -> None:
        assert isinstance(note, Notification)

    return app


@asynccontextmanager
async def aiohttp_server(receiver):
    app = web.Application()
    app.router.add_route("*", "/hooks/{secret}", receiver.aiohttp())
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
