"""The only room that speaks HTTP: one exchange is one task that the library owns and nobody cancels.

httpx 0.28 loses its connection pool when a caller is cancelled in the middle of a request, so callers wait beside the exchange, not
in it: a caller that goes away leaves the exchange to end by itself, and what it answers is still learnt. Foreign exceptions end here.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import anyio
from anyio.lowlevel import current_token

from cronapi._foreign import translate
from cronapi._retry import Ending
from cronapi._wire import Request, Verdict, read_response
from cronapi.errors import (
    ConfigurationError,
    RequestTimeoutError,
    ResponseError,
    StatusError,
    TransportError,
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
GRACE = 0.25
"""Seconds that a caller waits on, so that the transport's own timeout, which knows whether anything was sent, comes first."""
_CLOSED = "This client is closed; make a new one."
LAST_RESORT = 2
"""Timeouts: an exchange that outlives so many (a server that drips its headers) is cut off, and the pool with it."""


class Exchange:
    """One request under way; `verdict` is there once `event` is set."""

    __slots__ = ("event", "verdict")

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.verdict = Verdict(ending=Ending.LOST, error=TransportError("The exchange was cut off."))

    async def wait(self, timeout: float) -> Verdict:
        """Return the verdict; after `timeout` seconds that of a lost answer, while the exchange goes on by itself."""
        with anyio.move_on_after(timeout + GRACE):
            await self.event.wait()
            return self.verdict
        return Verdict(ending=Ending.LOST, error=RequestTimeoutError(f"No answer in {timeout:g} s."))


class Transport:
    """Sends requests for one client on one event loop.

    Raises ConfigurationError when it is used on another loop or after closing.
    """

    def __init__(self, *, http_client: AnyClient | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._given = http_client
        self._transport = transport
        self._own: httpx.AsyncClient | None = None
        self._loop: object = None
        self._closed = False
        self._retired: list[httpx.AsyncClient] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._idle: anyio.Event | None = None

    def check(self) -> None:
        """Refuse to serve after closing or on another event loop than the first; make the HTTP client where there is none yet."""
        if self._closed:
            raise ConfigurationError(_CLOSED)
        loop = current_token().native_token
        if self._loop not in (None, loop):
            raise ConfigurationError("This client belongs to another event loop; make one client for each loop.")
        self._loop = loop
        self._client()

    def start(self, request: Request, slot: Slot, timeout: float, learn: Callable[[Verdict], None]) -> Exchange:
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
                with anyio.move_on_after(timeout * LAST_RESORT + GRACE) as scope:
                    exchange.verdict = await self._attempt(request, slot, timeout)
                if scope.cancelled_caught:
                    self._retire()
            finally:
                learn(exchange.verdict)
                self._end(exchange, slot)
            await slot.publish()
            logger.debug("%s: %s after %.3f s", request.function, exchange.verdict.ending.value, time.perf_counter() - began)

        self._spawn(run)
        return exchange

    async def aclose(self, patience: float) -> None:
        """Refuse further requests, wait up to `patience` seconds for those under way, and close what is our own."""
        self._closed = True
        self._retire()
        if self._loop != current_token().native_token:
            return
        try:
            if self._under_way:
                self._idle = self._idle or anyio.Event()
                with anyio.move_on_after(patience):
                    await self._idle.wait()
        finally:
            with anyio.CancelScope(shield=True):
                for client in self._retired:
                    await client.aclose()

    def _retire(self) -> None:
        """Take no further requests on our HTTP client; it is closed at the end, since others may be using it."""
        if self._own is not None:
            self._retired.append(self._own)
            self._own = None

    def _end(self, exchange: Exchange, slot: Slot) -> None:
        _settle(slot, exchange.verdict)
        slot.close()
        exchange.event.set()
        self._under_way -= 1
        if self._idle is not None and not self._under_way:
            self._idle.set()

    def _spawn(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if isinstance(self._loop, asyncio.AbstractEventLoop):
            task = self._loop.create_task(run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            sys.modules["trio"].lowlevel.spawn_system_task(run, context=contextvars.copy_context())

    async def _attempt(self, request: Request, slot: Slot, timeout: float) -> Verdict:
        try:
            client = self._client()
        except ConfigurationError as error:
            return Verdict(ending=Ending.FINAL, error=error)
        try:
            return await _exchange(client, request, slot, timeout)
        except Exception as error:  # noqa: BLE001 -- the border: whatever a transport raises becomes one of ours
            return translate(error, _module(client), request.secrets, stock=self._is_stock(client))

    def _client(self) -> AnyClient:
        """Return the HTTP client, made at the first call: loading certificates takes a tenth of a second that no slot must cost."""
        if self._given is not None:
            if self._given.is_closed:
                raise ConfigurationError("the http_client is closed")
            return self._given
        if self._own is None:
            self._own = _new_client(self._transport)
        return self._own

    def _is_stock(self, client: AnyClient) -> bool:
        """Whether ConnectTimeout means "never sent": other transports raise it for a reset after the request was read."""
        inner = [self._transport] if self._transport else [client._transport, *filter(None, client._mounts.values())]  # noqa: SLF001
        return all(isinstance(transport, _module(client).AsyncHTTPTransport) for transport in inner)


def _new_client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415 -- a tenth of a second that importing models must not cost

    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=KEEP_ALIVE, keepalive_expiry=KEEP_ALIVE_SECONDS)
    inner = None if transport is None else _TokenInQuery(transport)
    try:
        return httpx.AsyncClient(transport=inner, limits=limits)  # type: ignore[arg-type]  # has what httpx asks of it
    except Exception as error:
        # Bad proxy settings and broken certificate stores raise anything.
        raise ConfigurationError(f"No HTTP client can be made: {error}") from error


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
            slot.sent()

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
    return read_response(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body, secrets=request.secrets)


def _extensions(request: Request) -> dict[str, Any]:
    """Carry the token of a GET query past httpx, which logs the URL: `target` is what the connection sends instead of the path."""
    if request.url_token is None:
        return {}
    parts = urlsplit(request.url)
    query = f"{parts.query}&" if parts.query else ""
    token = urlencode({"token": request.url_token})
    return {"target": f"{parts.path}?{query}{token}".encode(), _TOKEN: request.url_token}


class _TokenInQuery:
    """Puts the token of a GET query into the URL below httpx's logging, for a transport that knows no `target`."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        extensions = dict(request.extensions)
        token = extensions.pop(_TOKEN, None)
        if token is not None:
            extensions.pop("target", None)
            url = request.url.copy_merge_params({"token": token})
            request = type(request)(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


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
    elif verdict.ending in (Ending.NOT_SENT, Ending.LOST) and not isinstance(verdict.error, StatusError):
        slot.lost()
    else:
        slot.accepted()
