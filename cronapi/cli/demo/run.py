"""The demo's run: both services at once, from the first call to the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import anyio
from attrs import define, evolve, field, frozen

from cronapi.cli.demo.ledger import Ledger, settle, state_of
from cronapi.cli.demo.report import Report, traffic
from cronapi.cli.demo.work import ROLES, Crew, Desk, browse, work
from cronapi.client import Client
from cronapi.emulator import App, Emulator, create_app, run_in_thread
from cronapi.providers import FASTCRON, SETCRONJOB, Provider, Rate

TOKEN = "demo-token-0123456789abcdef"  # noqa: S105 -- opens nothing but the demo's own emulator
PATHS = {"setcronjob": "/api/", "fastcron": "/api/v1/"}


@frozen
class Plan:
    """What to do at one service: `crews` of five coroutines, and a web caller.

    The web caller asks `every` so many seconds and is willing to wait `patience` seconds.
    """

    provider: Provider
    crews: int
    every: float
    patience: float

    @property
    def coroutines(self) -> int:
        """How many coroutines work at once."""
        return self.crews * len(ROLES[self.provider.name])

    @property
    def calls(self) -> int:
        """How many calls the coroutines make, the web caller's left out."""
        return self.crews * sum(role.calls for role in ROLES[self.provider.name])

    def faster(self, times: float) -> Plan:
        """Return the same work at a service that allows so many times its rate."""
        rate = Rate(self.provider.rate.limit * times, self.provider.rate.per)
        return Plan(
            evolve(self.provider, rate=rate), self.crews, self.every / times, self.patience / times
        )


PLANS = (
    Plan(SETCRONJOB, crews=20, every=1.0, patience=0.5),
    Plan(FASTCRON, crews=4, every=5.4, patience=0.8),
)
"""About 42 seconds of work at each service."""


@frozen
class Snapshot:
    """How far one service is: `rate` as the service counts it, in requests a second; `left` is in seconds."""

    name: str
    done: int
    total: int
    rate: float
    allowed: float
    waiting: int
    refused: int
    left: float


@define
class Site:
    """One service while the demo works at it; `began` and `ended` are ticks of the emulator's clock."""

    plan: Plan
    api: Client
    emulator: Emulator
    began: float
    ended: float = float("inf")
    ledger: Ledger = field(factory=Ledger)

    async def run(self) -> None:
        """Do all the work, with a web caller beside it that ends with it."""
        over = anyio.Event()
        web = Desk(
            self.api.with_options(lane="interactive", max_wait=self.plan.patience), self.ledger
        )
        async with anyio.create_task_group() as callers:
            callers.start_soon(browse, web, self.plan.every, over)
            await self._work(Desk(self.api.with_options(lane="bulk"), self.ledger))
            self.ended = self.emulator.clock.ticks()
            over.set()

    async def _work(self, desk: Desk) -> None:
        async with anyio.create_task_group() as coroutines:
            for number in range(1, self.plan.crews + 1):
                crew = Crew(f"crew {number}")
                for role in ROLES[self.plan.provider.name]:
                    coroutines.start_soon(work, role, desk, crew)

    def snapshot(self) -> Snapshot:
        """Return how far it is."""
        limiter = self.emulator.limiters[self.plan.provider.name]
        elapsed = min(self.emulator.clock.ticks(), self.ended) - self.began
        done, total = self.ledger.calls, self.plan.calls + len(self.ledger.waits)
        return Snapshot(
            name=self.plan.provider.name,
            done=done,
            total=total,
            rate=limiter.accepted / elapsed if elapsed else 0.0,
            allowed=self.plan.provider.rate.limit,
            waiting=sum(self.api.scheduler.stats.waiting.values()),
            refused=limiter.refused,
            left=elapsed * (total - done) / done
            if done
            else total * self.plan.provider.rate.interval,
        )

    def report(self) -> Report:
        """Return the verdict; ask when all is over."""
        name = self.plan.provider.name
        jobs = self.emulator.jobs(name)
        balance = settle(
            self.ledger, state_of(jobs, self.emulator.groups(name)), self.emulator.created(name)
        )
        return Report(
            name=name,
            coroutines=self.plan.coroutines,
            calls=self.ledger.calls,
            jobs=len(jobs),
            traffic=traffic(self.emulator.limiters[name].arrivals, self.began, self.ended),
            allowed=self.plan.provider.rate.limit,
            lost=balance.lost,
            duplicated=balance.duplicated,
            waits=tuple(self.ledger.waits),
            told_off=self.ledger.told_off,
            errors=tuple(self.ledger.errors),
        )


Show = Callable[[Sequence[Snapshot]], None]


def emulate(plans: Sequence[Plan]) -> App:
    """Return the services that the plans want, with their limits."""
    return create_app(
        tokens=(TOKEN,), rates={plan.provider.name: plan.provider.rate.limit for plan in plans}
    )


def run(app: App, plans: Sequence[Plan], show: Show, pause: float) -> list[Report]:
    """Do what the plans say at `app`, on a socket, and return the verdicts; `show` is told every `pause` seconds how far it is."""
    with run_in_thread(app) as origin:
        return anyio.run(_run, origin, app.emulator, plans, show, pause)


async def _run(
    origin: str, emulator: Emulator, plans: Sequence[Plan], show: Show, pause: float
) -> list[Report]:
    async with AsyncExitStack() as clients:
        apis = [await clients.enter_async_context(_client(plan, origin)) for plan in plans]
        sites = [
            Site(plan, api, emulator, emulator.clock.ticks())
            for plan, api in zip(plans, apis, strict=True)
        ]
        await _work(sites, show, pause)
        return [site.report() for site in sites]


def _client(plan: Plan, origin: str) -> Client:
    return Client(plan.provider, TOKEN, base_url=origin + PATHS[plan.provider.name])


async def _work(sites: Sequence[Site], show: Show, pause: float) -> None:
    over = anyio.Event()
    async with anyio.create_task_group() as watching:
        watching.start_soon(_watch, sites, show, pause, over)
        async with anyio.create_task_group() as services:
            for site in sites:
                services.start_soon(site.run)
        over.set()


async def _watch(sites: Sequence[Site], show: Show, pause: float, over: anyio.Event) -> None:
    while not over.is_set():
        with anyio.move_on_after(pause):
            await over.wait()
        show([site.snapshot() for site in sites])
