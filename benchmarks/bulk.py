"""The cost of many calls as one: requests, seconds and memory at the real limit of FastCron.

    python -m benchmarks.bulk [--write]

The emulator serves on a loopback socket at 1 request a second and counts the requests itself. Takes
about four minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from attrs import frozen

from benchmarks import results
from cronapi import FastCron, Scheduler
from cronapi.emulator import DEFAULT_TOKEN, App, create_app, run_in_thread

TITLE = "Many calls as one"
TASKS, FLAT = 200, 100_000
Work = Callable[[FastCron], Awaitable[Any]]


@frozen
class Row:
    """The cost of one piece of work, with its limit."""

    work: str
    requests: int
    seconds: float
    aim: str
    reached: bool

    def __str__(self) -> str:
        verdict = "reached" if self.reached else "**missed**"
        return f"| {self.work} | {self.requests} | {self.seconds:.1f} | {self.aim} | {verdict} |"


def specs(count: int) -> Iterator[dict[str, str]]:
    """Describe `count` jobs."""
    return (
        {"url": f"https://example.com/{number}", "name": f"job {number}"} for number in range(count)
    )


@asynccontextmanager
async def served(app: App, **options: Any) -> AsyncIterator[FastCron]:
    """Serve the emulator, and yield a client of it."""
    with run_in_thread(app) as origin:
        async with FastCron(DEFAULT_TOKEN, base_url=f"{origin}/api/v1/", **options) as api:
            yield api


async def timed(work: Work, **options: Any) -> tuple[int, float]:
    """Return the requests and the seconds that a piece of work takes at the real limit."""
    app = create_app()
    async with served(app, scheduler=Scheduler(1), **options) as api:
        begun = monotonic()
        await work(api)
        return len(app.emulator.requests), monotonic() - begun


async def lives(api: FastCron) -> None:
    """Add, read and delete a thousand jobs."""
    added = await api.cron.add_many(list(specs(1000)))
    added.raise_for_failures()
    ids = [job.id for job in added.values]
    (await api.cron.get_many(ids)).raise_for_failures()
    (await api.cron.delete_many(ids)).raise_for_failures()


async def many_adds(api: FastCron) -> None:
    """Add ten thousand jobs."""
    (await api.cron.add_many(list(specs(10_000)))).raise_for_failures()


async def single_lives(api: FastCron) -> None:
    """Let many tasks each add, read and delete a job of their own."""

    async def life(number: int) -> None:
        job = await api.cron.add(url=f"https://example.com/{number}", name=f"job {number}")
        await api.cron.get(job.id)
        await api.cron.delete(job.id)

    await asyncio.gather(*[life(number) for number in range(TASKS)])


async def memory() -> tuple[int, int]:
    """Return the most kilobytes held while jobs are added from a generator, a tenth and all."""
    return await held(FLAT // 10), await held(FLAT)


async def held(count: int) -> int:
    """Return the most kilobytes held while `count` jobs are added and their outcomes dropped."""
    app = create_app(rates={"fastcron": None, "setcronjob": None})
    async with served(app, scheduler=Scheduler(100_000)) as api:
        most = 0
        gc.collect()
        tracemalloc.start()
        async for outcome in api.cron.add_many(specs(count)):
            if outcome.index % 5000 == 0:
                gc.collect()
                most = max(most, library_bytes())
        tracemalloc.stop()
    return most // 1024


def library_bytes() -> int:
    """Return the bytes allocated by the library's own files, without the emulator's."""
    ours = (
        tracemalloc.Filter(inclusive=True, filename_pattern="*/cronapi/*"),
        tracemalloc.Filter(False, "*/cronapi/emulator/*"),
    )
    return sum(
        entry.size
        for entry in tracemalloc.take_snapshot().filter_traces(ours).statistics("filename")
    )


async def measure() -> list[Row]:
    """Measure everything in turn."""
    rows = []
    requests, seconds = await timed(lives)
    rows.append(
        Row(
            "1,000 jobs added, read and deleted by bulks",
            requests,
            seconds,
            "60 requests",
            requests <= 60,
        )
    )
    requests, seconds = await timed(many_adds)
    rows.append(
        Row("10,000 jobs added by a bulk", requests, seconds, "110 requests", requests <= 110)
    )
    requests, seconds = await timed(single_lives, coalesce=True)
    rows.append(
        Row(
            f"{TASKS} tasks that each add, read and delete a job, `coalesce=True`",
            requests,
            seconds,
            "20 s",
            seconds <= 20,
        )
    )
    return rows


def main() -> None:
    """Measure, print the table, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write benchmarks/results.md")
    args = parser.parse_args()
    rows = asyncio.run(measure())
    tenth, all_of_it = asyncio.run(memory())
    text = "\n".join(
        [
            "At an emulated FastCron with its real limit of 1 request a second, on a loopback",
            "socket. The emulator counts.",
            "",
            "    python -m benchmarks.bulk --write",
            "",
            "| work | requests | seconds | at most | |",
            "|---|---:|---:|---:|---|",
            *map(str, rows),
            "",
            (
                "Most kB held by the library while it adds from a generator: "
                f"{tenth} with {FLAT // 10:,} jobs, {all_of_it} with {FLAT:,}."
            ),
            "",
            results.footing("httpx", "anyio"),
        ]
    )
    print(text)
    if args.write:
        results.write(TITLE, text)


if __name__ == "__main__":
    main()
