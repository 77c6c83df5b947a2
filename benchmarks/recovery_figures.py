"""The work of many coroutines at a judge, and the figures of how it got over a disturbance."""

from __future__ import annotations

import asyncio
import itertools
import math
import statistics
from collections.abc import Callable

from attrs import frozen

from cronapi import Scheduler, SetCronJob
from cronapi.emulator import DEFAULT_TOKEN
from tests.support.judges import Nginx

RATE = 10
LEARNING = 20
STEADY, TOLERANCE = 5, 1.1
MOST_INTERVALS = 10.0


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
