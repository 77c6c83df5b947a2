"""The only room that speaks HTTP: one exchange is one task that the library owns and nobody cancels.

httpx 0.28 loses its connection pool when a caller is cancelled in the middle of a request, so callers wait beside the exchange, not
in it: a caller that goes away leaves the exchange to end by itself, and what it answers is still learnt. Foreign exceptions end here.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import current_token

from cronapi._calls.exchange import GRACE, Exchange, translate
from cronapi._calls.tasks import spawn
from cronapi._protocol.request import Request
from cronapi._protocol.response import Ending, Verdict, read_response
from cronapi.errors import (
    ConfigurationError,
    ResponseError,
    StatusError,
)
from cronapi.scheduler import Slot

if TYPE_CHECKING:
    import httpx
    import httpx2

    AnyClient = httpx.AsyncClient | httpx2.AsyncClient
    AnyResponse = httpx.Response | httpx2.Response

logger = logging.getLogger("cronapi")

MOST_BYTES = 32 * 1024 * 1024
"""A page of 1,000 jobs is about half a megabyte, the logs of a job about eight."""
CONNECTIONS, KEEP_ALIVE, KEEP_ALIVE_SECONDS = 20, 5, 30.0
_TOKEN = "cronapi_token"  # noqa: S105 -- the name of an extension, not a token
_CLOSED = "This client is closed; make a new one."
LAST_RESORT = 2
"""Timeouts: an exchange that outlives so many (a server that drips its headers) is cut off, and the pool with it."""


class Transport:
    """Sends requests for one client on one event loop.

    `direct` keeps requests from proxies. Raises ConfigurationError when it is used on another loop or after closing.
    """

    def __init__(
        self,
        *,
        http_client: AnyClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        direct: bool = False,
    ) -> None:
        self._given = http_client
        self._direct = direct
        self._transport = transport
        self._own: httpx.AsyncClient | None = None
        self._loop: object = None
        self._closed = False
        self._using: Counter[AnyClient] = Counter()
        self._under_way = 0
        self._idle: anyio.Event | None = None

    def check(self) -> None:
        """Refuse to serve after closing or on another event loop than the first; make the HTTP client where there is none yet."""
        if self._closed:
            raise ConfigurationError(_CLOSED)
        loop = current_token().native_token
        if self._loop not in (None, loop):
            raise ConfigurationError(
                "This client belongs to another event loop; make one client for each loop."
            )
        self._loop = loop
        self._client()

    def start(
        self, request: Request, slot: Slot, timeout: float, learn: Callable[[Verdict], None]
    ) -> Exchange:
        """Start an exchange, which frees `slot` and tells `learn` its verdict when it ends, whoever still waits for it."""
        exchange = Exchange()
        if self._closed:  # while the call was waiting for its slot
            slot.give_back()
            exchange.verdict = Verdict(ending=Ending.FINAL, error=ConfigurationError(_CLOSED))
            exchange.event.set()
            return exchange
        self._under_way += 1

        async def run() -> None:
            began = time.perf_counter()
            try:
                with anyio.move_on_after(timeout * LAST_RESORT + GRACE):
                    exchange.verdict = await self._attempt(request, slot, timeout)
            finally:
                try:
                    learn(exchange.verdict)
                finally:
                    self._end(exchange, slot)
            await slot.publish()
            logger.debug(
                "%s: %s after %.3f s",
                request.function,
                exchange.verdict.ending.value,
                time.perf_counter() - began,
            )

        spawn(run)
        return exchange

    async def aclose(self, patience: float) -> None:
        """Refuse further requests, wait up to `patience` seconds for those under way, and close what is our own."""
        self._closed = True
        if self._loop != current_token().native_token:
            return
        try:
            if self._under_way:
                self._idle = self._idle or anyio.Event()
                with anyio.move_on_after(patience):
                    await self._idle.wait()
        finally:
            own, self._own = self._own, None
            if own is not None:
                await _close(own)

    def _end(self, exchange: Exchange, slot: Slot) -> None:
        _settle(slot, exchange.verdict)
        slot.close()
        exchange.event.set()
        self._under_way -= 1
        if self._idle is not None and not self._under_way:
            self._idle.set()

    async def _attempt(self, request: Request, slot: Slot, timeout: float) -> Verdict:
        try:
            client = self._client()
        except ConfigurationError as error:
            return Verdict(ending=Ending.FINAL, error=error)
        self._using[client] += 1
        try:
            return await _exchange(client, request, slot, timeout)
        except Exception as error:  # noqa: BLE001 -- the border: whatever a transport raises becomes one of ours
            return translate(error, _module(client), request.secrets, stock=self._is_stock(client))
        except BaseException:
            self._retire(client)
            raise
        finally:
            await self._leave(client)

    def _retire(self, client: AnyClient) -> None:
        """Take no further requests on our HTTP client after a cancellation, which may have cost it connections for good."""
        if self._own is client:
            self._own = None

    async def _leave(self, client: AnyClient) -> None:
        """Close a retired client when the last exchange on it has ended."""
        self._using[client] -= 1
        if not self._using[client]:
            del self._using[client]
            if client not in (self._own, self._given):
                await _close(client)

    def _client(self) -> AnyClient:
        """Return the HTTP client, made at the first call: loading certificates takes a tenth of a second that no slot must cost."""
        if self._given is not None:
            if self._given.is_closed:
                raise ConfigurationError("the http_client is closed")
            return self._given
        if self._own is None:
            self._own = _new_client(self._transport, direct=self._direct)
        return self._own

    def _is_stock(self, client: AnyClient) -> bool:
        """Whether ConnectTimeout means "never sent": other transports raise it for a reset after the request was read."""
        inner = [client._transport, *filter(None, client._mounts.values())]  # noqa: SLF001 -- httpx shows it nowhere else
        return all(
            isinstance(
                each.inner if isinstance(each, _TokenInQuery) else each,
                _module(client).AsyncHTTPTransport,
            )
            for each in inner
        )


def _new_client(transport: httpx.AsyncBaseTransport | None, *, direct: bool) -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415 -- a tenth of a second that importing models must not cost

    limits = httpx.Limits(
        max_connections=CONNECTIONS,
        max_keepalive_connections=KEEP_ALIVE,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
    )
    try:
        client = httpx.AsyncClient(transport=transport, limits=limits, trust_env=not direct)
    except Exception as error:
        # Bad proxy settings and broken certificate stores raise anything.
        raise ConfigurationError(f"No HTTP client can be made: {error}") from error
    client._transport = _TokenInQuery(client._transport)  # type: ignore[assignment]  # noqa: SLF001 -- below the logging, above proxies
    client._mounts = {
        pattern: each and _TokenInQuery(each) for pattern, each in client._mounts.items()
    }  # type: ignore[misc]  # noqa: SLF001 -- the same
    return client


async def _close(client: AnyClient) -> None:
    """Close one of our own clients, whatever its transport makes of it."""
    with anyio.CancelScope(shield=True):
        try:
            await client.aclose()
        except Exception:
            logger.exception("an HTTP transport could not be closed")


def in_process(app: Any) -> httpx.AsyncBaseTransport:
    """Return a transport that calls an ASGI app instead of the network."""
    import httpx  # noqa: PLC0415 -- a tenth of a second that importing models must not cost

    return httpx.ASGITransport(app)


def _module(client: AnyClient) -> Any:
    """Return httpx or httpx2, whichever made the client."""
    names = (cls.__module__.partition(".")[0] for cls in type(client).__mro__)
    return sys.modules[next(name for name in names if name in ("httpx", "httpx2"))]


async def _exchange(client: AnyClient, request: Request, slot: Slot, timeout: float) -> Verdict:
    async def trace(event: str, _: object) -> None:
        if event.endswith("send_request_headers.started"):
            await slot.ready()

    built = client.build_request(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.content,
        timeout=(timeout, timeout, timeout, None),
        extensions=_extensions(request) | {"trace": trace},
    )
    own_auth: dict[str, Any] = {"auth": None} if "Authorization" in request.headers else {}
    response = await client.send(built, stream=True, follow_redirects=False, **own_auth)  # type: ignore[arg-type]  # built by the same client
    try:
        body = await _read(response)
    finally:
        await response.aclose()
    if body is None:
        return _too_large()
    return read_response(
        response.status_code,
        {k.lower(): v for k, v in response.headers.items()},
        body,
        secrets=request.secrets,
    )


def _extensions(request: Request) -> dict[str, Any]:
    """Carry the token of a GET query past httpx, which logs the URL."""
    return {} if request.url_token is None else {_TOKEN: request.url_token}


class _TokenInQuery:
    """Puts the token of a GET query into the URL below httpx's logging."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        extensions = dict(request.extensions)
        token = extensions.pop(_TOKEN, None)
        if token is not None:
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
        await self.inner.aclose()


async def _read(response: AnyResponse) -> bytes | None:
    """Return the body, or None where it is too large."""
    body = bytearray()
    # Cancelled, not left: httpx's nested generators are only finished by an error that comes from their inside.
    with anyio.CancelScope() as scope:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                scope.cancel()
    return None if len(body) > MOST_BYTES else bytes(body)


def _too_large() -> Verdict:
    reason = f"The answer is larger than {MOST_BYTES} bytes."
    return Verdict(ending=Ending.GARBLED, error=ResponseError(reason, problems=(f"$: {reason}",)))


def _settle(slot: Slot, verdict: Verdict) -> None:
    """Tell the scheduler what the exchange says of the rate limit."""
    if verdict.ending is Ending.REFUSED:
        slot.refused(verdict.retry_after)
    elif verdict.ending in (Ending.NOT_SENT, Ending.LOST) and not isinstance(
        verdict.error, StatusError
    ):
        slot.lost()
    else:
        slot.accepted()
