"""A client at work for minutes: do memory, descriptors, tasks and seats stay as they were?

    python -m benchmarks.soak [--seconds 300] [--only trio-redis] [--http httpx2]

Each cell is a process of its own: one client on asyncio, uvloop or trio, with a local bucket or one
in Redis, that makes up to 1,000 calls a second, over sockets, at `benchmarks.soak_service`. The
reached rate is printed. With `--http httpx2` the requests are sent by that library.

One call in ten is cancelled within 20 ms, and one request in forty meets a fault: lost, cut,
garbled, refused or held back beyond the timeout. Adds that were lost are looked up. After each
fifth of the time the load stops until every request has ended. The first fifth is warming up. Then
the figures are taken: the start, the middle and the end.

It ends with 1 if a seat is taken, or a task more is there than at the start, if there are more
descriptors by more than the connections that a client may keep, if memory has grown by more than
`BLOCKS` blocks or `BYTES` for each call, or if the client comes to a stop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import logging
import os
import random
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import anyio
import httpx
from attrs import frozen

from cronapi import CronAPIError, FastCron, Scheduler
from cronapi.scheduler import RedisBucket
from tests.support.redis_server import redis_server

LOOPS, BUCKETS = ("asyncio", "uvloop", "trio"), ("local", "redis")
RATE, WORKERS, SEATS = 1000, 60, 30
TIMEOUT, PHASES = 0.5, 5
QUIET = 10.0
"""Seconds in which every request has ended."""
JOBS = 50
CANCELLED, EDITED, ADDED = 0.1, 0.2, 0.02
BLOCKS, BYTES = 0.05, 16
SLACK_BLOCKS, SLACK_BYTES = 3_000, 4 << 20
"""Growth that is allowed however few the calls: caches fill, and the allocator keeps pages."""
KEPT = 2 * 5
"""Connections that two clients may keep while no call is under way."""
CACHE = type(lru_cache(len))
TOKEN = "soak-token-0123456789abcdef"  # noqa: S105 -- of a service on this machine


@frozen
class Figures:
    """What a process holds while no call is under way."""

    calls: int
    seconds: float
    memory: int
    blocks: int
    descriptors: int
    tasks: int
    seats: int

    def __str__(self) -> str:
        return (
            f"{self.calls:>8} calls {self.calls / self.seconds:6.0f}/s  "
            f"{self.memory / (1 << 20):6.1f} MiB {self.blocks:>8} blocks  "
            f"{self.descriptors:>3} descriptors {self.tasks:>3} tasks {self.seats:>2} seats"
        )


def faults_between(start: Figures, end: Figures) -> list[str]:
    """Return what is not flat between two moments."""
    calls = end.calls - start.calls
    grown = {
        "memory": end.memory - start.memory - calls * BYTES - SLACK_BYTES,
        "blocks": end.blocks - start.blocks - calls * BLOCKS - SLACK_BLOCKS,
        "descriptors": end.descriptors - start.descriptors - KEPT,
        "tasks": end.tasks - start.tasks,
        "seats": end.seats,
    }
    return [name for name, excess in grown.items() if excess > 0]


# --- one cell ---


class Load:
    """The calls of one client, which workers make one after the other.

    The keeper is a client that meets no faults. It makes the jobs, and tidies.
    """

    def __init__(self, api: FastCron, keeper: FastCron, scheduler: Scheduler) -> None:
        self.api = api
        self.keeper = keeper
        self.scheduler = scheduler
        self.calls = 0
        self.busy = 0.0
        self.ids: list[int] = []
        self._random = random.Random(7)

    async def prepare(self) -> None:
        """Make the jobs that the calls are about."""
        for number in range(JOBS):
            job = await self.keeper.cron.add(
                url=f"https://example.com/{number}", name=f"job {number}"
            )
            self.ids.append(job.id)

    async def run(self, seconds: float) -> Figures:
        """Let the workers work for some seconds, and return the figures once all is quiet."""
        end = anyio.current_time() + seconds
        async with anyio.create_task_group() as group:
            for _ in range(WORKERS):
                group.start_soon(self._work, end)
        self.busy += seconds  # no call begins later, though an add may be looked up for long
        await self._tidy()
        return self._figures()

    async def _work(self, end: float) -> None:
        while anyio.current_time() < end:
            self.calls += 1
            patience = self._random.random()
            limit = patience * TIMEOUT / 2 if patience < CANCELLED else None
            with contextlib.suppress(CronAPIError), anyio.move_on_after(limit):
                await self._call()

    async def _call(self) -> None:
        chance, job = self._random.random(), self._random.choice(self.ids)
        if chance < ADDED:
            await self.api.cron.add(url="https://example.com/new", name=f"new {self.calls}")
        elif chance < EDITED:
            await self.api.cron.edit(job, notify_every=self._random.randint(1, 9))
        else:
            await self.api.cron.get(job)

    async def _tidy(self) -> None:
        """Wait for requests whose callers have gone, and delete what they and others have made."""
        with anyio.move_on_after(QUIET):
            while self.scheduler.stats.in_flight:  # noqa: ASYNC110 -- no event tells it
                await anyio.sleep(0.05)
        listed = {job.id for job in await self.keeper.cron.list()}
        if made := listed - set(self.ids):
            await self.keeper.cron.delete_many(made)
        await anyio.sleep(2 * TIMEOUT)
        _empty_bounded_caches()
        gc.collect()

    def _figures(self) -> Figures:
        return Figures(
            calls=self.calls,
            seconds=self.busy,
            memory=_memory(),
            blocks=sys.getallocatedblocks(),
            descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 -- names, not paths
            tasks=_tasks(),
            seats=self.scheduler.stats.in_flight + sum(self.scheduler.stats.waiting.values()),
        )


def _empty_bounded_caches() -> None:
    """Empty every `lru_cache` that has a bound: it fills up, and stays so."""
    for thing in gc.get_objects():
        if isinstance(thing, CACHE) and thing.cache_parameters()["maxsize"] is not None:
            thing.cache_clear()


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _tasks() -> int:
    """Count the living tasks of the running event loop."""
    if "trio" in sys.modules:
        import trio  # noqa: PLC0415 -- only where it runs

        with contextlib.suppress(RuntimeError):
            return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


@contextlib.asynccontextmanager
async def _http(library: str) -> AsyncIterator[httpx.AsyncClient | None]:
    """Yield a client of another library than httpx, or None for the one that cronapi makes."""
    if library == "httpx":
        yield None
        return
    other = importlib.import_module(library)
    limits = other.Limits(max_connections=SEATS, max_keepalive_connections=SEATS)
    async with other.AsyncClient(limits=limits, trust_env=False) as http:
        yield http


async def soak(name: str, seconds: float, redis: str, http: str, url: str) -> int:
    """Run one cell, print its figures, and return 1 if something is not flat."""
    bucket = RedisBucket.from_url(redis, key=name) if redis else None
    scheduler = Scheduler(RATE, max_in_flight=SEATS, bucket=bucket)
    async with contextlib.AsyncExitStack() as stack:
        sender = await stack.enter_async_context(_http(http))
        client = partial(FastCron, TOKEN, scheduler=scheduler, timeout=TIMEOUT, http_client=sender)
        api = await stack.enter_async_context(client(base_url=f"{url}/faulty/"))
        keeper = await stack.enter_async_context(client(base_url=f"{url}/calm/"))
        load = Load(api, keeper, scheduler)
        with anyio.fail_after(2 * seconds + 2 * PHASES * QUIET):  # a client without seats waits
            await load.prepare()
            figures = [await load.run(seconds / PHASES) for _ in range(PHASES)]
    start, middle, end = figures[0], figures[2], figures[-1]
    for moment, row in (("start", start), ("middle", middle), ("end", end)):
        print(f"{name:<15}{moment:<7}{row}", flush=True)
    grown = sorted({*faults_between(start, middle), *faults_between(start, end)})
    print(f"{name:<15}{'NOT FLAT: ' + ', '.join(grown) if grown else 'flat'}", flush=True)
    return int(bool(grown))


@contextlib.contextmanager
def service() -> Iterator[str]:
    """Run the service in a process of its own, and yield its address."""
    command = [sys.executable, "-m", "benchmarks.soak_service"]
    with subprocess.Popen(  # noqa: S603 -- this very program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101 -- it is a pipe
        assert process.stdout is not None  # noqa: S101 -- it is one too
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def run_cell(name: str, seconds: float, redis: str, http: str) -> int:
    """Run a cell in this process."""
    logging.getLogger("cronapi").setLevel(logging.ERROR)  # it warns of each lost answer
    loop = name.partition("-")[0]
    with service() as url:
        work: Callable[[], Awaitable[int]] = partial(soak, name, seconds, redis, http, url)
        if loop == "trio":
            return anyio.run(work, backend="trio")
        return anyio.run(work, backend_options={"use_uvloop": loop == "uvloop"})


# --- all cells ---


def main() -> int:
    """Run every cell, or one, and return 1 if any is not flat."""
    cells = [f"{loop}-{bucket}" for bucket in BUCKETS for loop in LOOPS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="the time of each cell")
    parser.add_argument("--only", choices=cells)
    parser.add_argument("--http", choices=("httpx", "httpx2"), default="httpx")
    parser.add_argument("--redis", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.redis or (options.only or "").endswith("local"):
        return run_cell(options.only, options.seconds, options.redis, options.http)
    chosen = [options.only] if options.only else cells
    return max(
        [_spawn(cell, options.seconds, options.http) for cell in chosen]
    )  # all of them, whatever one says


def _spawn(cell: str, seconds: float, http: str) -> int:
    """Run a cell in a process of its own, so that no other has touched its memory."""
    command = [sys.executable, "-m", "benchmarks.soak", "--only", cell, "--seconds", str(seconds)]
    command += ["--http", http]
    with contextlib.ExitStack() as stack:
        if cell.endswith("redis"):
            command += ["--redis", stack.enter_context(redis_server()).url]
        return subprocess.run(command, check=False).returncode  # noqa: S603 -- this very program


if __name__ == "__main__":
    sys.exit(main())
