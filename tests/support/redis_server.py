"""A real Redis server on a loopback port, without persistence; it can be stopped, frozen and
started again.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator

import redis

from tests.support.judges import free_port

REDIS = shutil.which("redis-server")
ABSENT = "there is no redis-server on this machine"


class RedisServer:
    """One redis-server process and a client of it."""

    def __init__(self) -> None:
        self.room = tempfile.mkdtemp(prefix="cronapi-redis-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert REDIS is not None
        command = [
            REDIS,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            self.room,
        ]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(1000):
            with contextlib.suppress(redis.ConnectionError):
                self.client.ping()
                return
            time.sleep(0.01)
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        """End this very process, and with it all that was stored."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Let it hang: connections are taken, nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def evaluations(self) -> int:
        """Return how many evaluations of scripts were asked for since the server started."""
        stats = self.client.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a Redis server until the end of the block."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.client.close()
        server.stop()
        shutil.rmtree(server.room, ignore_errors=True)
