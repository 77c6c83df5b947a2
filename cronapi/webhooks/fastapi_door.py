"""An endpoint as a dependency of FastAPI, which is imported only here."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from fastapi import HTTPException, Request, Response
from starlette.requests import ClientDisconnect

from cronapi.errors import WebhookError
from cronapi.errors.concerns import setting_error
from cronapi.webhooks.endpoint import Endpoint
from cronapi.webhooks.handling import M
from cronapi.webhooks.incoming import NOT_FOUND, Incoming


def dependency_of(endpoint: Endpoint[M]) -> Callable[[Request, Response], AsyncGenerator[M, None]]:
    """Return the dependency of an endpoint."""

    async def message_of(request: Request, response: Response) -> AsyncGenerator[M, None]:
        incoming = Incoming(
            method=request.method,
            path=request.scope["path"],
            query=request.url.query,
            headers=request.headers,
            chunks=_chunks(request),
        )
        try:
            message = await endpoint.admit(incoming)
            is_new = await endpoint.take_for_route(message)
        except WebhookError as error:
            reply = endpoint.refuse(error)
            text = None if reply.status == NOT_FOUND else reply.text  # as for any unknown path
            headers = reply.headers_for(request.scope.get("http_version", "1.1"))
            raise HTTPException(reply.status, text, headers) from error
        if not is_new:
            raise HTTPException(endpoint.accepted_status)
        response.status_code = endpoint.accepted_status
        try:
            yield message
        except BaseException:  # a cancelled route has not handled it either
            await endpoint.forget_for_route(message)
            raise

    return message_of


async def _chunks(request: Request) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                yield chunk
    except ClientDisconnect as error:
        raise ConnectionError("the caller went away") from error
    except RuntimeError as error:
        raise setting_error(
            "Something before this dependency has read the body of the request and not kept it."
        ) from error
