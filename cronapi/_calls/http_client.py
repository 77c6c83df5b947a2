"""The HTTP clients: the only file that imports httpx."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import anyio

from cronapi._logs.lines import NOT_CLOSED, write
from cronapi._protocol.redaction import is_plain_address
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import setting_error

if TYPE_CHECKING:
    import ssl

    import httpx
    import httpx2

    AnyClient = httpx.AsyncClient | httpx2.AsyncClient
    AnyResponse = httpx.Response | httpx2.Response

CONNECTIONS, KEEP_ALIVE, KEEP_ALIVE_SECONDS = 20, 5, 30.0
QUICK = 0.1
"""Seconds. An answer within them is quick, whatever the usual time is."""
TOKEN_EXTENSION = "cronapi_token"  # noqa: S105 -- the name of an extension, not a token


def new_client(transport: httpx.AsyncBaseTransport | None, *, direct: bool) -> httpx.AsyncClient:
    """Return an HTTP client of our own. `direct` is for http alone, and keeps it from proxies."""
    import httpx  # noqa: PLC0415 -- a tenth of a second that importing models must not cost

    limits = httpx.Limits(
        max_connections=CONNECTIONS,
        max_keepalive_connections=KEEP_ALIVE,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
    )
    from cronapi._calls.no_cookies import NoCookies  # noqa: PLC0415 -- as late as httpx

    try:
        client = httpx.AsyncClient(
            transport=transport,
            limits=limits,
            trust_env=not direct,
            verify=_no_trust() if direct else True,
        )
    except Exception as error:  # noqa: BLE001 -- bad proxy settings and certificates raise anything
        refusal = _refusal(error)
    else:
        client._cookies = NoCookies()  # type: ignore[assignment]  # noqa: SLF001 -- the public way wraps it
        _hide_query_token(client)
        return client
    raise refusal  # out here, so that a foreign exception that may have a password is not around


@cache
def _no_trust() -> ssl.SSLContext:
    """Return a context that trusts nobody, for plain http. To load all certificates takes 20 ms."""
    import ssl  # noqa: PLC0415 -- as late as httpx

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _refusal(error: Exception) -> ConfigurationError:
    """Return our error. It repeats the foreign one only if no proxy setting can hold a password."""
    from urllib.request import getproxies  # noqa: PLC0415 -- only an error needs it

    settings = getproxies()
    odd = [
        f"{name}_proxy"
        for name, value in settings.items()
        if not all(is_plain_address(part.strip()) for part in value.split(","))
    ]
    if odd:
        return setting_error(
            f"No HTTP client can be made ({type(error).__name__}): check the proxy settings, "
            f"{' and '.join(odd)} first."
        )
    refusal = setting_error(f"No HTTP client can be made: {error}")
    refusal.__cause__ = error
    return refusal


def _hide_query_token(client: httpx.AsyncClient) -> None:
    """Put the token into queries below the logging of httpx, and above its proxies."""
    mounts = {pattern: each and TokenInQuery(each) for pattern, each in client._mounts.items()}  # noqa: SLF001 -- no public way
    client._transport = TokenInQuery(client._transport)  # type: ignore[assignment]  # noqa: SLF001 -- the same
    client._mounts = mounts  # type: ignore[assignment]  # noqa: SLF001 -- the same


class TokenInQuery:
    """A transport that puts the token of a GET query into the URL, below httpx's logging."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with its token if it carries one."""
        if TOKEN_EXTENSION in request.extensions:
            extensions = dict(request.extensions)
            token = extensions.pop(TOKEN_EXTENSION)
            url = request.url.copy_merge_params({"token": token})
            request = type(request)(
                request.method,
                url,
                headers=request.headers,
                stream=request.stream,
                extensions=extensions,
            )
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the transport below."""
        await self.inner.aclose()


async def close(client: AnyClient) -> None:
    """Close a client of our own. Errors of its transport are logged."""
    with anyio.CancelScope(shield=True):
        try:
            await client.aclose()
        except Exception as error:  # noqa: BLE001 -- a transport may raise anything
            write(NOT_CLOSED, type(error).__name__)


def in_process(app: Any) -> httpx.AsyncBaseTransport:
    """Return a transport that calls an ASGI app instead of the network.

    An answer is quick within a second: a busy machine may take that long.
    """
    import httpx  # noqa: PLC0415 -- a tenth of a second that importing models must not cost

    class InProcess(httpx.ASGITransport):
        _cronapi_quick = 1.0

    return InProcess(app)


def quick_of(transport: object) -> float:
    """Return the seconds within which an answer is quick, whatever the usual time is."""
    seconds = getattr(transport, "_cronapi_quick", QUICK)
    return seconds if isinstance(seconds, float) else QUICK  # a mock has every attribute


def module_of(client: AnyClient) -> Any:
    """Return the module that a client comes from, httpx or httpx2."""
    names = (cls.__module__.partition(".")[0] for cls in type(client).__mro__)
    return sys.modules[next(name for name in names if name in ("httpx", "httpx2"))]


def is_stock(client: AnyClient) -> bool:
    """Return True if a ConnectTimeout of this client means that nothing was sent.

    Other transports raise it for a connection that was reset after the request was read.
    """
    inner = [client._transport, *filter(None, client._mounts.values())]  # noqa: SLF001 -- no public way
    stock = module_of(client).AsyncHTTPTransport
    return all(
        isinstance(each.inner if isinstance(each, TokenInQuery) else each, stock) for each in inner
    )
