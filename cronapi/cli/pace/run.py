"""The run: coroutines that list jobs until time or calls are up, and somebody who looks on."""

from __future__ import annotations

import signal
from collections.abc import Callable

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from attrs import define, evolve, field, frozen

from cronapi._calls.retry import RetryPolicy
from cronapi.cli.pace.frame import Frame, reached
from cronapi.cli.pace.watch import Fate, Hold, Watch
from cronapi.client import Client
from cronapi.errors import CronAPIError, WaitTooLongError
from cronapi.providers import Provider, Rate
from cronapi.scheduler import Lane, Scheduler

GRACE, GRACE_INTERVALS = 1.5, 10
"""Seconds and intervals after the end: more than the longest hold, so that a call that is refused at the last moment gets its turn."""
PAUSE = 5
"""Intervals between two calls of an interactive caller."""
TIMEOUT = 5.0
RETRY = RetryPolicy(max_delay=2.0)
"""A service on the same machine that does not answer within seconds never will."""

Show = Callable[[Frame], None]


@frozen(kw_only=True)
class Plan:
    """What to do where; `allowed` is the service's limit in requests a second, None where it is unknown."""

    provider: Provider
    token: str = field(repr=False)
    rate: Rate
    allowed: float | None
    calls: int | None
    seconds: float | None
    callers: int
    interactive: int


@frozen
class Outcome:
    """How a run ended: its last frame, and the errors that calls failed with."""

    frame: Frame
    errors: tuple[str, ...]
    stopped: bool
    """Whether a signal ended it."""


@define
class Run:
    """One run under way; `began` is on the clock of `watch`, and `spent` is set once all calls that were asked for are made."""

    plan: Plan
    api: Client
    watch: Watch
    began: float
    spent: anyio.Event = field(factory=anyio.Event)
    scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    made: int = 0
    answered: int = 0
    errors: list[str] = field(factory=list)
    stopped: bool = False

    def left(self) -> float:
        """Return the seconds until no further call is to be made."""
        if self.plan.seconds is None:
            return float("inf")
        return self.began + self.plan.seconds - anyio.current_time()

    def view(self, lane: Lane) -> Client:
        """Return the client for one call, which is repeated a little beyond the end and waits no longer than that."""
        if self.plan.seconds is None:
            return self.api.with_options(lane=lane)
        grace = GRACE + GRACE_INTERVALS * self.plan.rate.interval
        left = max(0.0, self.left())
        return self.api.with_options(
            lane=lane, max_wait=left + 2 * grace, retry=evolve(RETRY, budget=left + grace)
        )

    def admits(self, lane: Lane) -> bool:
        """Whether one more call may be made, which then counts: there is one left, and it would start in time."""
        if self.spent.is_set() or self.api.scheduler.eta(lane) > self.left():
            return False
        self.made += 1
        if self.made == self.plan.calls:
            self.spent.set()
        return True

    def fail(self, error: CronAPIError) -> None:
        """Note that a call failed for good, and end the run."""
        self.errors.append(str(error))
        self.scope.cancel()

    def outcome(self) -> Outcome:
        """Return how it ended."""
        return Outcome(self.frame(), tuple(self.errors), self.stopped)

    def frame(self) -> Frame:
        """Return what is to be seen now."""
        now, stats, tally, rate = (
            anyio.current_time(),
            self.api.scheduler.stats,
            self.watch.tally,
            self.plan.rate,
        )
        spacing = rate.interval * (1 + stats.margin)
        return Frame(
            service=self.plan.provider.name,
            address=self.plan.provider.base_url,
            elapsed=now - self.began,
            seconds=self.plan.seconds,
            calls=self.plan.calls,
            answered=self.answered,
            kept=1 / rate.interval,
            allowed=self.plan.allowed,
            reached=0.0
            if self.watch.first is None
            else reached(tally[Fate.ACCEPTED], now - self.watch.first, spacing),
            started=stats.rate,
            slot=rate.interval,
            margin=stats.margin,
            requests=tally.total(),
            refused=tally[Fate.REFUSED],
            lost=tally[Fate.LOST],
            holds=stats.holds,
            holding=stats.holding,
            interactive=stats.waiting["interactive"],
            bulk=stats.waiting["bulk"],
            in_flight=stats.in_flight,
            eta=self.api.scheduler.eta("bulk"),
            marks=tuple(evolve(mark, at=mark.at - self.began) for mark in self.watch.marks()),
            held=tuple(
                Hold(hold.began - self.began, hold.ended - self.began)
                for hold in self.watch.holds()
            ),
        )


def run(plan: Plan, show: Show, pause: float) -> Outcome:
    """Do what the plan says, and return how it ended; `show` is told every `pause` seconds and at the end what is to be seen.

    Raises ConfigurationError for a rate or a token that cannot be used.
    """
    return anyio.run(_run, plan, show, pause)


async def _run(plan: Plan, show: Show, pause: float) -> Outcome:
    watch = Watch(plan.rate, clock=anyio.current_time)
    api = Client(
        plan.provider,
        plan.token,
        scheduler=Scheduler(plan.rate, bucket=watch),
        retry=RETRY,
        timeout=TIMEOUT,
    )
    async with api:
        under_way = Run(plan, api, watch, anyio.current_time())
        await _work(under_way, show, pause)
    outcome = under_way.outcome()
    show(outcome.frame)
    return outcome


async def _work(run: Run, show: Show, pause: float) -> None:
    """Let all callers call until they are done, one fails or a signal comes, and look on meanwhile."""
    over = anyio.Event()
    async with anyio.create_task_group() as watching:
        watching.start_soon(_watch, run, show, pause, over)
        watching.start_soon(_heed_signals, run)
        with run.scope:
            async with anyio.create_task_group() as callers:
                _start_callers(run, callers)
        over.set()
        watching.cancel_scope.cancel()


def _start_callers(run: Run, callers: TaskGroup) -> None:
    counts: dict[Lane, int] = {"bulk": run.plan.callers, "interactive": run.plan.interactive}
    for lane, count in counts.items():
        for _ in range(count):
            callers.start_soon(_call, run, lane)


async def _watch(run: Run, show: Show, pause: float, over: anyio.Event) -> None:
    while not over.is_set():
        with anyio.move_on_after(pause) as waiting:
            await over.wait()
        if waiting.cancelled_caught:
            # In a thread, since an event loop that draws sends late, and what is sent late is followed too soon.
            await anyio.to_thread.run_sync(show, run.frame())


async def _heed_signals(run: Run) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            run.stopped = True
            run.scope.cancel()


async def _call(run: Run, lane: Lane) -> None:
    """Call again and again in one lane; a call that was never sent until the end costs nothing."""
    while run.admits(lane):
        try:
            await run.view(lane).cron.list()
        except CronAPIError as error:
            if not isinstance(error, WaitTooLongError) or error.attempts:
                run.fail(error)
            return
        run.answered += 1
        if lane == "interactive":
            await _pause(run)


async def _pause(run: Run) -> None:
    with anyio.move_on_after(min(PAUSE * run.plan.rate.interval, run.left())):
        await run.spent.wait()
