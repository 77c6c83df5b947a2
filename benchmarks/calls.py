"""The processor time of a call, beside the same request by bare httpx.

    python -m benchmarks.calls [--rounds 200] [--write]

All sides send through an `httpx.MockTransport`, at a rate that keeps nobody waiting. A job has the
eleven members of the services' own sample. Bare httpx posts the parameters as JSON, and reads the
JSON of the answer. A round makes a call ten times, one after the other, or 2,000 times at once. The
sides take turns in one process, and the cheapest round of each counts. What a round leaves to the
garbage collector is collected before the next one begins, which would pay for it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx
from attrs import frozen

from benchmarks import results
from benchmarks.structure import sample_page
from cronapi import FastCron, Scheduler
from cronapi.providers import FASTCRON

TITLE = "A call beside bare httpx"
ROUNDS, ALONE, AT_ONCE, PAGE = 200, 10, 2_000, 1_000
MOST, MOST_SHARED = 1.7, 1.3
TOKEN, UNHINDERED = "a-token", 1e9  # the token opens nothing
JOB = json.dumps(sample_page(1)[0] | {"id": "NUMBER"}).replace('"NUMBER"', "%d")

Call = Callable[[int], Awaitable[object]]
Measure = Callable[[Call], Awaitable[float]]


# --- the service ---


def service() -> Callable[[httpx.Request], httpx.Response]:
    """Return a handler that answers at once, and numbers the jobs that it makes."""
    new = itertools.count(AT_ONCE)
    pages = [_jobs(range(start, start + PAGE)) for start in range(0, AT_ONCE, PAGE)]

    def data(function: str, sent: dict[str, Any]) -> str:
        if function == "cron_get":
            return JOB % sent["id"]
        if function == "cron_add":
            return JOB % next(new)
        if function == "cron_list":
            return pages[sent["page"] - 1]
        return _jobs(itertools.islice(new, len(sent["data"])))

    def handle(request: httpx.Request) -> httpx.Response:
        answer = data(request.url.path.rpartition("/")[2], json.loads(request.content))
        content = b'{"status": "success", "code": 0, "data": %b}' % answer.encode()
        return httpx.Response(200, content=content, headers={"Content-Type": "application/json"})

    return handle


def _jobs(numbers: Iterable[int]) -> str:
    return f"[{', '.join(JOB % number for number in numbers)}]"


# --- the calls ---


@frozen
class Sides:
    """A call as each side makes it: by httpx, by a client, and by one that shares requests."""

    httpx: Call
    cronapi: Call
    coalesced: Call


def bare(client: httpx.AsyncClient, function: str, params: Callable[[int], Any]) -> Call:
    """Return a request by httpx alone."""
    url = FASTCRON.base_url + FASTCRON.spell(function)

    async def call(number: int) -> object:
        body = {"token": TOKEN, **params(number)}
        return (await client.post(url, json=body)).json()["data"]

    return call


def new_job(number: int) -> Any:
    """Return the parameters of a job with a name of its own."""
    url = "https://example.com/report"
    return {"name": f"report {number}", "url": url, "expression": "*/5 * * * *"}


def methods(client: httpx.AsyncClient, api: FastCron, sharing: FastCron) -> dict[str, Sides]:
    """Return the calls that are measured, by their methods."""
    return {
        "get": Sides(
            bare(client, "cron.get", lambda number: {"id": number}),
            api.cron.get,
            sharing.cron.get,
        ),
        "add": Sides(
            bare(client, "cron.add", new_job),
            lambda number: api.cron.add(**new_job(number)),
            lambda number: sharing.cron.add(**new_job(number)),
        ),
    }


# --- the rounds ---


async def alone(call: Call) -> float:
    """Return the processor time of a call, in seconds, when each ends before the next begins."""
    gc.collect(0)
    begun = time.process_time()
    for number in range(ALONE):
        await call(number)
    return (time.process_time() - begun) / ALONE


async def at_once(call: Call) -> float:
    """Return the processor time of a call, in seconds, when all are made together."""
    gc.collect(0)
    begun = time.process_time()
    await asyncio.gather(*map(call, range(AT_ONCE)))
    return (time.process_time() - begun) / AT_ONCE


WAYS: dict[str, tuple[Measure, int]] = {"alone": (alone, 1), f"{AT_ONCE:,} at once": (at_once, 20)}
"""Each way to make calls, and the rounds of the others to one of it."""


async def cheapest(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a call by each side, in the cheapest round, by method and way."""
    transport = httpx.MockTransport(service())
    best: dict[str, list[float]] = {}
    async with (
        httpx.AsyncClient(transport=transport) as client,
        FastCron(TOKEN, scheduler=Scheduler(UNHINDERED), transport=transport) as api,
        FastCron(
            TOKEN, scheduler=Scheduler(UNHINDERED), transport=transport, coalesce=True
        ) as sharing,
    ):
        cells = [
            (f"{method}, {way}", sides, measure, every)
            for method, sides in methods(client, api, sharing).items()
            for way, (measure, every) in WAYS.items()
        ]
        for turn in range(rounds):
            for cell, sides, measure, _ in (one for one in cells if turn % one[-1] == 0):
                took = [
                    await measure(call) for call in (sides.httpx, sides.cronapi, sides.coalesced)
                ]
                best[cell] = list(map(min, best.get(cell, took), took))
    return best


# --- the table ---


def table(best: dict[str, list[float]]) -> str:
    """Return the times and their ratios as a Markdown table."""
    lines = [
        "| call | httpx, us | cronapi, us | ratio | `coalesce=True`, us | to cronapi's |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for cell, (floor, own, shared) in best.items():
        micros = f"{floor * 1e6:.0f} | {own * 1e6:.0f} | {own / floor:.2f} | {shared * 1e6:.0f}"
        lines.append(f"| {cell} | {micros} | {shared / own:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    aims = f"Aims: at most {MOST} times httpx, and {MOST_SHARED} times that with `coalesce=True`."
    text = f"{table(asyncio.run(cheapest(args.rounds)))}\n\n{aims}"
    print(text)
    if args.write:
        footing = results.footing("httpx", "anyio", "attrs", "cattrs")
        results.write(TITLE, f"{str(__doc__).strip()}\n\n{text}\n\n{footing}")


if __name__ == "__main__":
    main()
