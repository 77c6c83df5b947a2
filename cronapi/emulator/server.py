"""The emulator on a loopback socket."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import uvicorn
from anyio.from_thread import start_blocking_portal
from uvicorn.protocols.http.h11_impl import H11Protocol

from cronapi.emulator.app import ABORT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    App = Callable[[Any, Any, Any], Awaitable[None]]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Protocol(H11Protocol):
    """A connection whose app can end it: the app finds the means in its scope's state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio hands a transport, the base says any
        super().connection_made(transport)
        self.app_state = {**self.app_state, ABORT: self._abort}

    def _abort(self) -> None:
        # After a part of the answer a reset could make the peer forget what it has received: then just close.
        if not self.cycle.response_started:
            connection: socket.socket = self.transport.get_extra_info("socket")
            with suppress(OSError):  # it may be closed already, where the peer has died
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise OSError(f"cannot listen on {self.config.host}:{self.config.port}") from error
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A stalled answer would otherwise keep the server from ending for as long as it is held back.
        for connection in self.server_state.connections:
            connection.transport.abort()
        await asyncio.sleep(0)
        for task in self.server_state.tasks:
            task.cancel()
        await super().shutdown(sockets)


def _endable(app: App) -> App:
    async def endable(scope: object, receive: object, send: object) -> None:
        # Only the end of the server cancels a request, which is no mistake of the app that belongs in a log.
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return endable


@asynccontextmanager
async def serve(app: App, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an app on a socket while inside, and give its origin, such as `http://127.0.0.1:8080`.

    Port 0 takes a free one. Runs on asyncio only; raises `OSError` if the port is taken.
    """
    config = uvicorn.Config(
        _endable(app),
        host=host,
        port=port,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        # uvicorn makes the socket itself: one handed in would lack TCP_NODELAY, and answers would be late.
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if serving.done():
            serving.result()
        yield f"http://{host}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait({serving})


@contextmanager
def run_in_thread(app: App, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve an app from a thread of its own while inside, and give its origin; the thread is joined at the end."""
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(serve(app, host=host, port=port)) as origin,
    ):
        yield origin
