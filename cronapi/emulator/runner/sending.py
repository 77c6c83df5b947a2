"""Sending a job's request: the only file of the emulator that imports httpx.

Each hop of a redirect is a request to the transport, so each is checked. Proxies and credentials of
the environment are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
from attrs import frozen

from cronapi.emulator.control.door import MARK, leads_to_control, presses_a_button
from cronapi.emulator.runner.addresses import Blocked, Resolve, addresses_of, resolve
from cronapi.emulator.runner.exchange import MOST_BYTES, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cronapi.emulator.runner.outgoing import Outgoing

# Source: FastCron's page on connections that time out.
_CONNECT_SECONDS = 15.0
_MOST_REDIRECTS = 10
_PORTS = {"http": 80, "https": 443}


def _new_transport() -> httpx.AsyncBaseTransport:
    # Source: FastCron's FAQ: certificates are not verified.
    return httpx.AsyncHTTPTransport(verify=False, trust_env=False)


@frozen
class Sender:
    """Sends requests of jobs, unless `anywhere` to this machine alone."""

    anywhere: bool = False
    find: Resolve = resolve
    transport: Callable[[], httpx.AsyncBaseTransport] = _new_transport

    async def send(self, request: Outgoing, wanted: str = "") -> Exchange:
        """Send a request, follow its redirects, and return what came back.

        A connection that fails is tried once more. Every failure is in the exchange's `error`.
        """
        begin = anyio.current_time()
        exchange = await self._attempt(request, wanted)
        if exchange.error.startswith(_UNCONNECTED):
            exchange = await self._attempt(request, wanted)
        exchange.seconds = anyio.current_time() - begin
        return exchange

    async def _attempt(self, request: Outgoing, wanted: str) -> Exchange:
        exchange = Exchange(wanted.encode())
        try:
            with anyio.fail_after(request.timeout):
                await self._exchange(request, exchange)
        except TimeoutError:
            exchange.error = f"Operation timed out after {request.timeout:g} seconds"
        except Exception as error:  # noqa: BLE001 -- a job's URL and headers may be anything
            exchange.error = _explained(error)
        return exchange

    async def _exchange(self, request: Outgoing, exchange: Exchange) -> None:
        transport = _CheckedTransport(self.transport(), self, exchange)
        async with (
            httpx.AsyncClient(
                transport=transport,
                trust_env=False,
                follow_redirects=True,
                max_redirects=_MOST_REDIRECTS,
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            ) as client,
            client.stream(
                request.method,
                request.url,
                headers=[(name.encode(), value.encode()) for name, value in request.headers],
                content=request.content or None,
            ) as response,
        ):
            exchange.status, exchange.headers = response.status_code, _head_of(response)
            async for part in response.aiter_bytes():
                exchange.take(part)
                if exchange.downloaded > MOST_BYTES:
                    exchange.error = f"The answer is longer than {MOST_BYTES} bytes"
                    return


class _CheckedTransport(httpx.AsyncBaseTransport):
    """Calls the numeric addresses that were checked, under the name that the request has."""

    def __init__(self, inner: httpx.AsyncBaseTransport, sender: Sender, exchange: Exchange) -> None:
        self._inner, self._sender, self._exchange = inner, sender, exchange

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        place = (request.headers.get("host", ""), request.headers.get("origin", ""))
        if leads_to_control(url.path) or presses_a_button(request.method, url.path, *place):
            raise Blocked("blocked: a job may not steer an emulator")
        port = url.port or _PORTS.get(url.scheme, 0)
        found = await addresses_of(
            url.host, port, self._sender.find, anywhere=self._sender.anywhere
        )
        for address in found[:-1]:
            try:
                return await self._call(request, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._call(request, found[-1])

    async def _call(self, request: httpx.Request, address: str) -> httpx.Response:
        self._exchange.address = address
        there = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=_marked(request.headers.raw),
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return await self._inner.handle_async_request(there)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _marked(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a call with the mark, which no proxy on its way takes off.

    Proxies do not pass on what Connection names.
    """
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() != b"connection" or MARK not in value.lower()
    ]
    return [*kept, (MARK, b"1")]


_UNCONNECTED = "Could not connect"


def _explained(error: Exception) -> str:
    if isinstance(error, Blocked):
        return str(error)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"{_UNCONNECTED} to the server"
    if isinstance(error, httpx.TooManyRedirects):
        return f"More than {_MOST_REDIRECTS} redirects"
    if isinstance(error, OSError | UnicodeError):
        return "Could not resolve the host"
    return f"{type(error).__name__}: {error}"


def _head_of(response: httpx.Response) -> str:
    lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}".rstrip()]
    lines += [f"{name}: {value}" for name, value in response.headers.multi_items()]
    return "\r\n".join([*lines, "", ""])
