"""The limiter beside a real nginx: the same arrivals, and who is refused."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack

import pytest

from cronapi.emulator import Limiter, create_app, run_in_thread
from tests.support.emulated import FAST
from tests.support.judges import NGINX, nginx

pytestmark = [
    pytest.mark.proof,
    pytest.mark.judged,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: the judge is missing"),
    pytest.mark.timeout(180),
]
RATE, BURST, EPISODES, ARRIVALS = 10, 1, 12, 10
INTERVAL = 1 / RATE
KINDS = {
    "slow": lambda draw: 1.15,
    "fast": lambda draw: 0.45,
    "jittered": lambda draw: draw.uniform(0.3, 1.7),
    "random": lambda draw: draw.expovariate(1.2),
    "in pairs": lambda draw: draw.choice((0.05, 1.3)),
}


def plan_of(kind):
    """Return the times of the arrivals, in episodes between which every bucket runs empty."""
    draw, at, times = random.Random(kind), 0.0, []
    for _ in range(EPISODES):
        at += (BURST + 2) * INTERVAL
        for _ in range(ARRIVALS):
            at += KINDS[kind](draw) * INTERVAL
            times.append(at)
    return times


async def arrive(judges, kind, begin):
    """Send each request to all judges at the same moment, without waiting for an answer."""
    loop, tasks = asyncio.get_running_loop(), []

    async def send(judge):
        reader, writer = await asyncio.open_connection("127.0.0.1", judge.port)
        writer.write(b"GET /api/cron.list HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()

    for at in plan_of(kind):
        await asyncio.sleep(max(0.0, begin + at - loop.time()))
        tasks += [asyncio.create_task(send(judge)) for judge in judges]
    await asyncio.gather(*tasks)


def episodes_of(verdicts):
    return [verdicts[begin : begin + ARRIVALS] for begin in range(0, len(verdicts), ARRIVALS)]


def first_disagreements(one, other):
    """Count the episodes in which two judges differ: what follows the first is no news."""
    pairs = zip(episodes_of(one), episodes_of(other), strict=True)
    return sum(mine != theirs for mine, theirs in pairs)


async def test_the_limiter_refuses_whom_nginx_refuses():
    """Of 600 arrivals of five kinds at most one in a hundred is judged otherwise. Two nginx that
    get the same requests differ about as often, since each has milliseconds of its own.
    """
    with ExitStack() as stack:
        upstream = stack.enter_context(run_in_thread(create_app(rates=FAST)))
        judges = {
            kind: [stack.enter_context(nginx(upstream, RATE, BURST)) for _ in "ab"]
            for kind in KINDS
        }
        begin = asyncio.get_running_loop().time() + 0.5
        await asyncio.gather(*(arrive(pair, kind, begin) for kind, pair in judges.items()))
        found = {kind: [judge.arrivals() for judge in pair] for kind, pair in judges.items()}
    ours, theirs, refused = 0, 0, 0
    for one, other in found.values():
        limiter = Limiter(RATE, burst=BURST, method="nginx")
        mine = [limiter.admit("k", round(at - one[0][0], 3)) for at, _ in one]
        verdicts = [accepted for _, accepted in one]
        ours += first_disagreements(mine, verdicts)
        theirs += first_disagreements(verdicts, [accepted for _, accepted in other])
        refused += verdicts.count(False)
    figures = f"{ours} with nginx, {theirs} between two nginx, {refused} refused"
    assert 100 < refused < 500, figures
    assert ours <= 6, figures
