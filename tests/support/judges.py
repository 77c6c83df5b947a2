"""Foreign judges on loopback: nginx with its own rate limit, a wire that delays and times what
passes, and another program.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from attrs import define

from tests.support.emulated import TOKEN

INSISTING = 0.005
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
_CONFIG = """
daemon off;
master_process off;
pid {room}/nginx.pid;
error_log {room}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    log_format judged '$msec $status $request_time';
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
        location = /logged {{ access_log off; return 204; }}
        location / {{
            if (-f {room}/outage) {{ return 503; }}
            limit_req zone=judge{burst};
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


def free_port() -> int:
    """Return a port that is free, below those that the system gives to servers of other tests."""
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(12_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Nginx:
    """nginx with `limit_req` in front of `upstream`, an origin; it can be stopped and started
    again.
    """

    def __init__(self, upstream: str, rate: int, burst: int = 0) -> None:
        self.room = Path(tempfile.mkdtemp(prefix="cronapi-nginx-"))
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        given = f" burst={burst} nodelay" if burst else ""
        config = _CONFIG.format(
            room=self.room,
            port=self.port,
            rate=rate,
            burst=given,
            upstream=urlsplit(upstream).netloc,
        )
        (self.room / "nginx.conf").write_text(config)

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert NGINX is not None
        self._process = subprocess.Popen(
            [NGINX, "-p", str(self.room), "-c", str(self.room / "nginx.conf")],
            stderr=subprocess.DEVNULL,
        )
        for _ in range(500):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
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

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Answer 503 to whatever comes until the end of the block."""
        switch = self.room / "outage"
        switch.touch()
        try:
            yield
        finally:
            switch.unlink()

    def _rows(self) -> list[list[str]]:
        """Return the fields of each line of the log.

        A line is written after its answer, and before the next request of anybody is read: once
        one is answered here, that of each earlier answer is there.
        """
        if self._process is not None:
            with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as asking:
                asking.request("GET", "/logged")
                asking.getresponse().read()
        return [line.split() for line in (self.room / "access.log").read_text().splitlines()]

    def statuses(self) -> list[tuple[float, int]]:
        """Return when each request was answered, in Unix seconds, and with which status."""
        return [(float(at), int(status)) for at, status, _ in self._rows()]

    def arrivals(self) -> list[tuple[float, bool]]:
        """Return when each request came, in Unix seconds, and if it was let through, in order."""
        came = [(float(at) - float(took), int(status)) for at, status, took in self._rows()]
        return [(round(at, 3), status == httpx.codes.OK) for at, status in sorted(came)]

    def accepted(self) -> list[float]:
        """Return when each request was answered that was let through."""
        return [at for at, status in self.statuses() if status == httpx.codes.OK]

    def refused(self) -> int:
        """Return how many requests were refused."""
        return sum(status == httpx.codes.SERVICE_UNAVAILABLE for _, status in self.statuses())

    def rate(self) -> float:
        """Return the accepted requests a second, by the times at which they came."""
        came = [at for at, is_accepted in self.arrivals() if is_accepted]
        return (len(came) - 1) / (came[-1] - came[0])

    def late(self, most: float) -> int:
        """Return how many requests came more than so many seconds after another."""
        times = [at for at, _ in self.arrivals()]
        return sum(later - earlier > most for earlier, later in itertools.pairwise(times))

    def longest_gap(self, since: float = 0.0) -> float:
        """Return the longest time between two answers, of which the later came after `since`."""
        times = [at for at, _ in self.statuses()]
        return max(later - earlier for earlier, later in itertools.pairwise(times) if later > since)


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


@define
class Trip:
    """One request over a wire: when it set out, when its answer was there, if ever, and its status;
    in seconds of `time.monotonic()`.
    """

    sent: float
    answered: float = math.inf
    status: int = 0


def hold(trips: Iterable[Trip], since: float, interval: float) -> list[Trip]:
    """Return the trips of a hold: those that set out between the second refusal after `since` and
    the next success.

    An interval is left to the client for reading that refusal: what it had granted before goes out
    all the same. The hold's own trips begin when the last of those has come back.
    """
    later = sorted((trip for trip in trips if trip.sent > since), key=lambda trip: trip.answered)
    refusals = [trip.answered for trip in later if trip.status == httpx.codes.SERVICE_UNAVAILABLE]
    read = refusals[1] + interval
    began = max([read, *(trip.answered for trip in later if trip.sent <= read)])
    ended = next(
        (trip.answered for trip in later if trip.status == httpx.codes.OK and trip.sent > began),
        math.inf,
    )
    return [trip for trip in later if began < trip.sent < ended]


def most_at_once(trips: Iterable[Trip]) -> int:
    """Return how many trips were under way at the same time at most."""
    turns = sorted(turn for trip in trips for turn in ((trip.sent, 1), (trip.answered, -1)))
    return max(itertools.accumulate(change for _, change in turns), default=0)


@define
class _Connection:
    """What passed over one connection, whose requests go one after the other, in `trips` that all
    connections share.
    """

    trips: list[Trip]
    current: Trip | None = None

    def up(self, _: bytes, read: float, __: float) -> None:
        """Note a part of a request."""
        if self.current is None or self.current.status:
            self.current = Trip(read)
            self.trips.append(self.current)

    def down(self, chunk: bytes, _: float, passed_on: float) -> None:
        """Note a part of an answer, of which the first begins with `HTTP/1.1` and the status."""
        if self.current is not None:
            self.current.status = self.current.status or int(chunk[9:12])
            self.current.answered = passed_on


TICK = 1e-6
"""Seconds: timers that are due at the very same time fire in any order."""


class _Wire:
    """A TCP proxy whose both directions take `mean` seconds, give or take `jitter`; order is kept
    within a connection.
    """

    def __init__(
        self, target: str, mean: float, jitter: float, seed: int, trips: list[Trip]
    ) -> None:
        self.host, self.port = urlsplit(target).hostname, urlsplit(target).port
        self.mean, self.jitter = mean, jitter
        self.random = random.Random(seed)
        self.trips = trips
        self.tasks: set[asyncio.Task[None]] = set()
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()
            return
        self.writers += writer, far_writer
        connection = _Connection(self.trips)
        for pump in (
            self._pump(reader, far_writer, connection.up),
            self._pump(far_reader, writer, connection.down),
        ):
            task = asyncio.ensure_future(pump)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        """Cut every connection, and let the loop notice."""
        for task in list(self.tasks):
            task.cancel()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        note: Callable[[bytes, float, float], None],
    ) -> None:
        loop, latest = asyncio.get_running_loop(), 0.0
        while True:
            try:
                chunk = await reader.read(65536)
            except OSError:
                chunk = b""
            latest = max(
                latest + TICK, loop.time() + max(0.0, self.random.gauss(self.mean, self.jitter))
            )
            loop.call_at(latest, self._pass_on, writer, chunk)
            if not chunk:
                return
            note(chunk, loop.time(), latest)

    @staticmethod
    def _pass_on(writer: asyncio.StreamWriter, chunk: bytes) -> None:
        if writer.transport.is_closing():
            return
        if chunk:
            writer.write(chunk)
        else:
            writer.close()


@contextlib.contextmanager
def wire(
    target: str, mean: float, jitter: float, seed: int = 1, trips: list[Trip] | None = None
) -> Iterator[str]:
    """Put a slow wire in front of an origin, in a thread of its own, and return the origin to use;
    `trips` is filled in.
    """
    ready: threading.Event = threading.Event()
    state: dict[str, object] = {}

    async def run() -> None:
        state["loop"], state["over"] = asyncio.get_running_loop(), asyncio.Event()
        link = _Wire(target, mean, jitter, seed, [] if trips is None else trips)
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


async def another_program(origin: str, interval: float, seconds: float) -> int:
    """Read at a fixed pace for so long, insisting every 5 ms where it is refused; return how often
    it was let through.
    """
    loop, passed = asyncio.get_running_loop(), 0
    due = loop.time()
    over = due + seconds
    async with httpx.AsyncClient(timeout=60) as http:
        while loop.time() < over:
            await asyncio.sleep(max(INSISTING, due - loop.time()))
            answer = await http.post(f"{origin}/api/cron.list", data={"token": TOKEN})
            if answer.status_code == httpx.codes.OK:
                passed += 1
                due = max(due, loop.time() - interval) + interval
    return passed
