"""Foreign judges on loopback: nginx with its own rate limit, and a wire that delays what passes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
_CONFIG = """
daemon off;
master_process off;
pid {room}/nginx.pid;
error_log {room}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    log_format judged '$msec $status';
    access_log {room}/access.log judged;
    client_body_temp_path {room}/body;
    proxy_temp_path {room}/proxy;
    fastcgi_temp_path {room}/fastcgi;
    uwsgi_temp_path {room}/uwsgi;
    scgi_temp_path {room}/scgi;
    limit_req_zone $server_name zone=judge:1m rate={rate}r/s;
    upstream service {{ server {upstream}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        server_name judge;
        keepalive_requests 100000;
        location / {{
            limit_req zone=judge{burst};
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Nginx:
    """nginx with `limit_req` in front of `upstream`, an origin; it can be stopped and started again."""

    def __init__(self, upstream: str, rate: int, burst: int = 0) -> None:
        self.room = Path(tempfile.mkdtemp(prefix="cronapi-nginx-"))
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        given = f" burst={burst} nodelay" if burst else ""
        config = _CONFIG.format(room=self.room, port=self.port, rate=rate, burst=given, upstream=urlsplit(upstream).netloc)
        (self.room / "nginx.conf").write_text(config)

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert NGINX is not None
        self._process = subprocess.Popen([NGINX, "-p", str(self.room), "-c", str(self.room / "nginx.conf")], stderr=subprocess.DEVNULL)
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.01)
        self.stop()
        raise RuntimeError("nginx did not start")

    def stop(self) -> None:
        """End this very process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def statuses(self) -> list[tuple[float, int]]:
        """Return when each request was answered, in Unix seconds, and with which status."""
        rows = (line.split() for line in (self.room / "access.log").read_text().splitlines())
        return [(float(at), int(status)) for at, status in rows]


@contextlib.contextmanager
def nginx(upstream: str, rate: int, burst: int = 0) -> Iterator[Nginx]:
    """Run nginx in front of `upstream` until the end of the block."""
    judge = Nginx(upstream, rate, burst)
    judge.start()
    try:
        yield judge
    finally:
        judge.stop()
        shutil.rmtree(judge.room, ignore_errors=True)


class _Wire:
    """A TCP proxy whose both directions take `mean` seconds, give or take `jitter`; order is kept within a connection."""

    def __init__(self, target: str, mean: float, jitter: float, seed: int) -> None:
        self.host, self.port = urlsplit(target).hostname, urlsplit(target).port
        self.mean, self.jitter = mean, jitter
        self.random = random.Random(seed)
        self.tasks: set[asyncio.Task[None]] = set()
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()
            return
        self.writers += writer, far_writer
        for ends in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(self._pump(*ends))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        """Cut every connection, and let the loop notice."""
        for task in list(self.tasks):
            task.cancel()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, latest = asyncio.get_running_loop(), 0.0
        while True:
            try:
                chunk = await reader.read(65536)
            except OSError:
                chunk = b""
            latest = max(latest, loop.time() + max(0.0, self.random.gauss(self.mean, self.jitter)))
            loop.call_at(latest, self._pass_on, writer, chunk)
            if not chunk:
                return

    @staticmethod
    def _pass_on(writer: asyncio.StreamWriter, chunk: bytes) -> None:
        if writer.transport.is_closing():
            return
        if chunk:
            writer.write(chunk)
        else:
            writer.close()


@contextlib.contextmanager
def wire(target: str, mean: float, jitter: float, seed: int = 1) -> Iterator[str]:
    """Put a slow wire in front of an origin, in a thread of its own, and return the origin to use."""
    ready: threading.Event = threading.Event()
    state: dict[str, object] = {}

    async def run() -> None:
        state["loop"], state["over"] = asyncio.get_running_loop(), asyncio.Event()
        link = _Wire(target, mean, jitter, seed)
        server = await asyncio.start_server(link.connect, "127.0.0.1", 0)
        state["port"] = server.sockets[0].getsockname()[1]
        ready.set()
        await state["over"].wait()
        server.close()
        await link.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    ready.wait(10)
    try:
        yield f"http://127.0.0.1:{state['port']}"
    finally:
        state["loop"].call_soon_threadsafe(state["over"].set)
        thread.join(10)
