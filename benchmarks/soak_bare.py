"""The load of `benchmarks.soak` by bare httpx, which neither repeats a request nor looks up a job.

    python -m benchmarks.soak_bare [--seconds 10]

It tells how many calls a second one core has time for. Each answer is parsed as JSON, and faults
are ignored.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import time
from functools import partial

import anyio
import httpx

from benchmarks.soak import (
    ADDED,
    CANCELLED,
    EDITED,
    JOBS,
    LOOPS,
    SEATS,
    TIMEOUT,
    TOKEN,
    WORKERS,
    service,
)


class Load:
    """The calls of one client, which workers make one after the other."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.calls = 0
        self.ids: list[int] = []
        self._random = random.Random(7)
        self._seats = anyio.Semaphore(SEATS)

    async def prepare(self) -> None:
        """Make the jobs that the calls are about."""
        for number in range(JOBS):
            made = await self._post("calm/cron_add", name=f"job {number}")
            self.ids.append(made["data"]["id"])

    async def work(self, end: float) -> None:
        """Make calls until then."""
        while anyio.current_time() < end:
            self.calls += 1
            patience = self._random.random()
            limit = patience * TIMEOUT / 2 if patience < CANCELLED else None
            with contextlib.suppress(httpx.HTTPError, ValueError), anyio.move_on_after(limit):
                await self._call(self.calls)

    async def _call(self, number: int) -> None:
        chance, job = self._random.random(), self._random.choice(self.ids)
        if chance < ADDED:
            await self._post("faulty/cron_add", name=f"new {number}")
        elif chance < EDITED:
            await self._post("faulty/cron_edit", id=job, notifyEvery=number % 9)
        else:
            await self._post("faulty/cron_get", id=job)

    async def _post(self, path: str, **parameters: object) -> dict[str, dict[str, int]]:
        async with self._seats:  # its pool is slow where many wait for a connection
            answer = await self.http.post(path, json={"token": TOKEN, **parameters})
        data: dict[str, dict[str, int]] = json.loads(answer.content)
        return data


async def measure(url: str, seconds: float) -> str:
    """Let the workers work for some seconds, and return the figures as a line."""
    limits = httpx.Limits(max_connections=SEATS, max_keepalive_connections=SEATS)
    client = partial(httpx.AsyncClient, timeout=TIMEOUT, limits=limits, trust_env=False)
    async with client(base_url=url) as http:
        load = Load(http)
        await load.prepare()
        begun, burnt = time.perf_counter(), time.process_time()
        async with anyio.create_task_group() as group:
            for _ in range(WORKERS):
                group.start_soon(load.work, anyio.current_time() + seconds)
        passed, burnt = time.perf_counter() - begun, time.process_time() - burnt
    return f"{load.calls} calls {load.calls / passed:6.0f}/s  {burnt / passed:.2f} of a core"


def main() -> None:
    """Measure on each event loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    for loop in LOOPS:
        with service() as url:
            backend = "trio" if loop == "trio" else "asyncio"
            options = {"use_uvloop": loop == "uvloop"} if backend == "asyncio" else {}
            line = anyio.run(measure, url, seconds, backend=backend, backend_options=options)
            print(f"{loop:<8}{line}", flush=True)


if __name__ == "__main__":
    main()
