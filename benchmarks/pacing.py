"""How much of the allowed rate a client uses, and how often it is refused, judged by real nginx: cronapi, fixed spacings and peers.

    python -m benchmarks.pacing [--calls 100] [--rate 10] [--wire 0.04 0.01] [--burst 0]

One run measures everything side by side. The first 20 calls are for learning; the share is that of the calls after them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
from attrs import frozen

from cronapi import RetryPolicy, Scheduler, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN, create_app, run_in_thread

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from judges import nginx, wire

LEARNING = 20
ATTEMPTS = 8
MOST_REFUSED = 0.06
MARGINS = (0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 0.7)
Pace = Callable[[], Awaitable[Any]]


@frozen
class Result:
    """What one client achieved: the share of the rate it used, refusals per call, and calls that were never answered."""

    share: float
    refused: float
    lost: int


async def _send(http: httpx.AsyncClient, origin: str, pace: Pace, done: list[float], refusals: list[float]) -> None:
    for attempt in range(ATTEMPTS):
        await pace()
        try:
            answer = await http.post(f"{origin}/api/cron.list", data={"token": DEFAULT_TOKEN})
        except httpx.TransportError:
            continue
        if answer.status_code == httpx.codes.OK:
            done.append(time.monotonic())
            return
        refusals.append(time.monotonic())
        await asyncio.sleep(random.uniform(0, 0.1 * 2**attempt))


async def _peer(origin: str, calls: int, rate: float, make: Callable[[float], Pace]) -> Result:
    done: list[float] = []
    refusals: list[float] = []
    pace = make(rate)
    async with httpx.AsyncClient(timeout=60) as http:
        await asyncio.gather(*[_send(http, origin, pace, done, refusals) for _ in range(calls)])
    return _result(done, refusals, calls, rate)


async def _cronapi(origin: str, calls: int, rate: float) -> Result:
    done: list[float] = []
    scheduler = Scheduler(rate)
    retry = RetryPolicy(budget=600)
    async with SetCronJob(DEFAULT_TOKEN, base_url=f"{origin}/api/", scheduler=scheduler, retry=retry) as api:
        learnt: list[int] = []

        async def call() -> None:
            await api.cron.list()
            done.append(time.monotonic())
            if len(done) == LEARNING:
                learnt.append(scheduler.stats.refusals)

        await asyncio.gather(*[call() for _ in range(calls)])
    return _result(done, [float("inf")] * (scheduler.stats.refusals - learnt[0]), calls, rate)


def _result(done: list[float], refusals: list[float], calls: int, rate: float) -> Result:
    done.sort()
    if len(done) <= LEARNING + 1:
        return Result(0.0, len(refusals) / calls, calls - len(done))
    warm = done[LEARNING - 1]
    counted = len(done) - LEARNING
    late = sum(at > warm for at in refusals)
    return Result(counted / rate / (done[-1] - warm), late / counted, calls - len(done))


def _fixed(margin: float) -> Callable[[float], Pace]:
    def make(rate: float) -> Pace:
        lock = asyncio.Lock()
        interval = (1 + margin) / rate
        last = [float("-inf")]

        async def pace() -> None:
            async with lock:
                await asyncio.sleep(max(0.0, last[0] + interval - time.monotonic()))
                last[0] = time.monotonic()

        return pace

    return make


def _nothing(_: float) -> Pace:
    async def pace() -> None:
        return None

    return pace


def _aiolimiter_burst(rate: float) -> Pace:
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 -- peers are optional

    return AsyncLimiter(rate, 1).acquire


def _aiolimiter_spaced(rate: float) -> Pace:
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 -- peers are optional

    return AsyncLimiter(1, 1 / rate).acquire


def _limits(rate: float) -> Pace:
    from limits import RateLimitItemPerSecond  # noqa: PLC0415 -- peers are optional
    from limits.aio.storage import MemoryStorage  # noqa: PLC0415 -- the same
    from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415 -- the same

    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerSecond(int(rate))

    async def pace() -> None:
        while not await limiter.hit(item, "judge"):  # noqa: ASYNC110 -- all that this library offers
            await asyncio.sleep(0.02)

    return pace


def _httpx_limiter(rate: float) -> Pace:
    from httpx_limiter import Rate  # noqa: PLC0415 -- peers are optional
    from httpx_limiter.aiolimiter import AiolimiterAsyncLimiter  # noqa: PLC0415 -- the same

    limiter = AiolimiterAsyncLimiter.create(Rate.create(magnitude=rate))

    async def pace() -> None:
        async with limiter:
            return

    return pace


PEERS: dict[str, tuple[str, Callable[[float], Pace]]] = {
    "httpx with retries": ("httpx", _nothing),
    "aiolimiter(rate, 1)": ("aiolimiter", _aiolimiter_burst),
    "aiolimiter(1, 1/rate)": ("aiolimiter", _aiolimiter_spaced),
    "httpx-limiter": ("httpx-limiter", _httpx_limiter),
    "limits, moving window": ("limits", _limits),
}


def measure(origin: str, calls: int, rate: float) -> dict[str, Result]:
    """Return what each client achieved against the same judge, one after the other."""
    results = {f"fixed +{margin:.0%}": asyncio.run(_peer(origin, calls, rate, _fixed(margin))) for margin in MARGINS}
    good = [result for result in results.values() if result.refused <= MOST_REFUSED]
    results = {"best fixed spacing": max(good, key=lambda result: result.share, default=Result(0.0, 1.0, 0))}
    for name, (_, make) in PEERS.items():
        results[name] = asyncio.run(_peer(origin, calls, rate, make))
    results["cronapi"] = asyncio.run(_cronapi(origin, calls, rate))
    return results


def main() -> None:
    """Measure one wire and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--burst", type=int, default=0)
    parser.add_argument("--wire", type=float, nargs=2, default=(0.0, 0.0), metavar=("MEAN", "JITTER"))
    args = parser.parse_args()
    with ExitStack() as stack:
        service = stack.enter_context(run_in_thread(create_app(rates={"fastcron": None, "setcronjob": None})))
        origin = stack.enter_context(nginx(service, args.rate, args.burst)).origin
        if any(args.wire):
            origin = stack.enter_context(wire(origin, *args.wire))
        results = measure(origin, args.calls, args.rate)
    best = results["best fixed spacing"].share
    mean, jitter = (seconds * 1e3 for seconds in args.wire)
    print(f"{args.rate}/s, burst {args.burst}, wire {mean:g} ms with {jitter:g} ms of jitter, {args.calls} calls\n")
    print("| client | share of the rate | of the best fixed | 503s per call | lost |\n|---|---:|---:|---:|---:|")
    for name, result in results.items():
        known = f" {version(PEERS[name][0])}" if name in PEERS else ""
        print(f"| {name}{known} | {result.share:.2f} | {result.share / best:.2f} | {result.refused:.1%} | {result.lost} |")


if __name__ == "__main__":
    main()
