"""One shared budget as the fleet grows, in simulated time.

    python -m benchmarks.fleet [--write]

The library's own bucket and script run on a real Redis. Needs redis-server. Processes are simulated
actors that never sleep. The judge has nginx's rule: it refuses a request sooner than one interval
after the last accepted one. The way to the service and back takes normally distributed times. Every
process always has a call waiting.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import redis
from attrs import define, field

from benchmarks import results
from cronapi import Rate
from cronapi.scheduler import RedisBucket
from cronapi.scheduler.pace import Start
from cronapi.scheduler.redis_script import SCRIPT

RATE = Rate(10)
SIZES = (1, 4, 16, 64, 256, 1000)
WAY, JITTER, REDIS_WAY = 0.02, 0.004, 0.0005
SECONDS = 1200.0
EPOCH = 1_700_000_000
PLOT = Path(__file__).parent.parent / "docs" / "fleet.svg"
INTRODUCTION = """\
The library's bucket and script on a real Redis in simulated time: the second half of 20 simulated
minutes, 10 requests a second, a judge like nginx's `limit_req` without burst, and 20 ms of way with
4 ms of jitter. Every process always has a call waiting.

    python -m benchmarks.fleet --write
"""


@define(eq=False)
class Process:
    """One process, with the time since when its current call waits."""

    bucket: RedisBucket
    since: float = 0.0
    grants: int = 0


@define
class Figures:
    """The figures of the second half of one run."""

    processes: int
    rate: float
    refused: float
    mean: float
    p95: float
    per_slot: float
    per_second: float
    fairness: float


@define
class Count:
    """The counts of one part of a run."""

    evaluations: int = 0
    sent: int = 0
    accepted: int = 0
    waits: list[float] = field(factory=list)


class Fleet:
    """The simulation: a heap of events, a clock, and the memory of the judge."""

    def __init__(self, client: redis.Redis, processes: int, seed: int = 1) -> None:
        client.flushall()
        self.script = client.register_script(SCRIPT)
        self.random = random.Random(seed)
        self.now = 0.0
        self.count = Count()
        self.opened = float("-inf")
        self.events: list[tuple[float, int, str, Process, Start | None]] = []
        self.order = itertools.count()
        self.processes = [
            Process(RedisBucket(self.evaluate, clock=lambda: self.now, threads=False))
            for _ in range(processes)
        ]
        for process in self.processes:
            process.bucket.bind(RATE)
            self.after(self.random.uniform(0, 0.1), "ask", process)

    def evaluate(self, arguments: Sequence[int | str]) -> Sequence[int]:
        """Evaluate the script on Redis at the simulated time."""
        self.count.evaluations += 1
        answer = self.script(
            keys=["{fleet}"], args=[round((EPOCH + self.now) * 1_000_000), *arguments]
        )
        return [int(value) for value in answer]

    def after(
        self, seconds: float, what: str, process: Process, start: Start | None = None
    ) -> None:
        """Schedule an event."""
        heapq.heappush(self.events, (self.now + seconds, next(self.order), what, process, start))

    def run(self, until: float) -> Count:
        """Run the fleet to the time `until`, and return the counts since the last call."""
        self.count = Count()
        while self.events[0][0] < until:
            self.now, _, what, process, start = heapq.heappop(self.events)
            getattr(self, what)(process, start)
        return self.count

    def ask(self, process: Process, _: Start | None) -> None:
        """Take a due start, or reserve one and come back when it is due."""
        start = process.bucket.take()
        if start is None:
            # The work of the bucket's `reserve`, without waiting.
            process.bucket._evaluate(wanted=True)  # noqa: SLF001 -- no public way waits for nothing
            self.after(process.bucket.wait() + REDIS_WAY, "ask", process)
            return
        self.count.waits.append(self.now - process.since)
        self.count.sent += 1
        process.since = self.now
        process.grants += 1
        self.after(self.way(), "arrive", process, start)
        self.after(REDIS_WAY, "ask", process)

    def way(self) -> float:
        """Return the seconds that a request or an answer travels."""
        return max(0.001, self.random.gauss(WAY, JITTER))

    def arrive(self, process: Process, start: Start | None) -> None:
        """Let the judge accept or refuse a request."""
        passes = self.now - self.opened >= RATE.interval
        if passes:
            self.opened = self.now
            self.count.accepted += 1
        self.after(self.way(), "accepted" if passes else "refused", process, start)

    def accepted(self, process: Process, start: Start) -> None:
        """Report an accepted request to the bucket."""
        process.bucket.accepted(start)
        self.publish(process)

    def refused(self, process: Process, start: Start) -> None:
        """Report a refused request to the bucket."""
        process.bucket.refused(start)
        self.publish(process)

    def publish(self, process: Process) -> None:
        """Do the work of the bucket's `publish`, without waiting."""
        # Without this, a process with no waiter would not report its last outcomes.
        process.bucket._evaluate(wanted=False)  # noqa: SLF001 -- the same


def measure(client: redis.Redis, processes: int) -> Figures:
    """Run one size of fleet, and return the figures of its second half."""
    fleet = Fleet(client, processes)
    fleet.run(SECONDS / 2)
    before = [process.grants for process in fleet.processes]
    count = fleet.run(SECONDS)
    grants = [
        process.grants - earlier for process, earlier in zip(fleet.processes, before, strict=True)
    ]
    return Figures(
        processes,
        rate=count.accepted / (SECONDS / 2),
        refused=1 - count.accepted / count.sent,
        mean=statistics.fmean(count.waits),
        p95=statistics.quantiles(count.waits, n=20)[-1],
        per_slot=count.evaluations / count.sent,
        per_second=count.evaluations / (SECONDS / 2),
        fairness=sum(grants) ** 2 / (len(grants) * sum(number**2 for number in grants)),
    )


@contextlib.contextmanager
def redis_client() -> Iterator[redis.Redis]:
    """Run a redis-server of our own, and yield a client of it."""
    command = shutil.which("redis-server")
    if command is None:
        sys.exit("there is no redis-server on this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(  # noqa: S603 -- the redis-server of this machine
        [command, "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL
    )
    client = redis.Redis(port=port)
    try:
        for _ in range(500):
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                break
            time.sleep(0.01)
        yield client
    finally:
        client.close()
        server.terminate()
        server.wait()


def table(rows: list[Figures]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        (
            "| processes | accepted a second | refused | mean wait | p95 wait"
            " | evaluations a slot | evaluations a second | Jain's fairness |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.processes} | {row.rate:.2f} | {row.refused:.1%} | {row.mean:.2f} s"
        f" | {row.p95:.2f} s | {row.per_slot:.3f} | {row.per_second:.1f} | {row.fairness:.4f} |"
        for row in rows
    ]
    return "\n".join(lines)


def plot(rows: list[Figures]) -> str:
    """Return an SVG of accepted requests and evaluations a second, by number of processes."""
    width, height, left, top = 640, 300, 50, 30
    most = max(max(row.rate, row.per_second) for row in rows) * 1.15
    places = [left + place * (width - left - 20) / (len(rows) - 1) for place in range(len(rows))]

    def line(values: list[float], colour: str) -> str:
        dots = [
            (x, height - value / most * (height - top))
            for x, value in zip(places, values, strict=True)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        marks = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in dots
        )
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{marks}'

    ticks = "".join(
        f'<text x="{x:.1f}" y="{height + 18}" text-anchor="middle">{row.processes}</text>'
        for x, row in zip(places, rows, strict=True)
    )
    scale = "".join(
        f'<text x="{left - 12}" y="{height - value / most * (height - top) + 4:.1f}"'
        f' text-anchor="end">{value}</text>'
        for value in range(0, int(most) + 1, 2)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 45}"'
        ' font-family="sans-serif" font-size="12">'
        '<rect width="100%" height="100%" fill="white"/>'
        f'<line x1="{left}" y1="{height}" x2="{width - 10}" y2="{height}" stroke="#888"/>'
        f'{scale}{ticks}<text x="{width / 2}" y="{height + 38}" text-anchor="middle">'
        "processes that share 10 requests a second</text>"
        f"{line([row.rate for row in rows], '#1769aa')}"
        f"{line([row.per_second for row in rows], '#c4561a')}"
        f'<text x="{left}" y="16" fill="#1769aa">accepted a second</text>'
        f'<text x="{left + 150}" y="16" fill="#c4561a">Redis evaluations a second</text></svg>\n'
    )


def main() -> None:
    """Print the table, and with `--write` write it and the plot."""
    with redis_client() as client:
        rows = [measure(client, size) for size in SIZES]
    text = f"{INTRODUCTION}\n{table(rows)}\n\n{results.footing('redis')}"
    print(text)
    if "--write" in sys.argv[1:]:
        results.write("A fleet, simulated", text)
        PLOT.write_text(plot(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
