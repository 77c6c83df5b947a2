"""An endpoint as a handler of aiohttp, which is imported only here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from cronapi.webhooks.incoming import NOT_FOUND, Incoming

if TYPE_CHECKING:
    from cronapi.webhooks.endpoint import Endpoint

_REFUSED = 400
AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def handler_of(endpoint: Endpoint[Any]) -> AiohttpHandler:
    """Return the handler of an endpoint."""

    async def handle(request: web.Request) -> web.StreamResponse:
        incoming = Incoming(
            method=request.method,
            path=request.path,
            query=request.query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            chunks=_chunks(request),
        )
        reply = await endpoint.respond(incoming)
        if reply.status == NOT_FOUND:
            raise web.HTTPNotFound  # as for any unknown path
        text = reply.text or None
        answer = web.Response(status=reply.status, text=text, headers=reply.headers_for("1.1"))
        if reply.status >= _REFUSED and "content-encoding" in incoming.headers:
            await _end(request, answer)
        return answer

    return handle


async def _end(request: web.Request, answer: web.Response) -> None:
    """Answer and end the connection. Otherwise aiohttp would decode the rest to skip it."""
    await answer.prepare(request)
    await answer.write_eof()
    request.protocol.force_close()


async def _chunks(request: web.Request) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in request.content.iter_any():
            yield chunk
    except (OSError, web.RequestPayloadError) as error:
        raise ConnectionError("the body ended too early") from error
