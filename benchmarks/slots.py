"""The cost of the scheduler itself, without any requests.

    python -m benchmarks.slots [--most 100000] [--write]

- The overhead of a slot without a wait, beside other limits of concurrency.
- Memory, time and rate with up to 100,000 waiters, a third of them cancelled.
- `eta` against the actual wait.
- The place of an interactive call behind 10,000 bulk calls.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from attrs import frozen

from benchmarks import results
from cronapi import Rate, Scheduler
from cronapi.scheduler import LocalBucket

TITLE = "The scheduler itself"
ROUNDS, TURNS = 41, 500
SIZES = (1_000, 10_000, 100_000)
UNHINDERED = 1e9
FAST, STEADY, STEADY_SECONDS, TICKS = 20_000, 10, 20, 50
QUEUES = ((10, 100), (50, 100), (50, 500), (500, 1_000))
"""Rates, and the bulk calls that wait when `eta` is called."""
BULK = 10_000
Enter = Callable[[], AbstractAsyncContextManager[Any]]


# --- the overhead ---


def gates() -> dict[str, Enter]:
    """Return the gates that a slot is compared with, each so wide that no call waits."""
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 -- peers are optional

    plain, tokens = asyncio.Semaphore(10), anyio.Semaphore(10)
    limiter, bucket, scheduler = (
        anyio.CapacityLimiter(10),
        AsyncLimiter(UNHINDERED, 1),
        Scheduler(UNHINDERED),
    )
    sharing = Scheduler(UNHINDERED, bucket=LocalBucket(Rate(UNHINDERED)))
    return {
        "asyncio.Semaphore": lambda: plain,
        "anyio.Semaphore": lambda: tokens,
        "anyio.CapacityLimiter": lambda: limiter,
        "aiolimiter": lambda: bucket,
        "cronapi `slot()`": scheduler.slot,
        "cronapi `slot()`, shared bucket": sharing.slot,
    }


async def _turns(enter: Enter) -> float:
    start = time.perf_counter()
    for _ in range(TURNS):
        async with enter():
            pass
    return (time.perf_counter() - start) / TURNS


async def overhead() -> dict[str, list[float]]:
    """Return the seconds of a turn through each gate by round. The order rotates."""
    contenders = list(gates().items())
    took: dict[str, list[float]] = {name: [] for name, _ in contenders}
    for number in range(ROUNDS):
        shift = number % len(contenders)
        for name, enter in contenders[shift:] + contenders[:shift]:
            took[name].append(await _turns(enter))
    return took


def overhead_table(took: dict[str, list[float]]) -> str:
    """Return the turns, as ratios to asyncio's semaphore in the same round, in a Markdown table."""
    lines = [
        "| `async with ...: pass` | microseconds | ratio (median) | ratio (10-90 %) |",
        "|---|---:|---:|---:|",
    ]
    for name, seconds in took.items():
        ratios = [
            mine / floor for mine, floor in zip(seconds, took["asyncio.Semaphore"], strict=True)
        ]
        deciles = statistics.quantiles(ratios, n=10)
        middle = statistics.median(ratios)
        micros, spread = statistics.median(seconds) * 1e6, f"{deciles[0]:.2f}-{deciles[-1]:.2f}"
        lines.append(f"| {name} | {micros:.2f} | {middle:.2f} | {spread} |")
    return "\n".join(lines)


# --- waiters ---


@frozen
class Cost:
    """The cost of one waiter: traced bytes with its task, CPU seconds, and the rate reached.

    The CPU seconds are those from joining to the grant.
    """

    size: int
    memory: float
    cpu: float
    rate: float

    @property
    def per_order(self) -> float:
        """CPU seconds over n log n."""
        return self.cpu / math.log(self.size)


async def _call(enter: Enter) -> None:
    async with enter():
        pass


async def _settle() -> None:
    """Let every new or cancelled task take its step."""
    for _ in range(3):
        await asyncio.sleep(0)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def memory(enter: Enter, size: int) -> float:
    """Return the bytes of a waiter with its task, while one call is inside and all others wait."""
    async with enter():
        gc.collect()
        tracemalloc.start()
        tasks = [asyncio.ensure_future(_call(enter)) for _ in range(size)]
        await _settle()
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        await _end(tasks)
    return taken / size


async def crowd(enter: Enter, size: int) -> tuple[float, float]:
    """Return the CPU seconds a waiter and the rate of grants, with a third cancelled at random."""
    async with enter():
        cpu = time.process_time()
        tasks = [asyncio.ensure_future(_call(enter)) for _ in range(size)]
        await _settle()
        for task in random.Random(1).sample(tasks, size // 3):
            task.cancel()
        await _settle()
    start = time.perf_counter()
    await asyncio.gather(*tasks, return_exceptions=True)
    granted = size - size // 3
    return (time.process_time() - cpu) / size, granted / (time.perf_counter() - start)


async def steady(size: int) -> tuple[float, float]:
    """Return the share of a rate reached while a third of the waiters leave, and of a core used."""
    scheduler, granted = Scheduler(STEADY, max_in_flight=size), 0

    async def call() -> None:
        nonlocal granted
        async with scheduler.slot("bulk"):
            granted += 1

    tasks = [asyncio.ensure_future(call()) for _ in range(size)]
    await _settle()
    leaving = random.Random(2).sample(tasks, size // 3)
    before, cpu, start = granted, time.process_time(), time.perf_counter()
    for tick in range(STEADY_SECONDS * TICKS):
        for task in leaving[tick :: STEADY_SECONDS * TICKS]:
            task.cancel()
        await asyncio.sleep(start + (tick + 1) / TICKS - time.perf_counter())
    seconds = time.perf_counter() - start
    share, used = (granted - before) / seconds / STEADY, (time.process_time() - cpu) / seconds
    await _end(tasks)
    return share, used


async def costs(size: int) -> dict[str, Cost]:
    """Return the cost of a waiter at a scheduler and, as the floor, at a bare semaphore."""
    floor = Cost(size, await memory(_semaphore(), size), *await crowd(_semaphore(), size))
    held = await memory(Scheduler(FAST, max_in_flight=1).slot, size)
    return {
        "asyncio.Semaphore": floor,
        "cronapi": Cost(size, held, *await crowd(Scheduler(FAST, max_in_flight=size).slot, size)),
    }


def _semaphore() -> Enter:
    semaphore = asyncio.Semaphore(1)
    return lambda: semaphore


def waiters_table(rows: list[dict[str, Cost]]) -> str:
    """Return the costs as a Markdown table.

    The growth is that of the time a waiter over n log n, against the smallest crowd.
    """
    lines = [
        (
            "| waiters | at | kB a waiter | CPU a waiter, us | against n log n"
            f" | rate reached of {FAST:,}/s |"
        ),
        "|---:|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        for name, one in row.items():
            growth = one.per_order / rows[0][name].per_order
            rate = f"{one.rate / FAST:.2f}" if name == "cronapi" else "-"
            cost = f"{one.memory / 1e3:.2f} | {one.cpu * 1e6:.1f} | {growth:.2f}"
            lines.append(f"| {one.size:,} | {name} | {cost} | {rate} |")
    return "\n".join(lines)


# --- eta and lanes ---


async def foretold(rate: int, waiting: int) -> tuple[float, float]:
    """Return the seconds that `eta` predicts for a bulk call behind others, and the actual ones."""
    scheduler = Scheduler(rate)
    tasks = [asyncio.ensure_future(_call(lambda: scheduler.slot("bulk"))) for _ in range(waiting)]
    await _settle()
    told, start = scheduler.eta("bulk"), time.perf_counter()
    async with scheduler.slot("bulk"):
        waited = time.perf_counter() - start
    await _end(tasks)
    return told, waited


async def place_of_interactive() -> int:
    """Return the bulk calls that still go before an interactive call that joins behind them."""
    scheduler = Scheduler(100)
    granted: list[int] = []

    async def bulk(number: int) -> None:
        async with scheduler.slot("bulk"):
            granted.append(number)

    tasks = [asyncio.ensure_future(bulk(number)) for number in range(BULK)]
    await asyncio.sleep(0.5)
    before = len(granted)
    async with scheduler.slot("interactive"):
        passed = len(granted) - before
    await _end(tasks)
    return passed


def eta_table(rows: list[tuple[int, int, float, float]]) -> str:
    """Return the predicted and actual waits as a Markdown table."""
    lines = [
        "| rate | bulk calls waiting | eta, s | waited, s | off by |",
        "|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {rate}/s | {ahead:,} | {told:.3f} | {waited:.3f} | {told / waited - 1:+.1%} |"
        for rate, ahead, told, waited in rows
    ]
    return "\n".join(lines)


# --- showing ---


def measure(most: int) -> str:
    """Measure everything, and return it as Markdown."""
    took = asyncio.run(overhead())
    rows = [asyncio.run(costs(size)) for size in SIZES if size <= most]
    share, used = asyncio.run(steady(most))
    told = [(rate, ahead, *asyncio.run(foretold(rate, ahead))) for rate, ahead in QUEUES]
    passed = asyncio.run(place_of_interactive())
    return (
        f"A slot without a wait, after a long calm, with no margin left: medians of {ROUNDS}\n"
        "alternating rounds, and ratios to the semaphore in the same round. A client's default is\n"
        "a bucket that loops in several threads share.\n\n"
        f"    python -m benchmarks.slots\n\n{overhead_table(took)}\n\n"
        "Tasks that wait, a third of them cancelled at random. tracemalloc traces the memory,\n"
        "including the caller's own task. CPU is that from joining to the grant, with the\n"
        f"task. The semaphore is the floor, and the growth is against {SIZES[0]:,} waiters.\n\n"
        f"{waiters_table(rows)}\n\n"
        f"While {most:,} wait at {STEADY:,}/s and a third of them leave at random times,\n"
        f"{share:.1%} of the rate are reached over {STEADY_SECONDS} s,\n"
        f"with {used:.0%} of a core.\n\n"
        f"The `eta` on joining, against the actual wait:\n\n{eta_table(told)}\n\n"
        f"An interactive call that joins while {BULK:,} bulk calls wait lets {passed} of them\n"
        "go first."
    )


def main() -> None:
    """Measure, print, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=SIZES[-1], help="the largest crowd")
    parser.add_argument(
        "--write", action="store_true", help="write the section of benchmarks/results.md"
    )
    args = parser.parse_args()
    text = measure(args.most)
    print(text)
    if args.write:
        results.write(
            TITLE, f"{text}\n\n{results.footing('cronapi-client', 'anyio', 'aiolimiter')}"
        )


if __name__ == "__main__":
    main()
