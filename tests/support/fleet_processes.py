"""Processes that share a bucket, as real ones, with real nginx as the judge of what they send."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from cronapi.emulator import create_app, run_in_thread
from tests.support.emulated import FAST, TOKEN
from tests.support.judges import nginx

ROOT = Path(__file__).parents[2]
PATIENCE = 170


class Worker:
    """A process of the fleet, and what it said."""

    def __init__(self, place, rate, origin, calls):
        command = [
            sys.executable,
            "-m",
            "tests.support.fleet_worker",
            str(place),
            str(rate),
            f"{origin}/api/",
            TOKEN,
            str(calls),
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def ready(self):
        """Wait until it has loaded all it needs, side by side with processes started with it."""
        assert self.process.stdout.readline() == "ready\n"

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()

    def said(self):
        """Return the times of its successful calls and the texts of the failed ones, at its end."""
        lines = self.process.communicate(timeout=PATIENCE)[0].splitlines()
        return [float(line.split()[1]) for line in lines if line.startswith("ok")], [
            line for line in lines if line.startswith("failed")
        ]


@contextlib.contextmanager
def judged_fleet(place, processes, calls, rate=10):
    """Start processes, yet idle, on a Redis or a file, in front of nginx without a burst."""
    with run_in_thread(create_app(rates=FAST)) as upstream, nginx(upstream, rate) as judge:
        workers = []
        try:
            workers.extend(Worker(place, rate, judge.origin, calls) for _ in range(processes))
            for worker in workers:
                worker.ready()
            yield judge, workers
        finally:
            for worker in workers:
                worker.kill()
                worker.process.communicate()
