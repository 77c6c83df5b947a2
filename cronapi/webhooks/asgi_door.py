"""An endpoint as an ASGI app, for any framework that mounts one."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from cronapi.webhooks.incoming import NOT_FOUND, Incoming, Reply

if TYPE_CHECKING:
    from cronapi.webhooks.endpoint import Endpoint

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class ASGIDoor:
    """The ASGI app of an endpoint."""

    def __init__(self, endpoint: Endpoint[Any]) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, refuse a websocket, or drain the endpoint at the end of a lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            reply = await self._endpoint.respond(_incoming(scope, receive))
            _leave_to_host(scope, reply)
            await _send(reply, scope, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.startup":
                await self._endpoint.__aenter__()
            else:
                await self._endpoint.aclose()
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


def _incoming(scope: Scope, receive: Receive) -> Incoming:
    return Incoming(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        },
        chunks=_chunks(receive),
    )


async def _chunks(receive: Receive) -> AsyncGenerator[bytes, None]:
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionError("the caller went away")
        yield event.get("body", b"")
        if not event.get("more_body", False):
            return


def _leave_to_host(scope: Scope, reply: Reply) -> None:
    """Let an app of Starlette that mounted the endpoint answer as for any unknown path."""
    starlette: Any = sys.modules.get("starlette.applications")
    app = scope.get("app")
    if reply.status == NOT_FOUND and starlette and isinstance(app, starlette.Starlette):
        raise sys.modules["starlette.exceptions"].HTTPException(NOT_FOUND)


async def _send(reply: Reply, scope: Scope, send: Send) -> None:
    body = reply.text.encode()
    fields = reply.headers_for(scope.get("http_version", "1.1"))
    if body:
        fields["Content-Type"] = "text/plain; charset=utf-8"
        fields["Content-Length"] = str(len(body))
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in fields.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
