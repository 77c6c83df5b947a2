"""What a receiver of notifications costs beside a bare handler, and what its time tells.

    python -m benchmarks.hooks [--posts 3000] [--pairs 10000] [--write]

Posts of 10 kB go over loopback to two ASGI apps in one process, in turns: a receiver, and a handler
that only parses JSON. The answer of a receiver to a wrong secret is timed in pairs: one has the
right secret but for its last character, the other differs in its first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import statistics
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from benchmarks import results
from cronapi.emulator import serve
from cronapi.webhooks import Receiver

SECRET = "the-secret-of-the-benchmark-0123456789"  # noqa: S105 -- opens nothing else
BYTES = 10_000
AIM = 5.0
"""Milliseconds in which 99 of 100 posts are answered."""

Event = MutableMapping[str, Any]


async def bare(
    _: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]
) -> None:
    """Answer 204 to anything that is JSON."""
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    json.loads(body)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def handle(_: object) -> None:
    """Do nothing with a notification."""


async def milliseconds(browser: httpx.AsyncClient, path: str, body: bytes, status: int) -> float:
    """Return the time that an answer takes."""
    begin = time.perf_counter()
    answer = await browser.post(path, content=body)
    taken = 1000 * (time.perf_counter() - begin)
    if answer.status_code != status:
        raise RuntimeError(f"HTTP {answer.status_code} instead of {status}")
    return taken


async def beside(posts: int, receiver: Receiver) -> dict[str, list[float]]:
    """Return the times of both apps, sorted."""
    times: dict[str, list[float]] = {"bare handler": [], "receiver": []}
    async with (
        serve(bare) as one,
        serve(receiver.asgi()) as other,
        httpx.AsyncClient(base_url=one) as first,
        httpx.AsyncClient(base_url=other) as second,
    ):
        for number in range(posts):
            told = {"id": number, "time": int(time.time()), "status": 1, "output": "x" * BYTES}
            body = json.dumps(told).encode()
            for name, browser in (("bare handler", first), ("receiver", second)):
                times[name].append(await milliseconds(browser, f"/{SECRET}", body, 204))
        await receiver.aclose()
    return {name: sorted(taken) for name, taken in times.items()}


async def order(pairs: int, receiver: Receiver) -> tuple[int, int]:
    """Return how often the guess with a right beginning took longer, and how often less long."""
    guesses = SECRET[:-1] + "!", "!" + SECRET[1:]
    slower = faster = 0
    # Turn by turn, the collector would strike one of them more often, and so look like a leak.
    draw = random.Random(7)
    transport = httpx.ASGITransport(receiver.asgi())
    async with httpx.AsyncClient(transport=transport, base_url="http://hook") as browser:
        for _ in range(pairs):
            turn = guesses if draw.random() < 0.5 else guesses[::-1]
            taken = {guess: await milliseconds(browser, f"/{guess}", b"", 404) for guess in turn}
            slower += taken[guesses[0]] > taken[guesses[1]]
            faster += taken[guesses[0]] < taken[guesses[1]]
    return slower, faster


def at(times: list[float], share: float) -> float:
    """Return the time within which a share of the posts was answered."""
    return times[min(int(len(times) * share), len(times) - 1)]


def report(times: dict[str, list[float]], slower: int, faster: int) -> str:
    """Return the section of the results."""
    deviations = abs(slower - faster) / math.sqrt(slower + faster)
    rows = [
        f"| {name} | {statistics.median(taken):.2f} | {at(taken, 0.99):.2f} |"
        for name, taken in times.items()
    ]
    return "\n".join(
        [
            f"Posts of 10 kB over loopback, {len(times['receiver'])} to each app in turns. Aim: at",
            f"most {AIM:g} ms for 99 of 100.",
            "",
            "    python -m benchmarks.hooks --write",
            "",
            "| app | median, ms | 99 of 100, ms |",
            "|---|---:|---:|",
            *rows,
            "",
            f"Of {slower + faster} pairs of wrong secrets, the one with a right beginning took",
            f"longer in {slower} and less long in {faster}: {deviations:.2f} standard deviations",
            "from even. Aim: at most 3.",
            "",
            results.footing("httpx", "uvicorn"),
        ]
    )


async def measure(posts: int, pairs: int) -> str:
    """Measure, and return the section of the results."""
    receiver = Receiver(secrets=[SECRET], handler=handle)
    slower, faster = await order(pairs, receiver)
    return report(await beside(posts, receiver), slower, faster)


def main() -> None:
    """Measure, print and perhaps write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--posts", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = asyncio.run(measure(options.posts, options.pairs))
    print(text)
    if options.write:
        results.write("A receiver of notifications", text)


if __name__ == "__main__":
    main()
