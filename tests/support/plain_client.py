"""A measure of how busy the machine is: a plain httpx client with a plain pace behind nginx."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

import httpx
from attrs import frozen

from cronapi.emulator import create_app, run_in_thread
from tests.support.emulated import FAST, TOKEN
from tests.support.judges import Nginx, nginx

SWITCH = 0.0005
"""Seconds for which one thread of this process may keep another waiting."""
LATENESS = 0.02
"""Seconds. A process of a fleet that starts later than that tells the others at once."""


@contextlib.contextmanager
def unlimited_service() -> Iterator[str]:
    """Serve the emulator without a limit of its own, behind which nothing but nginx refuses.

    It works in a thread of this process. By default it could keep the clock of a client beside it
    waiting for five milliseconds, and nginx refuses what is late by less.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        with run_in_thread(create_app(rates=FAST)) as origin:
            yield origin
    finally:
        sys.setswitchinterval(before)


async def plainly(origin: str, interval: float, calls: int) -> None:
    """Let so many coroutines read `interval` seconds apart, and again after a refusal.

    How busy the machine is shows in what becomes of them.
    """
    gate = asyncio.Lock()

    async def call(http: httpx.AsyncClient) -> None:
        while True:
            async with gate:
                await asyncio.sleep(interval)
            answer = await http.post(f"{origin}/api/cron.list", data={"token": TOKEN})
            if answer.status_code == httpx.codes.OK:
                return

    async with httpx.AsyncClient(timeout=60) as http:
        await asyncio.gather(*[call(http) for _ in range(calls)])


@frozen
class Toll:
    """What a busy machine may have cost a fleet. On a quiet one each is nothing.

    `refused` counts requests and `messages` those to the bucket. `rate` is in requests a second,
    and `slowness` is how many times longer the work took, at least 1.
    """

    refused: int
    messages: int
    rate: float
    slowness: float


def toll_of(plain: Nginx, rate: int) -> Toll:
    """Return what the machine has cost a plain client, for a fleet at its side.

    A late start may be refused, or cause a refusal, and is told twice: itself at once, and its
    outcome. In a fleet both the bucket and the request are late.
    """
    late, lost = plain.late(1.1 / rate + LATENESS), max(0.0, 0.9 * rate - plain.rate())
    return Toll(plain.refused() + late, 2 * late, 2 * lost, 1 + lost / plain.rate())


@contextlib.contextmanager
def plain_client(upstream: str, rate: int, calls: int) -> Iterator[Callable[[], Nginx]]:
    """Let a plain client at 0.9 of the pace work beside the block, at an nginx of its own.

    Yield a function that waits for its end, and returns that nginx.
    """
    with nginx(upstream, rate) as judge:
        work = plainly(judge.origin, 1.1 / rate, calls)
        thread = threading.Thread(target=asyncio.run, args=(work,))
        thread.start()

        def ended() -> Nginx:
            thread.join()
            return judge

        try:
            yield ended
        finally:
            ended()
