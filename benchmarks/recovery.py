"""The cost of disturbances, judged by real nginx at 10/s without a burst.

    python -m benchmarks.recovery [--runs 3] [--only outage] [--write]

The disturbances are an outage, a restart, another program, a wrong rate, and services that count by
windows. Each strikes in the middle of the work of many coroutines. Figures in intervals count from
its end. An outage ends at the worst moment: right after a refused probe. "Steady" is the first
accepted request from which on five gaps in a row are at most 10 % longer than the usual one, the
median before the disturbance. Requests in flight are counted at the wire, which delays each way:
over 40 ms an answer is there before the next request is due, over 100 ms two requests are usually
on their way. Another program takes every second start of the rate and insists on it, so half of the
rate is free beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from attrs import frozen

from cronapi import Scheduler, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN, create_app, run_in_thread
from tests.support.judges import Nginx, Trip, another_program, hold, most_at_once, nginx, wire

RATE = 10
LEARNING = 20
STEADY, TOLERANCE = 5, 1.1
MOST_INTERVALS = 10.0
OUTAGE, AWAY, SHARED = 10.0, 2.0, 20.0
AT_ONCE, LEAST = 30, 0.9


@frozen
class Figure:
    """One figure of one disturbance, with the bounds of its aim if it has one."""

    what: str
    value: float
    least: float = -math.inf
    most: float = math.inf
    form: str = ".0f"

    @property
    def reached(self) -> bool:
        """True if the bounds are kept."""
        return self.least <= self.value <= self.most

    @property
    def aim(self) -> str:
        """The bounds in words."""
        bounds = (("at least ", self.least), ("at most ", self.most))
        return (
            " and ".join(
                f"{word}{bound:{self.form}}" for word, bound in bounds if math.isfinite(bound)
            )
            or "-"
        )


Disturbance = Callable[[str], Awaitable[list[Figure]]]


# --- the work and what it shows ---


async def lost_of(origin: str, calls: int, rate: float = RATE) -> Figure:
    """Let many coroutines read with the library's defaults, and count the unanswered calls."""
    async with SetCronJob(
        DEFAULT_TOKEN, base_url=f"{origin}/api/", scheduler=Scheduler(rate)
    ) as api:
        answers = await asyncio.gather(
            *[api.cron.list() for _ in range(calls)], return_exceptions=True
        )
    return Figure(
        "calls lost", sum(isinstance(answer, BaseException) for answer in answers), most=0
    )


async def until(happened: Callable[[], bool]) -> None:
    """Poll every few milliseconds until something has happened."""
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 -- what nginx has logged can only be asked for
            await asyncio.sleep(0.01)


async def warm(judge: Nginx) -> None:
    """Wait until the client has learnt and has then shown its usual spacing."""
    await until(lambda: len(judge.accepted()) >= 2 * LEARNING)


def pace(accepted: list[float], requests: int) -> list[Figure]:
    """Return the share of the rate from the first to the last accepted request, and the refused."""
    share = (len(accepted) - 1) / (accepted[-1] - accepted[0]) / RATE
    return [
        Figure("share of the rate", share, form=".2f"),
        Figure("refused", 1 - len(accepted) / requests, form=".1%"),
    ]


def steady(accepted: list[float], begun: float, ended: float) -> float:
    """Return the intervals from the end of a disturbance to usual gaps again."""
    before = [at for at in accepted if at < begun][LEARNING:]
    usual = statistics.median(later - earlier for earlier, later in itertools.pairwise(before))
    after = [at for at in accepted if at >= ended]
    gaps = [later - earlier for earlier, later in itertools.pairwise(after)]
    steadily = (
        at
        for place, at in enumerate(after[:-STEADY])
        if max(gaps[place : place + STEADY]) <= usual * TOLERANCE
    )
    return (next(steadily, math.inf) - ended) * RATE


def first(accepted: list[float], ended: float) -> float:
    """Return the intervals from the end of a disturbance to the first accepted request."""
    return (next((at for at in accepted if at >= ended), math.inf) - ended) * RATE


def after(accepted: list[float], begun: float, ended: float) -> list[Figure]:
    """Return the figures of the recovery after a disturbance."""
    return [
        Figure("first accepted after, intervals", first(accepted, ended), form=".1f"),
        Figure(
            "steady after, intervals",
            steady(accepted, begun, ended),
            most=MOST_INTERVALS,
            form=".1f",
        ),
    ]


# --- disturbances ---


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


# --- the table ---


def rows(disturbance: Disturbance, runs: list[list[Figure]]) -> list[str]:
    """Return the table rows of a disturbance; an aim is reached only if every run reached it."""
    lines = []
    for figures in zip(*runs, strict=True):
        values = " / ".join(f"{figure.value:{figure.form}}" for figure in figures)
        reached = (
            "-"
            if figures[0].aim == "-"
            else ("reached" if all(figure.reached for figure in figures) else "missed")
        )
        title, one = str(disturbance.__doc__).rstrip("."), figures[0]
        lines.append(f"| {title} | {one.what} | {values} | {one.aim} | {reached} |")
    return lines


def measure(runs: int, only: str = "") -> str:
    """Return the table of the disturbances with `only` in their name, measured in turn."""
    lines = ["| disturbance | figure | runs | aim | |", "|---|---|---:|---|---|"]
    with run_in_thread(create_app(rates={"fastcron": None, "setcronjob": None})) as service:
        for disturbance in DISTURBANCES:
            if only in disturbance.__name__:
                lines += rows(disturbance, [asyncio.run(disturbance(service)) for _ in range(runs)])
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    table = measure(args.runs, args.only)
    print(table)
    if args.write:
        from benchmarks import results  # noqa: PLC0415 -- only for writing

        results.write(
            "Recovery", f"{str(__doc__).strip()}\n\n{table}\n\n{results.footing('httpx')}"
        )


if __name__ == "__main__":
    main()
