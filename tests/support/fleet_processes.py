"""Processes that share a bucket, as real ones, with real nginx as the judge of what they send."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.emulated import TOKEN
from tests.support.judges import nginx
from tests.support.plain_client import plain_client, unlimited_service

ROOT = Path(__file__).parents[2]


class Worker:
    """A process of the fleet, and what it said."""

    def __init__(self):
        stdin, ours = os.pipe()
        self._stdin = os.fdopen(ours, "w")
        ours, stdout = os.pipe()
        self._stdout = os.fdopen(ours)
        self.streams = (stdin, stdout)
        """The ends of its process."""
        self._pid = None

    def ready(self):
        """Wait until it has loaded all it needs."""
        word, pid = self._stdout.readline().split()
        assert word == "ready"
        self._pid = int(pid)

    def go(self):
        self._stdin.write("go\n")
        self._stdin.flush()

    def kill(self):
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)

    def said(self):
        """Return the times of its successful calls and the texts of the failed ones, at its end."""
        lines = self._stdout.read().splitlines()
        return [float(line.split()[1]) for line in lines if line.startswith("ok")], [
            line for line in lines if line.startswith("failed")
        ]

    def close(self):
        self._stdin.close()
        self._stdout.close()


@contextlib.contextmanager
def fleet(processes, *arguments):
    """Start the processes of a fleet, forks of one, and end them."""
    workers = [Worker() for _ in range(processes)]
    streams = [stream for worker in workers for stream in worker.streams]
    command = [sys.executable, "-m", "tests.support.fleet_worker", *map(str, arguments)]
    parent = subprocess.Popen(
        [*command, *map(str, streams)], stdin=subprocess.PIPE, cwd=ROOT, pass_fds=streams
    )
    for stream in streams:
        os.close(stream)
    try:
        for worker in workers:
            worker.ready()
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.close()
        parent.communicate()


def least_share(times):
    """Return the least share that a process had in the calls that ended while all were at work,
    where 1 is a fair one. Those that start late, or end early, are no less fair.
    """
    begun, ended = max(map(min, times)), min(map(max, times))
    counts = [sum(begun <= at <= ended for at in own) for own in times]
    return min(counts) * len(counts) / max(1, sum(counts))


@contextlib.contextmanager
def judged_fleet(place, processes, calls, rate=10, upstream=None):
    """Start processes, yet idle, on a Redis or a file, in front of nginx without a burst.

    Yield that nginx and the processes. `upstream` is what stands behind it, if that is there.
    """
    served = unlimited_service() if upstream is None else contextlib.nullcontext(upstream)
    with (
        served as service,
        nginx(service, rate) as judge,
        fleet(processes, place, rate, f"{judge.origin}/api/", TOKEN, calls) as workers,
    ):
        yield judge, workers


@contextlib.contextmanager
def compared_fleet(place, processes, calls, rate=10):
    """Start a judged fleet, and a plain client that makes as many calls at the same time.

    Yield the nginx of the fleet, its processes, and what returns the nginx of the plain client at
    its end, which shows how busy the machine was.
    """
    with (
        unlimited_service() as upstream,
        judged_fleet(place, processes, calls, rate, upstream) as (judge, workers),
        plain_client(upstream, rate, processes * calls) as plain,
    ):
        yield judge, workers, plain
