"""The processes of one machine on one pace file, judged by real nginx without a burst.

    python -m benchmarks.machine [--runs 5] [--write]

The share of the rate is that from the first accepted request to the last, as nginx logged them.
SQLite's own counter tells the transactions. Then one of four processes is killed with -9, and the
longest gap between two accepted requests counts. Last, 16 processes wait for starts at 10/s, and a
task in each finds out how late its event loop is after sleeps of 5 ms. As many processes with a
bucket each do so at the same time. Needs nginx.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from benchmarks import results
from benchmarks.budget import COST_RATE, COST_ROUNDS, cpu_per_slot
from cronapi import Rate, Scheduler
from cronapi.scheduler import FileBucket, LocalBucket
from tests.support.fleet_processes import ROOT, judged_fleet
from tests.support.pace_file import transactions

FLEETS = ((4, 75, 10), (16, 5, 1), (16, 15, 10))
"""Processes, calls of each, and requests a second."""
AIMS: dict[str, tuple[float, str, str]] = {
    "share of the allowed rate": (0.92, ">=", ".3f"),
    "refused": (0.04, "<=", ".1%"),
    "lost": (0, "<=", ".0f"),
    "transactions a start": (1.1, "<=", ".2f"),
}
KILLED_AFTER, MOST_INTERVALS = 2.0, 2
WATCHERS, WATCHED_RATE, WATCHED, NAP = 16, 10.0, 10.0, 0.005
LATEST = 5.0
"""Milliseconds."""


@frozen
class Run:
    """One run of a fleet: nginx's log, the calls that were answered, and the transactions."""

    statuses: list[tuple[float, int]]
    answered: int
    transactions: int

    @property
    def accepted(self) -> list[float]:
        """The times at which nginx let a request through."""
        return [at for at, status in self.statuses if status == 200]

    def figures(self, calls: int, rate: float) -> list[float]:
        """Return the figures in the order of AIMS."""
        accepted, requests = self.accepted, len(self.statuses)
        return [
            (len(accepted) - 1) / (accepted[-1] - accepted[0]) / rate,
            1 - len(accepted) / requests,
            calls - self.answered,
            self.transactions / requests,
        ]


def run(processes: int, calls: int, rate: int, *, kill: bool = False) -> Run:
    """Let processes work side by side, and perhaps kill one of them on the way."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pace"
        with judged_fleet(path, processes, calls, rate) as (judge, workers):
            for worker in workers:
                worker.go()
            if kill:
                time.sleep(KILLED_AFTER)
                workers.pop(0).kill()
            answered = sum(len(worker.said()[0]) for worker in workers)
            return Run(judge.statuses(), answered, transactions(path))


def fleet_table(processes: int, calls: int, rate: int, runs: int) -> str:
    """Return the figures of a fleet with their medians and aims, as a Markdown table."""
    title = f"{processes} processes at {rate}/s, {calls} calls each"
    lines = [f"| {title} | runs | median | aim | |", "|---|---:|---:|---:|---|"]
    rows = [run(processes, calls, rate).figures(processes * calls, rate) for _ in range(runs)]
    for (what, (aim, sign, form)), values in zip(
        AIMS.items(), zip(*rows, strict=True), strict=True
    ):
        median = statistics.median(values)
        reached = median >= aim if sign == ">=" else median <= aim
        each = " / ".join(f"{value:{form}}" for value in values)
        said = "reached" if reached else "missed"
        lines.append(f"| {what} | {each} | {median:{form}} | {sign} {aim:{form}} | {said} |")
    return "\n".join(lines)


def killed_table(runs: int) -> str:
    """Return the gaps after one of four processes was killed, as a Markdown table."""
    rate = 10
    gaps = []
    for _ in range(runs):
        accepted = run(4, 25, rate, kill=True).accepted
        gaps.append(max(later - earlier for earlier, later in itertools.pairwise(accepted)))
    beyond = " / ".join(f"{gap * rate - 1:.1f}" for gap in gaps)
    head = "| one of four killed with -9: longest delay of the others, intervals | aim |"
    return f"{head}\n|---:|---:|\n| {beyond} | <= {MOST_INTERVALS} |"


# --- how late an event loop is ---


async def watch(bucket: FileBucket | LocalBucket, rate: float) -> list[float]:
    """Take starts all the time, and return how late the loop was, in milliseconds."""
    scheduler, late = Scheduler(rate, bucket=bucket), []

    async def start() -> None:
        while True:
            async with scheduler.slot():
                pass

    working = [asyncio.ensure_future(start()) for _ in range(3)]
    over = time.monotonic() + WATCHED
    while time.monotonic() < over:
        begun = time.perf_counter()
        await asyncio.sleep(NAP)
        late.append((time.perf_counter() - begun - NAP) * 1000)
    for task in working:
        task.cancel()
    return late


def watcher(place: str) -> None:
    """Print how late the loop of this process was."""
    rate = WATCHED_RATE if place else WATCHED_RATE / WATCHERS
    bucket = FileBucket(place) if place else LocalBucket(Rate(rate))
    print("ready", flush=True)
    sys.stdin.readline()
    print(*asyncio.run(watch(bucket, rate)))


def started(place: str) -> subprocess.Popen[str]:
    """Start a watcher."""
    return subprocess.Popen(  # noqa: S603 -- ours
        [sys.executable, "-m", "benchmarks.machine", "--watch", place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def lateness(places: Sequence[str]) -> list[list[float]]:
    """Return how late the loops of the watchers at each place were, all at the same time."""
    groups = [[started(place) for _ in range(WATCHERS)] for place in places]
    watchers = list(itertools.chain.from_iterable(groups))
    for process in watchers:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("a watcher did not start")
    for process in watchers:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    texts = [[process.communicate()[0] for process in group] for group in groups]
    return [sorted(float(word) for text in group for word in text.split()) for group in texts]


def lateness_table() -> str:
    """Return how late event loops are with the file and without, as a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        alone, shared = lateness(["", f"{folder}/pace"])
    lines = [f"| {WATCHERS} event loops, ms late | median | p99 | aim |", "|---|---:|---:|---:|"]
    for title, late, aim in (
        ("a bucket each", alone, ""),
        ("one file", shared, f"<= {LATEST:.0f}"),
    ):
        p99 = late[int(len(late) * 0.99)]
        lines.append(f"| {title} | {statistics.median(late):.2f} | {p99:.2f} | {aim} |")
    return "\n".join(lines)


def cost_table() -> str:
    """Return the processor time of a slot with each bucket, as a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        makers: Sequence[Callable[[int], LocalBucket | FileBucket]] = (
            lambda _: LocalBucket(COST_RATE),
            lambda number: FileBucket(f"{folder}/{number}"),
        )
        rounds = [[cpu_per_slot(make(number)) for make in makers] for number in range(COST_ROUNDS)]
    local, shared = (statistics.median(each) for each in zip(*rounds, strict=True))
    head = "| bucket | processor time per slot, us | times the local |\n|---|---:|---:|"
    return f"{head}\n| local | {local:.0f} | 1.0 |\n| file | {shared:.0f} | {shared / local:.1f} |"


def main() -> None:
    """Measure, print the tables, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--watch", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.watch is not None:
        watcher(args.watch)
        return
    tables = [fleet_table(*fleet, args.runs) for fleet in FLEETS]
    text = "\n\n".join([*tables, killed_table(args.runs), lateness_table(), cost_table()])
    print(text)
    if args.write:
        footing = results.footing("httpx", "anyio")
        results.write("One file for a machine", f"{str(__doc__).strip()}\n\n{text}\n\n{footing}")


if __name__ == "__main__":
    main()
