"""The demo's run: both services at once, from the first call to the reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import anyio
from attrs import define, evolve, field, frozen

from cronapi.cli.demo.callers import browse, work
from cronapi.cli.demo.ledger import Ledger, compare, stored_facts
from cronapi.cli.demo.recording import RecordingClient
from cronapi.cli.demo.report import ServiceReport, traffic
from cronapi.cli.demo.roles import ROLES, Crew
from cronapi.cli.local import at_emulator
from cronapi.cli.signals import run_on_loop
from cronapi.client import Client
from cronapi.emulator import App, Emulator, create_app, run_in_thread
from cronapi.providers import FASTCRON, SETCRONJOB, Provider, Rate

TOKEN = "demo-token-0123456789abcdef"  # noqa: S105 -- opens nothing but the demo's own emulator


@frozen
class ServicePlan:
    """The work at one service: `crews` of five coroutines, and a web caller.

    The web caller makes a call every `every` seconds and accepts a wait of `patience` seconds.
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
        """How many calls the coroutines make, without the web caller's."""
        return self.crews * sum(role.calls for role in ROLES[self.provider.name])

    def faster(self, times: float) -> ServicePlan:
        """Return the same work at a service that allows `times` its rate."""
        rate = Rate(self.provider.rate.limit * times, self.provider.rate.per)
        provider = evolve(self.provider, rate=rate)
        return ServicePlan(provider, self.crews, self.every / times, self.patience / times)


PLANS = (
    ServicePlan(SETCRONJOB, crews=20, every=1.0, patience=0.5),
    ServicePlan(FASTCRON, crews=4, every=5.4, patience=0.8),
)
"""About 42 seconds of work at each service."""


@frozen
class Snapshot:
    """The progress at one service.

    `rate` is in requests a second, as the service counts them, and `left` is in seconds.
    """

    name: str
    done: int
    total: int
    rate: float
    allowed: float
    waiting: int
    refused: int
    left: float


@define
class ServiceRun:
    """The work at one service.

    `began` and `ended` are ticks of the emulator's clock.
    """

    plan: ServicePlan
    api: Client
    emulator: Emulator
    began: float
    ended: float = float("inf")
    ledger: Ledger = field(factory=Ledger)

    async def run(self) -> None:
        """Do all the work, with a web caller beside it that ends with it."""
        over = anyio.Event()
        web = self.api.with_options(lane="interactive", max_wait=self.plan.patience)
        bulk = self.api.with_options(lane="bulk")
        async with anyio.create_task_group() as callers:
            callers.start_soon(browse, RecordingClient(web, self.ledger), self.plan.every, over)
            await self._work(RecordingClient(bulk, self.ledger))
            self.ended = self.emulator.clock.ticks()
            over.set()

    async def _work(self, client: RecordingClient) -> None:
        async with anyio.create_task_group() as coroutines:
            for number in range(1, self.plan.crews + 1):
                crew = Crew(f"crew {number}")
                for role in ROLES[self.plan.provider.name]:
                    coroutines.start_soon(work, role, client, crew)

    def snapshot(self) -> Snapshot:
        """Return the progress so far."""
        limiter = self.emulator.limiters[self.plan.provider.name]
        elapsed = min(self.emulator.clock.ticks(), self.ended) - self.began
        done, total = self.ledger.calls, self.plan.calls + len(self.ledger.waits)
        interval = self.plan.provider.rate.interval
        return Snapshot(
            name=self.plan.provider.name,
            done=done,
            total=total,
            rate=limiter.accepted / elapsed if elapsed else 0.0,
            allowed=self.plan.provider.rate.limit,
            waiting=sum(self.api.scheduler.stats.waiting.values()),
            refused=limiter.refused,
            left=elapsed * (total - done) / done if done else total * interval,
        )

    def report(self) -> ServiceReport:
        """Return the result, once all work is done."""
        name = self.plan.provider.name
        jobs = self.emulator.jobs(name)
        stored = stored_facts(jobs, self.emulator.groups(name))
        balance = compare(self.ledger, stored, self.emulator.created(name))
        return ServiceReport(
            name=name,
            coroutines=self.plan.coroutines,
            calls=self.ledger.calls,
            jobs=len(jobs),
            traffic=traffic(self.emulator.limiters[name].arrivals, self.began, self.ended),
            allowed=self.plan.provider.rate.limit,
            lost=balance.lost,
            duplicated=balance.duplicated,
            waits=tuple(self.ledger.waits),
            turned_away=self.ledger.turned_away,
            errors=tuple(self.ledger.errors),
        )


Show = Callable[[Sequence[Snapshot]], None]


def emulate(plans: Sequence[ServicePlan]) -> App:
    """Return an emulator of the plans' services, with their limits."""
    return create_app(
        tokens=(TOKEN,), rates={plan.provider.name: plan.provider.rate.limit for plan in plans}
    )


def run(app: App, plans: Sequence[ServicePlan], show: Show, pause: float) -> list[ServiceReport]:
    """Do the work of the plans at `app`, on a socket, and return the reports.

    `show` gets the progress every `pause` seconds.
    """
    with run_in_thread(app) as origin:
        return run_on_loop(_run, origin, app.emulator, plans, show, pause)


async def _run(
    origin: str, emulator: Emulator, plans: Sequence[ServicePlan], show: Show, pause: float
) -> list[ServiceReport]:
    async with AsyncExitStack() as clients:
        apis = [
            await clients.enter_async_context(Client(at_emulator(plan.provider, origin), TOKEN))
            for plan in plans
        ]
        runs = [
            ServiceRun(plan, api, emulator, emulator.clock.ticks())
            for plan, api in zip(plans, apis, strict=True)
        ]
        await _work(runs, show, pause)
        return [run.report() for run in runs]


async def _work(runs: Sequence[ServiceRun], show: Show, pause: float) -> None:
    over = anyio.Event()
    async with anyio.create_task_group() as watching:
        watching.start_soon(_watch, runs, show, pause, over)
        async with anyio.create_task_group() as services:
            for run in runs:
                services.start_soon(run.run)
        over.set()


async def _watch(runs: Sequence[ServiceRun], show: Show, pause: float, over: anyio.Event) -> None:
    while not over.is_set():
        with anyio.move_on_after(pause):
            await over.wait()
        show([run.snapshot() for run in runs])
