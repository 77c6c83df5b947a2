"""The shop of the examples and the emulator that calls it, each in a process of its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

import httpx

from tests.support.emulated import TOKEN
from tests.support.judges import free_port

EXAMPLES = Path(__file__).parents[2] / "examples"
KEY, SECRET = "the-key-of-the-proof", "the-secret-of-the-proof"
EMULATOR = ("-c", "from cronapi.cli import main; main()", "emulator")
PATIENCE = 30.0


@contextmanager
def ended(process):
    """Kill a process at the end, if it still runs."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class World:
    """A shop and an emulator that know each other's address."""

    def __init__(self, folder):
        self.database = folder / "shop.db"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def emulator(self, *options):
        """Run an emulator that stands still, and yield an HTTP client that steers it."""
        port = free_port()
        told = ("--webhook", f"{self.url}/hooks/{SECRET}", "--execute", "loopback")
        command = (sys.executable, *EMULATOR, "--port", str(port), *told, "--token", TOKEN)
        frozen = ("--clock", "frozen", "--quiet", "--era", "latest")
        self.origin = f"http://127.0.0.1:{port}"
        with ended(subprocess.Popen([*command, *frozen, *options])) as run:
            url = f"{self.origin}/_emulator/"
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as control:
                until_answered(run, control, "readyz")
                yield control

    @contextmanager
    def shop(self):
        """Run the shop as its docstring says, and yield the process and a browser."""
        own = {
            "PUBLIC_URL": self.url,
            "CRON_KEY": KEY,
            "HOOK_SECRET": SECRET,
            "DATABASE": str(self.database),
            "REPORT_TIMES": "* * * * *",
            "FASTCRON_TOKEN": TOKEN,
            "FASTCRON_BASE_URL": f"{self.origin}/api/v1/",
            "PYTHONPATH": os.pathsep.join([str(EXAMPLES), str(EXAMPLES.parent)]),
        }
        command = [sys.executable, "-m", "uvicorn", "--factory", "shop.app:from_environment"]
        port = ["--port", str(self.port), "--log-level", "error"]
        environ = {**os.environ, **own}
        with (
            ended(subprocess.Popen([*command, *port], env=environ)) as run,
            httpx.Client(base_url=self.url, timeout=60, trust_env=False) as browser,
        ):
            until_answered(run, browser, "/openapi.json")
            yield run, browser

    def reports(self):
        """Return how often each run has made a report."""
        return Counter(self._rows("SELECT job, at FROM reports"))

    def alerts(self):
        """Return how often each notification was kept."""
        return Counter(self._rows("SELECT job, at, failed FROM alerts"))

    def _rows(self, query):
        with closing(sqlite3.connect(self.database)) as data:
            return data.execute(query).fetchall()


def until_answered(process, http, path):
    """Wait until a server answers. One that has ended never will."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return http.get(path).raise_for_status()
        except httpx.TransportError:
            assert process.poll() is None, process.returncode
            assert time.monotonic() < end
            time.sleep(0.05)


def steer(control, path, body=None):
    answer = control.get(path) if body is None else control.post(path, json=body)
    return answer.raise_for_status().json()


def stand_still(control):
    """Stop the clock, and wait until no run is at work."""
    steer(control, "clock", {"freeze": True})
    while steer(control, "health")["running"]:
        time.sleep(0.05)


def ran(runs, result):
    """Return the runs with a result that the shop has answered, as the shop counts them."""
    return Counter((run["id"], run["time"]) for run in runs if run["result"] == result)


def told(sent, *, delivered=True):
    """Return the notifications that were answered with 204, as the shop counts them."""
    return Counter(
        (one["body"]["id"], one["body"]["time"], one["body"]["status"])
        for one in sent
        if one["delivered"] is delivered
    )


def stop(process):
    """Ask a server to end, and return its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)
