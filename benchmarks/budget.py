"""Four processes with 25 calls each on one Redis budget of 10/s, judged by real nginx.

    python -m benchmarks.budget [--runs 5] [--write]

nginx allows no burst. The share of the rate is that from the first accepted request to the last, as
nginx logged them. For the accidents, only the calls of surviving processes are counted, and the
longest gap is that between two accepted requests. The processor time of a slot on Redis is measured
too. Needs nginx and redis-server.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from attrs import frozen

from cronapi import Rate, Scheduler
from cronapi.emulator import DEFAULT_TOKEN, create_app, run_in_thread
from cronapi.scheduler import Bucket, LocalBucket, RedisBucket
from tests.support.judges import Nginx, nginx
from tests.support.redis_server import RedisServer, redis_server

ROOT = Path(__file__).parent.parent
RATE, PROCESSES, CALLS, EARLY = 10, 4, 25, 60
SETTLED, RESTARTED, AWAY = 1.5, 1.0, 5.0
COST_RATE, COST_SLOTS, COST_ROUNDS = Rate(1000), 500, 5
AIMS = {
    "share of the allowed rate": (0.92, ">=", ".3f"),
    "refused": (0.04, "<=", ".1%"),
    "lost": (0, "<=", ".0f"),
    "evaluations of the script per slot": (1.1, "<=", ".2f"),
    f"smallest share of a process in the first {EARLY}": (0.15, ">=", ".1%"),
}
LARGER = "Larger fleets are simulated: see [docs/processes.md](../docs/processes.md)."
Accident = Callable[[RedisServer, list["Worker"]], list["Worker"]]


class Worker:
    """A process of the fleet."""

    def __init__(self, url: str, origin: str) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.support.fleet_worker",
            url,
            str(RATE),
            f"{origin}/api/",
            DEFAULT_TOKEN,
            str(CALLS),
        ]
        self.process = subprocess.Popen(  # noqa: S603 -- our own file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def is_ready(self) -> bool:
        """Wait until the process is ready, and return False if it failed to start."""
        return _pipe(self.process.stdout).readline().startswith("ready ")

    def go(self) -> None:
        """Let the process make all its calls at once."""
        _pipe(self.process.stdin).write("go\n")
        _pipe(self.process.stdin).flush()

    def answered(self) -> list[float]:
        """Wait for the end of the process, and return the times at which calls were answered."""
        lines = (line.split() for line in self.process.communicate(timeout=90)[0].splitlines())
        return [float(words[1]) for words in lines if words[0] == "ok"]

    def end(self) -> None:
        """Kill the process, without a chance to clean up."""
        self.process.kill()
        self.process.communicate()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the worker has no pipe")
    return pipe


@frozen
class Run:
    """One run: the times of answers by process, nginx's log, and the evaluations on Redis."""

    answered: list[list[float]]
    statuses: list[tuple[float, int]]
    evaluations: int

    @property
    def accepted(self) -> list[float]:
        """The times at which nginx let a request through."""
        return [at for at, status in self.statuses if status == 200]

    @property
    def gap(self) -> float:
        """The longest time between two accepted requests, in seconds."""
        return max(later - earlier for earlier, later in itertools.pairwise(self.accepted))


# --- the fleet ---


@contextmanager
def fleet(server: RedisServer, judge: Nginx) -> Iterator[list[Worker]]:
    """Start the processes, and kill those that are left at the end."""
    with ExitStack() as stack:
        workers = []
        for _ in range(PROCESSES):
            workers.append(Worker(server.url, judge.origin))
            stack.callback(workers[-1].end)
        if not all(worker.is_ready() for worker in workers):
            raise RuntimeError("a worker did not start")
        yield workers


def run(accident: Accident) -> Run:
    """Let a fleet work through an accident, and return the run of the processes that survived."""
    with ExitStack() as stack:
        service = stack.enter_context(
            run_in_thread(create_app(rates={"fastcron": None, "setcronjob": None}))
        )
        judge = stack.enter_context(nginx(service, RATE))
        server = stack.enter_context(redis_server())
        workers = stack.enter_context(fleet(server, judge))
        for worker in workers:
            worker.go()
        answered = [worker.answered() for worker in accident(server, workers)]
        return Run(answered, judge.statuses(), server.evaluations())


def nothing(_: RedisServer, workers: list[Worker]) -> list[Worker]:
    """Nothing happens."""
    return workers


def killed(_: RedisServer, workers: list[Worker]) -> list[Worker]:
    """One of the four processes is killed with -9."""
    time.sleep(SETTLED)
    workers[0].end()
    return workers[1:]


def restarted(server: RedisServer, workers: list[Worker]) -> list[Worker]:
    """Redis is away for 1 s and comes back empty."""
    time.sleep(SETTLED)
    server.stop()
    time.sleep(RESTARTED)
    server.start()
    return workers


def hung(server: RedisServer, workers: list[Worker]) -> list[Worker]:
    """Redis answers nothing for 5 s."""
    time.sleep(SETTLED)
    server.freeze()
    time.sleep(AWAY)
    server.thaw()
    return workers


def figures(run: Run) -> list[float]:
    """Return the figures of a quiet run in the order of AIMS."""
    accepted, requests = run.accepted, len(run.statuses)
    first = sorted((at, place) for place, times in enumerate(run.answered) for at in times)[:EARLY]
    turns = [place for _, place in first]
    return [
        (len(accepted) - 1) / (accepted[-1] - accepted[0]) / RATE,
        1 - len(accepted) / requests,
        PROCESSES * CALLS - sum(map(len, run.answered)),
        run.evaluations / requests,
        min(turns.count(place) for place in range(PROCESSES)) / EARLY,
    ]


# --- what Redis costs ---


async def _use(bucket: Bucket, slots: int) -> None:
    scheduler = Scheduler(COST_RATE, bucket=bucket)

    async def one() -> None:
        async with scheduler.slot():
            return

    await asyncio.gather(*[one() for _ in range(slots)])


def cpu_per_slot(bucket: Bucket) -> float:
    """Return the microseconds of processor time of a slot, in all threads of this process."""
    asyncio.run(_use(bucket, 10))
    begun = time.process_time()
    asyncio.run(_use(bucket, COST_SLOTS))
    return (time.process_time() - begun) / COST_SLOTS * 1e6


def cost() -> tuple[float, float]:
    """Return the median microseconds per slot of the local and the Redis bucket, in turns."""
    with redis_server() as server:
        pairs = [
            (
                cpu_per_slot(LocalBucket(COST_RATE)),
                cpu_per_slot(RedisBucket.from_url(server.url, key=f"cost{number}")),
            )
            for number in range(COST_ROUNDS)
        ]
    return statistics.median(local for local, _ in pairs), statistics.median(
        shared for _, shared in pairs
    )


# --- the tables ---


def quiet_table(runs: Iterable[Run]) -> str:
    """Return the figures of the quiet runs, with their medians and aims, as a Markdown table."""
    lines = ["| figure | runs | median | aim | |", "|---|---:|---:|---:|---|"]
    for (what, (aim, sign, form)), values in zip(
        AIMS.items(), zip(*map(figures, runs), strict=True), strict=True
    ):
        median = statistics.median(values)
        reached = "reached" if (median >= aim if sign == ">=" else median <= aim) else "missed"
        each = " / ".join(f"{value:{form}}" for value in values)
        lines.append(f"| {what} | {each} | {median:{form}} | {sign} {aim:{form}} | {reached} |")
    return "\n".join(lines)


def accident_table(times: int) -> str:
    """Return the answered calls and longest gaps in each accident, as a Markdown table."""
    lines = ["| accident | answered | of | longest gap, s |", "|---|---:|---:|---:|"]
    for accident in (killed, restarted, hung):
        runs = [run(accident) for _ in range(times)]
        answered = " / ".join(str(sum(map(len, one.answered))) for one in runs)
        gaps = " / ".join(f"{one.gap:.1f}" for one in runs)
        title, calls = str(accident.__doc__).rstrip("."), len(runs[0].answered) * CALLS
        lines.append(f"| {title} | {answered} | {calls} | {gaps} |")
    return "\n".join(lines)


def cost_table() -> str:
    """Return the processor time of a slot with each bucket, as a Markdown table."""
    local, shared = cost()
    head = "| bucket | processor time per slot, us | times the local |\n|---|---:|---:|"
    return f"{head}\n| local | {local:.0f} | 1.0 |\n| Redis | {shared:.0f} | {shared / local:.1f} |"


def main() -> None:
    """Measure, print the tables, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    quiet = quiet_table([run(nothing) for _ in range(args.runs)])
    text = f"{quiet}\n\n{accident_table(args.runs)}\n\n{cost_table()}"
    print(text)
    if args.write:
        from benchmarks import results  # noqa: PLC0415 -- only for writing

        results.write(
            "A fleet on one budget",
            f"{str(__doc__).strip()}\n\n{text}\n\n{LARGER}\n\n{results.footing('redis')}",
        )


if __name__ == "__main__":
    main()
