"""Jobs that run in a process of their own, against a receiver that counts."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from cronapi.emulator import next_runs
from tests.support.console import CRONAPI
from tests.support.judges import free_port

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

COMMAND = [*CRONAPI, "emulator"]
BEGIN = 1_772_323_200
JOBS = 200
EXPRESSIONS = ["*/5 * * * *", "*/10 * * * *", "7 * * * *", "2-59/7 * * * *"]


@contextmanager
def receiver(port):
    """Count the calls by path. Whoever leaves has the count of all it took."""
    calls = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            calls[self.path] += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = False

    with Server(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield calls
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def emulator(begin, *arguments):
    """Run the command with its clock at a standstill. Yield the process and an HTTP client."""
    clock = datetime.fromtimestamp(begin, UTC).isoformat()
    options = ["--port", "0", "--execute", "loopback", "--clock", clock, "--scale", "0"]
    command = [*COMMAND, *options, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            greeting = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
            origin = greeting.split()[1].removesuffix("/api/")
            with httpx.Client(base_url=f"{origin}/_emulator/", timeout=60) as http:
                yield process, http
        finally:
            process.kill()


def steer(http, path, body=None):
    answer = http.get(path) if body is None else http.post(path, json=body)
    return answer.raise_for_status().json()


def run_for(http, seconds):
    """Let an hour pass in a minute for some real seconds, and return the time when all is done."""
    steer(http, "clock", {"scale": 60})
    time.sleep(seconds)
    now = steer(http, "clock", {"freeze": True})["now"]
    while steer(http, "health")["running"]:
        time.sleep(0.1)
    return now


def expected(begin, end):
    """Return the paths of the runs after `begin` and up to `end`."""
    return Counter(
        f"/{number}/{run}"
        for number in range(JOBS)
        for run in next_runs(EXPRESSIONS[number % 4], "UTC", int(begin), 100)
        if run <= end
    )


def test_each_run_is_called_once_and_none_twice_after_a_kill(tmp_path):
    """Two hundred jobs run for a minute at sixtyfold pace: each run is called once. Killed in the
    middle and begun again, the emulator repeats none, and lists those in between as missed.
    """
    state, seed = str(tmp_path / "jobs.db"), tmp_path / "seed.json"
    port = free_port()
    with receiver(port) as calls:
        target = f"http://127.0.0.1:{port}"
        jobs = [
            {"url": f"{target}/{number}/__timestamp__", "expression": EXPRESSIONS[number % 4]}
            for number in range(JOBS)
        ]
        seed.write_text(json.dumps({"setcronjob": {"jobs": jobs}}))
        with emulator(BEGIN, "--state", state, "--seed-data", str(seed)) as (process, http):
            end = run_for(http, 60)
            assert calls == expected(BEGIN, end)
            assert end - BEGIN > 3500
            before = calls.total()
            steer(http, "clock", {"scale": 60})
            while calls.total() < before + 10:  # in the middle of the runs of one minute
                time.sleep(0.001)
            process.kill()
            process.wait()
    # Its calls under way are counted by now. The second count begins with nothing.
    killed = max(int(path.rpartition("/")[2]) for path in calls)
    assert expected(killed - 1, killed) - calls
    again = killed + 3600
    with receiver(port) as calls_again, emulator(again, "--state", state) as (_, http):
        end = run_for(http, 15)
        missed = [run for run in steer(http, "executions")["runs"] if run["result"] == "missed"]
    assert set((calls + calls_again).values()) == {1}
    assert missed
    assert calls_again == expected(again, end)
