"""The emulator on a loopback socket."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from typing import Any

from cronapi.emulator.app import ABORT
from cronapi.emulator.app import App as Emulated
from cronapi.emulator.checks import is_whole, shown

try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        f'cronapi.emulator needs {_error.name}: pip install "cronapi-client[emulator]"',
        name=_error.name,
    ) from _error

App = Callable[[Any, Any, Any], Awaitable[None]]

_LAST_PORT = 65_535
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- never listened on here
"""The addresses that stand for all of a machine's, with the one by which it calls itself."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Protocol(H11Protocol):
    """A connection that lets the app end it, through a function in the scope's state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio hands a transport, the base says any
        super().connection_made(transport)
        self.access_log = False  # said here, as uvicorn's option silences the whole process
        self.app_state = {**self.app_state, ABORT: self._abort}

    def _abort(self) -> None:
        # A reset can discard data that the peer has received, so a partial answer is only closed.
        if not self.cycle.response_started:
            connection: socket.socket = self.transport.get_extra_info("socket")
            # The socket is closed already if the peer has died.
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone, and sets `listening` once it listens."""

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
        # Otherwise a stalled answer would delay the end of the server for the length of the stall.
        for connection in self.server_state.connections:
            connection.transport.abort()
        await asyncio.sleep(0)
        for task in self.server_state.tasks:
            task.cancel()
        await super().shutdown(sockets)


def _without_cancellation_error(app: App) -> App:
    async def call_app(scope: object, receive: object, send: object) -> None:
        # Only the end of the server cancels a request, and uvicorn would log it as the app's error.
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return call_app


def _running(app: App) -> AbstractAsyncContextManager[None]:
    """Return the app's own work while it is served: an emulator lets its jobs run."""
    return app.running() if isinstance(app, Emulated) else nullcontext()


def origin_of(host: str, port: int) -> str:
    """Return the origin by which programs on this machine call a server."""
    name = EVERY_ADDRESS.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


@asynccontextmanager
async def serve(app: App, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an app on a socket while the block runs.

    Yields the origin, such as `http://127.0.0.1:8080`. If `host` stands for every address, that is
    the one for callers on this machine. Port 0 picks a free port. Runs on asyncio only. Raises
    `OSError` if the port is taken, and `ValueError` for a host or port that is none.
    """
    if not isinstance(host, str) or not host or not is_whole(port, 0) or port > _LAST_PORT:
        raise ValueError(
            f"host must be text and port from 0 to {_LAST_PORT}: {shown(host)}, {shown(port)}"
        )
    config = uvicorn.Config(
        _without_cancellation_error(app),
        host=host,
        port=port,
        http=_Protocol,
        ws="none",
        lifespan="off",
        # Of the environment nothing may say whom to believe about the peer.
        forwarded_allow_ips="127.0.0.1",
        log_config=None,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        # uvicorn makes the socket itself. One handed in would lack TCP_NODELAY and answer late.
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if serving.done():
            serving.result()
        async with _running(app):
            yield origin_of(host, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await asyncio.wait({serving})


@contextmanager
def run_in_thread(app: App, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve an app from a thread of its own while the block runs.

    Yields the origin, and joins the thread at the end.
    """
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 -- a command needs none

    with start_blocking_portal("asyncio") as portal:
        served = portal.wrap_async_context_manager(serve(app, host=host, port=port))
        origin = served.__enter__()
        try:
            yield origin
        finally:  # what the block raises is not the thread's: Ctrl-C would break its loop
            served.__exit__(None, None, None)
