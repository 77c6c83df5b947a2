"""A wire between a client and a Redis server: it can lead new connections to another server, and
answer commands itself.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading


class Relay(socketserver.ThreadingTCPServer):
    """Leads each new connection to `port`. With an `answer`, it answers the `commands` itself."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port = port
        self.answer: bytes | None = None
        self.commands = ["EVALSHA"]
        self.connections = 0
        self.url = f"redis://127.0.0.1:{self.server_address[1]}/0"


class _Connection(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        self.server.connections += 1
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.server.port)) as upstream,
        ):
            back = threading.Thread(target=self._answers, args=(upstream,), daemon=True)
            back.start()
            while data := self.request.recv(1 << 16):
                if self.server.answer is not None and self._is_answered(data):
                    self.request.sendall(self.server.answer)
                else:
                    upstream.sendall(data)

    def _is_answered(self, data: bytes) -> bool:
        return any(f"\r\n{name}\r\n".encode() in data for name in self.server.commands)

    def _answers(self, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(1 << 16):
                self.request.sendall(data)


@contextlib.contextmanager
def served(server: socketserver.BaseServer):
    """Serve from a thread until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def relay(port: int):
    """Run a relay to a port until the end of the block."""
    with Relay(port) as server, served(server):
        yield server
