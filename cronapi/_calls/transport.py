"""Exchanges: each runs in a task that the library owns and nobody cancels.

httpx 0.28 loses its connection pool when a caller is cancelled in the middle of a request. So
callers wait beside the exchange, not in it. If a caller goes away, the exchange ends by itself and
its answer is still learnt. Foreign exceptions end here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from cronapi._calls.admission import CLOSED
from cronapi._calls.body import read_body
from cronapi._calls.exchange import Exchange, cut_off, translate
from cronapi._calls.http_client import close, is_stock, module_of, new_client, quick_of
from cronapi._calls.http_request import OwnRequests, extensions, new_request
from cronapi._calls.progress import Progress, RoundTrips
from cronapi._calls.tasks import Work, begin, beginner, loop_of_task, scopes_of_task
from cronapi._logs.lines import ODD_BUCKET, place_of, write
from cronapi._protocol.request import Request
from cronapi._protocol.response import REFUSALS, Ending, Verdict, garbled, read_response
from cronapi.errors import ConfigurationError, StatusError
from cronapi.errors.concerns import closed_error, setting_error
from cronapi.scheduler import Slot
from cronapi.scheduler.loops import clock_of

if TYPE_CHECKING:
    import httpx

    from cronapi._calls.http_client import AnyClient

MOST_BYTES = 32 * 1024 * 1024
"""A page of 1,000 jobs is about half a megabyte, the logs of a job about eight."""
MOST_BYTES_OF_ONE = 1024 * 1024
"""The bound for every function whose result is no list."""


class Transport:
    """Sends requests for one client on one event loop.

    `direct` keeps requests from proxies. Raises ConfigurationError when it is used on another loop
    or after closing.
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
        self._requests = OwnRequests()
        self.loop: object = None
        """The event loop that used it first."""
        self._clock: Callable[[], float] = anyio.current_time
        self.begin: Callable[[Work], None] = begin
        """Starts work of the library in that loop."""
        self.scopes: type[anyio.CancelScope] = anyio.CancelScope
        """The cancel scopes of that loop."""
        self._closed = False
        self._using: defaultdict[AnyClient, int] = defaultdict(int)
        self._under_way = 0
        self._idle: anyio.Event | None = None
        self._round_trips = RoundTrips(quick_of(transport))

    def check(self) -> None:
        """Refuse to serve after closing, or on another event loop than the first.

        Makes the HTTP client if there is none yet.
        """
        if self._closed:
            raise closed_error(CLOSED)
        loop = loop_of_task()
        if self.loop not in (None, loop):
            raise setting_error(
                "This client belongs to another event loop; make one client for each loop."
            )
        if self.loop is None:
            self.loop, self._clock = loop, clock_of(loop)
            self.begin, self.scopes = beginner(loop), scopes_of_task()
        self._client()

    def start(
        self, request: Request, slot: Slot, timeout: float, learn: Callable[[Verdict], Verdict]
    ) -> Exchange:
        """Start an exchange. At its end it frees `slot` and calls `learn`, caller or no caller.

        `learn` returns the verdict, or another one if the answer belongs to another request.
        """
        if self._closed:  # while the call was waiting for its slot
            slot.release_unused()
            raise closed_error(CLOSED)
        exchange = Exchange(self._clock, self.scopes())
        self._under_way += 1

        async def run() -> None:
            verdict = None
            try:
                with exchange.scope:
                    verdict = await self._attempt(request, slot, timeout)
            finally:
                exchange.verdict = verdict or cut_off()
                try:
                    exchange.verdict = learn(exchange.verdict)
                finally:
                    self._end(exchange, slot)
            try:
                await slot.publish()
            except Exception as error:  # noqa: BLE001 -- the bucket may be a user's own
                write(ODD_BUCKET, error, place_of(error))

        try:
            self.begin(run)
        except BaseException:  # whatever ends it, the slot is free again
            self._under_way -= 1
            slot.release_unused()
            raise
        return exchange

    async def aclose(self, patience: float) -> None:
        """Refuse further requests and close the client's own connections.

        Waits up to `patience` seconds for requests under way.
        """
        self._closed = True
        if self.loop != loop_of_task():
            return
        try:
            if self._under_way:
                self._idle = self._idle or anyio.Event()
                with anyio.move_on_after(patience):
                    await self._idle.wait()
        finally:
            own, self._own = self._own, None
            if own is not None:
                await close(own)

    def _end(self, exchange: Exchange, slot: Slot) -> None:
        try:
            _settle(slot, exchange.verdict)
        except Exception as error:  # noqa: BLE001 -- it may be a user's own, and the answer counts
            write(ODD_BUCKET, error, place_of(error))
        finally:
            slot.close()
        exchange.end()
        self._under_way -= 1
        if self._idle is not None and not self._under_way:
            self._idle.set()

    async def _attempt(self, request: Request, slot: Slot, timeout: float) -> Verdict:
        try:
            client = self._client()
        except ConfigurationError as error:
            return Verdict(ending=Ending.FINAL, error=error)
        self._using[client] += 1
        progress = Progress(slot, self._clock)
        new = self._requests.new if client is self._own else new_request
        try:
            built = new(client, request, extensions(request, timeout, progress))
            return await _exchange(client, request, built, progress, self._round_trips)
        except Exception as error:  # noqa: BLE001 -- the border: a transport may raise anything
            stock = is_stock(client)
            unsent = stock and progress.is_connecting
            return translate(error, module_of(client), request.secrets, stock=stock, unsent=unsent)
        except BaseException:  # a cancelled request breaks its connections
            self._retire(client)
            raise
        finally:
            await self._leave(client)

    def drop_connections(self) -> None:
        """Use new connections from now on, unless they belong to a client that was handed in."""
        if self._own is not None:
            self._retire(self._own)

    def _retire(self, client: AnyClient) -> None:
        """Stop using our HTTP client after a cancellation, which may have cost it connections."""
        if self._own is client:
            self._own = None
            if not self._using[client]:
                del self._using[client]
                begin(partial(close, client))

    async def _leave(self, client: AnyClient) -> None:
        """Close a retired client when the last exchange on it has ended."""
        self._using[client] -= 1
        if not self._using[client]:
            del self._using[client]
            if client not in (self._own, self._given):
                await close(client)

    def _client(self) -> AnyClient:
        """Return the HTTP client, made at the first call.

        Loading certificates takes a tenth of a second that must not cost a slot.
        """
        if self._given is not None:
            if self._given.is_closed:
                raise closed_error("the http_client is closed")
            return self._given
        if self._own is None:
            self._own = new_client(self._transport, direct=self._direct)
        return self._own


async def _exchange(
    client: AnyClient,
    request: Request,
    built: Any,
    progress: Progress,
    round_trips: RoundTrips,
) -> Verdict:
    own_auth: dict[str, Any] = {"auth": None} if "Authorization" in request.headers else {}
    response = await client.send(
        built,
        stream=True,
        follow_redirects=False,
        **own_auth,
    )
    most = MOST_BYTES if request.is_list else min(MOST_BYTES, MOST_BYTES_OF_ONE)
    try:
        body = await read_body(response, most)
    finally:
        await response.aclose()
    if body.problem is not None:
        return garbled(body.problem, status=response.status_code)
    seconds = progress.seconds
    was_quick = response.status_code in REFUSALS and round_trips.was_quick(seconds)
    round_trips.note(seconds)
    return read_response(
        response.status_code,
        response.headers,
        body.content,
        secrets=_secrets(request),
        limiter_pages=request.limiter_pages,
        was_quick=was_quick,
    )


def _secrets(request: Request) -> Iterator[str]:
    """Yield the secrets of a request. Most answers need none of them."""
    yield from request.secrets


def _settle(slot: Slot, verdict: Verdict) -> None:
    """Tell the scheduler how the request fared with the rate limit."""
    unanswered = verdict.ending in (Ending.NOT_SENT, Ending.LOST)
    if verdict.ending is Ending.REFUSED or verdict.retry_after:
        slot.refused(verdict.retry_after)
    elif unanswered and not isinstance(verdict.error, StatusError):
        slot.lost()
    else:
        slot.accepted()
