"""The clients that `benchmarks.pacing` compares: cronapi, fixed spacings and peers.

Peers are used as their own documentation shows. All calls of a client wait at once. A peer makes up
to eight attempts a call, with full jitter in between, as cronapi does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

import httpx
from attrs import Factory, frozen

from cronapi import CronAPIError, RetryPolicy, Scheduler, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN

LEARNING = 20
ATTEMPTS = 8
PATIENCE, GRACE = 3, 10
"""A client has PATIENCE times the ideal time plus GRACE seconds. Calls still open then are lost."""
MARGINS = (0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 0.7)
WIDER = (1.0, 1.4, 2.0)
"""Tried if every margin is refused too often."""
MOST_REFUSED = 0.06
POLL = 0.02
WARMING = 2.0
Pace = Callable[[], Awaitable[Any]]
Make = Callable[[int], Pace]


@frozen
class Result:
    """One client's result after learning: share of the rate, refusals, counted and lost calls."""

    share: float
    refusals: int
    counted: int
    lost: int

    @property
    def refused(self) -> float:
        """Refusals per call."""
        return self.refusals / self.counted


@frozen
class Record:
    """The times of answered calls and of refused attempts, in monotonic seconds."""

    done: list[float] = Factory(list)
    refusals: list[float] = Factory(list)

    def result(self, calls: int, rate: int) -> Result:
        """Return the result. A client that is hardly past learning has used nothing of the rate."""
        counted = len(self.done) - LEARNING
        if counted < 2:
            return Result(0.0, len(self.refusals), calls, calls - len(self.done))
        warm, last = self.done[LEARNING - 1], self.done[-1]
        return Result(
            counted / rate / (last - warm),
            sum(at > warm for at in self.refusals),
            counted,
            calls - len(self.done),
        )


def warm_up() -> None:
    """Load the packages of every client, and take long enough that each process does so."""
    httpx.AsyncClient()
    for package, _ in PEERS.values():
        with contextlib.suppress(ImportError):
            import_module(package.removesuffix("-py").replace("-", "_"))
    time.sleep(WARMING)


def play(name: str, origin: str, rate: int, calls: int) -> Result:
    """Let one client make its calls, on an event loop of its own."""
    return asyncio.run(_play(name, origin, rate, calls))


async def _play(name: str, origin: str, rate: int, calls: int) -> Result:
    record = Record()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE * calls / rate + GRACE):
            if name == CRONAPI:
                await _cronapi(origin, rate, calls, record)
            else:
                await _peer(_pace(name, rate), origin, calls, record)
    return record.result(calls, rate)


async def _cronapi(origin: str, rate: int, calls: int, record: Record) -> None:
    scheduler = Scheduler(rate)
    retry = RetryPolicy(max_attempts=ATTEMPTS, budget=600)

    def count_refusals() -> None:
        record.refusals.extend(
            [time.monotonic()] * (scheduler.stats.refusals - len(record.refusals))
        )

    async def call() -> None:
        with contextlib.suppress(CronAPIError):
            await api.cron.list()
            count_refusals()
            record.done.append(time.monotonic())

    async with SetCronJob(
        DEFAULT_TOKEN, base_url=f"{origin}/api/", scheduler=scheduler, retry=retry
    ) as api:
        try:
            await asyncio.gather(*[call() for _ in range(calls)])
        finally:
            count_refusals()


async def _peer(pace: Pace, origin: str, calls: int, record: Record) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        await asyncio.gather(*[_send(http, origin, pace, record) for _ in range(calls)])


async def _send(http: httpx.AsyncClient, origin: str, pace: Pace, record: Record) -> None:
    for attempt in range(ATTEMPTS):
        await pace()
        try:
            answer = await http.post(f"{origin}/api/cron.list", data={"token": DEFAULT_TOKEN})
        except httpx.TransportError:
            continue
        if answer.status_code == httpx.codes.OK:
            record.done.append(time.monotonic())
            return
        record.refusals.append(time.monotonic())
        await asyncio.sleep(random.uniform(0, 0.1 * 2**attempt))


def _pace(name: str, rate: int) -> Pace:
    return fixed((1 + FIXED[name]) / rate) if name in FIXED else PEERS[name][1](rate)


def fixed(interval: float) -> Pace:
    """Return a pace that starts a request at most every `interval` seconds."""
    lock, last = asyncio.Lock(), float("-inf")

    async def pace() -> None:
        nonlocal last
        async with lock:
            await asyncio.sleep(max(0.0, last + interval - time.monotonic()))
            last = time.monotonic()

    return pace


def _nothing(_: int) -> Pace:
    async def pace() -> None:
        return None

    return pace


def _aiolimiter_burst(rate: int) -> Pace:
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 -- peers are optional

    return AsyncLimiter(rate, 1).acquire


def _aiolimiter_spaced(rate: int) -> Pace:
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 -- peers are optional

    return AsyncLimiter(1, 1 / rate).acquire


def _httpx_limiter(rate: int) -> Pace:
    from httpx_limiter import Rate  # noqa: PLC0415 -- peers are optional
    from httpx_limiter.aiolimiter import AiolimiterAsyncLimiter  # noqa: PLC0415 -- the same

    limiter = AiolimiterAsyncLimiter.create(Rate.create(magnitude=rate))

    async def pace() -> None:
        async with limiter:
            return

    return pace


def _limits(rate: int) -> Pace:
    from limits import RateLimitItemPerSecond  # noqa: PLC0415 -- peers are optional
    from limits.aio.storage import MemoryStorage  # noqa: PLC0415 -- the same
    from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415 -- the same

    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerSecond(rate)

    async def pace() -> None:
        while not await limiter.hit(item, "judge"):  # noqa: ASYNC110 -- all that this library offers
            await asyncio.sleep(POLL)

    return pace


def _pyrate_window(rate: int) -> Pace:
    from pyrate_limiter import BucketAsyncWrapper, Duration, InMemoryBucket, Limiter, Rate  # noqa: PLC0415 -- peers are optional

    limiter = Limiter(BucketAsyncWrapper(InMemoryBucket([Rate(rate, Duration.SECOND)])))
    return lambda: limiter.try_acquire_async("judge")


def _pyrate_smooth(rate: int) -> Pace:
    from pyrate_limiter import BucketAsyncWrapper, Duration, Limiter, Rate, StateBucket, TokenBucket  # noqa: PLC0415 -- peers are optional

    bucket = StateBucket([Rate(rate, Duration.SECOND, burst=1)], algorithm=TokenBucket())
    limiter = Limiter(BucketAsyncWrapper(bucket))
    return lambda: limiter.try_acquire_async("judge")


def _throttled(quota: str) -> Pace:
    from throttled.asyncio import MemoryStore, RateLimiterType, Throttled  # noqa: PLC0415 -- peers are optional

    throttle = Throttled(
        using=RateLimiterType.GCRA.value, quota=quota, store=MemoryStore(), timeout=3600
    )
    return lambda: throttle.limit("judge")


PEERS: dict[str, tuple[str, Make]] = {
    "httpx with retries": ("httpx", _nothing),
    "aiolimiter(rate, 1)": ("aiolimiter", _aiolimiter_burst),
    "aiolimiter(1, 1/rate)": ("aiolimiter", _aiolimiter_spaced),
    "httpx-limiter": ("httpx-limiter", _httpx_limiter),
    "limits, moving window": ("limits", _limits),
    "pyrate-limiter, sliding window": ("pyrate-limiter", _pyrate_window),
    "pyrate-limiter, burst of 1": ("pyrate-limiter", _pyrate_smooth),
    "throttled-py, GCRA": ("throttled-py", lambda rate: _throttled(f"{rate}/s burst {rate}")),
    "throttled-py, burst of 1": ("throttled-py", lambda rate: _throttled(f"{rate}/s burst 1")),
}
FIXED = {f"fixed +{margin:.0%}": margin for margin in (*MARGINS, *WIDER)}
CRONAPI = "cronapi"
LOUD = {"httpx with retries", "limits, moving window"}
"""Peers that send or poll all at once. They play after the others."""


def titled(name: str) -> str:
    """Return the name of a client with its version."""
    if name == CRONAPI:
        return f"{name} {version('cronapi-client')}"
    return f"{name} ({version(PEERS[name][0])})" if name in PEERS else name


def best_fixed(played: dict[str, list[Result]]) -> str | None:
    """Return the fixed spacing that used most of the rate, among those with few refusals."""
    good = {
        name: runs[0].share
        for name, runs in played.items()
        if name in FIXED and runs[0].refused <= MOST_REFUSED
    }
    return max(good, key=lambda name: good[name], default=None)
