"""The disturbances of `benchmarks.recovery`: each strikes in the middle of the work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from benchmarks.recovery_figures import LEARNING, RATE, Figure, after, lost_of, pace, until, warm
from cronapi.emulator import create_app, run_in_thread
from tests.support.judges import Trip, another_program, hold, most_at_once, nginx, wire

OUTAGE, AWAY, SHARED = 10.0, 2.0, 20.0
AT_ONCE, LEAST = 30, 0.9
Disturbance = Callable[[str], Awaitable[list[Figure]]]


async def _shared(service: str, way: float, jitter: float) -> list[Figure]:
    with nginx(service, RATE) as judge, ExitStack() as stack:
        ours = stack.enter_context(wire(judge.origin, way, jitter)) if way else judge.origin
        working = asyncio.ensure_future(lost_of(ours, 400))
        await until(lambda: len(judge.accepted()) >= 5 * LEARNING)
        begun = time.time()
        theirs = await another_program(judge.origin, 2 / RATE, SHARED)
        ended = time.time()
        lost, accepted = await working, judge.accepted()
        usual = _rate(accepted, accepted[LEARNING], begun)
        begun += AT_ONCE / RATE
        speed = _rate(accepted, ended + AT_ONCE / 3 / RATE, ended + AT_ONCE / RATE) / usual
        theirs_rate = theirs / SHARED
        return [
            lost,
            Figure(
                "share of what is free, ours from the 30th interval on",
                (_rate(accepted, begun, ended) - theirs_rate) / (RATE / 2),
                least=LEAST,
                form=".2f",
            ),
            Figure("share of the rate, theirs", theirs_rate / RATE, form=".2f"),
            Figure(
                "share of the usual speed, ours 10 to 30 intervals after",
                speed,
                least=LEAST,
                form=".2f",
            ),
        ]


def _rate(accepted: list[float], since: float, until: float) -> float:
    """Return the accepted requests a second in a span."""
    return sum(since < at <= until for at in accepted) / (until - since)


async def shared_rate(service: str) -> list[Figure]:
    """Another program takes half the rate for 20 s."""
    return await _shared(service, 0.0, 0.0)


async def shared_over_jitter(service: str) -> list[Figure]:
    """The same over a wire of 15 ms with 10 ms of jitter."""
    return await _shared(service, 0.015, 0.01)


async def shared_far_away(service: str) -> list[Figure]:
    """The same over a wire of 100 ms with 10 ms of jitter."""
    return await _shared(service, 0.1, 0.01)


async def _outage(service: str, way: float) -> list[Figure]:
    trips: list[Trip] = []
    with nginx(service, RATE) as judge, wire(judge.origin, way, 0, trips=trips) as origin:
        working = asyncio.ensure_future(lost_of(origin, 90))
        await warm(judge)
        since, begun = time.monotonic(), time.time()
        with judge.outage():
            await asyncio.sleep(OUTAGE)
            known = len(judge.statuses())
            await until(lambda: len(judge.statuses()) > known)
        ended = time.time()
        figures = [await working, *after(judge.accepted(), begun, ended)]
    probes = hold(trips, since, 1 / RATE)
    return [
        *figures,
        Figure("probes", len(probes)),
        Figure("probes in flight at once", most_at_once(probes), most=1),
    ]


async def outage_nearby(service: str) -> list[Figure]:
    """An outage of 10 s at the end of a wire of 40 ms."""
    return await _outage(service, 0.04)


async def outage_far_away(service: str) -> list[Figure]:
    """An outage of 10 s at the end of a wire of 100 ms."""
    return await _outage(service, 0.1)


async def restart(service: str) -> list[Figure]:
    """Nginx is away for 2 s."""
    with nginx(service, RATE) as judge:
        working = asyncio.ensure_future(lost_of(judge.origin, 90))
        await warm(judge)
        begun = time.time()
        judge.stop()
        await asyncio.sleep(AWAY)
        judge.start()
        ended = time.time()
        return [await working, *after(judge.accepted(), begun, ended)]


async def wrong_rate(service: str) -> list[Figure]:
    """The client is told twice the allowed rate."""
    with nginx(service, RATE) as judge:
        lost = await lost_of(judge.origin, 100, RATE * 2)
        return [lost, *pace(judge.accepted(), len(judge.statuses()))]


async def _window(method: str) -> list[Figure]:
    app = create_app(limiter=method, rates={"setcronjob": RATE})
    with run_in_thread(app) as origin:
        lost = await lost_of(origin, 100)
    limiter = app.emulator.limiters["setcronjob"]
    return [lost, *pace(limiter.accepted_ticks(), len(limiter.arrivals))]


async def sliding_window(_: str) -> list[Figure]:
    """The service counts by a sliding window."""
    return await _window("sliding")


async def fixed_window(_: str) -> list[Figure]:
    """The service counts by a fixed window."""
    return await _window("fixed")


DISTURBANCES: tuple[Disturbance, ...] = (
    shared_rate,
    shared_over_jitter,
    shared_far_away,
    outage_nearby,
    outage_far_away,
    restart,
    wrong_rate,
    sliding_window,
    fixed_window,
)
