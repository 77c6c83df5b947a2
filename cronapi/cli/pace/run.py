"""The run: coroutines that list jobs until time or calls are up, and a task that looks on."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from attrs import define, evolve, field, frozen

from cronapi._calls.retry import RetryPolicy
from cronapi.cli.pace.frame import Frame, reached
from cronapi.cli.pace.recording import Fate, Hold, RecordingBucket
from cronapi.cli.signals import ending_signals, run_on_loop
from cronapi.client import Client
from cronapi.errors import CronAPIError, WaitTooLongError
from cronapi.providers import Provider, Rate
from cronapi.scheduler import Lane, Scheduler

GRACE, GRACE_INTERVALS = 1.5, 10
"""Seconds and intervals after the end.

They are more than the longest hold, so that a call refused just before the end gets its turn.
"""
PAUSE = 5
"""Intervals between two calls of an interactive caller."""
TIMEOUT = 5.0
RETRY = RetryPolicy(max_delay=2.0)
"""A service on the same machine answers within seconds or never."""

Show = Callable[[Frame], None]


@frozen(kw_only=True)
class PacePlan:
    """A service, and the calls to make there.

    `allowed` is the service's limit in requests a second, None if it is unknown.
    """

    provider: Provider
    token: str = field(repr=False)
    rate: Rate
    allowed: float | None
    calls: int | None
    seconds: float | None
    callers: int
    interactive: int


@frozen
class PaceResult:
    """The end of a run: its last frame, and the errors of calls that failed.

    `stopped` is True if a signal ended it.
    """

    frame: Frame
    errors: tuple[str, ...]
    stopped: bool


@define
class PaceRun:
    """A run under way.

    `began` is a time on the clock of `bucket`. `all_made` is set once the plan's calls are made.
    """

    plan: PacePlan
    api: Client
    bucket: RecordingBucket
    began: float
    all_made: anyio.Event = field(factory=anyio.Event)
    scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    made: int = 0
    answered: int = 0
    errors: list[str] = field(factory=list)
    stopped: bool = False

    def seconds_left(self) -> float:
        """Return the seconds until the last call may be made."""
        if self.plan.seconds is None:
            return float("inf")
        return self.began + self.plan.seconds - anyio.current_time()

    def client_for_call(self, lane: Lane) -> Client:
        """Return the client for one call, which may wait and repeat a little beyond the end."""
        if self.plan.seconds is None:
            return self.api.with_options(lane=lane)
        grace = GRACE + GRACE_INTERVALS * self.plan.rate.interval
        left = max(0.0, self.seconds_left())
        return self.api.with_options(
            lane=lane, max_wait=left + 2 * grace, retry=evolve(RETRY, budget=left + grace)
        )

    def admit(self, lane: Lane) -> bool:
        """Return True, and count a call, if one is left to make and would start in time."""
        if self.all_made.is_set() or self.api.scheduler.eta(lane) > self.seconds_left():
            return False
        self.made += 1
        if self.made == self.plan.calls:
            self.all_made.set()
        return True

    def fail(self, error: CronAPIError) -> None:
        """Note that a call failed for good, and end the run."""
        self.errors.append(str(error))
        self.scope.cancel()

    def result(self) -> PaceResult:
        """Return the result, once all callers have ended."""
        return PaceResult(self.frame(), tuple(self.errors), self.stopped)

    def frame(self) -> Frame:
        """Return the state now."""
        now, rate = anyio.current_time(), self.plan.rate
        stats, tally = self.api.scheduler.stats, self.bucket.tally
        return Frame(
            service=self.plan.provider.name,
            address=self.plan.provider.base_url,
            elapsed=now - self.began,
            seconds=self.plan.seconds,
            calls=self.plan.calls,
            answered=self.answered,
            kept=1 / rate.interval,
            allowed=self.plan.allowed,
            reached=self._reached(now, rate.interval * (1 + stats.margin)),
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
            marks=tuple(evolve(mark, at=mark.at - self.began) for mark in self.bucket.marks()),
            held=tuple(
                Hold(hold.began - self.began, hold.ended - self.began)
                for hold in self.bucket.holds()
            ),
        )

    def _reached(self, now: float, spacing: float) -> float:
        if self.bucket.first is None:
            return 0.0
        return reached(self.bucket.tally[Fate.ACCEPTED], now - self.bucket.first, spacing)


def run(plan: PacePlan, show: Show, pause: float) -> PaceResult:
    """Make the calls of a plan and return the result.

    `show` gets a frame every `pause` seconds and at the end.
    Raises ConfigurationError for a rate or a token that cannot be used.
    """
    return run_on_loop(_run, plan, show, pause)


async def _run(plan: PacePlan, show: Show, pause: float) -> PaceResult:
    bucket = RecordingBucket(plan.rate, clock=anyio.current_time)
    scheduler = Scheduler(plan.rate, bucket=bucket)
    async with Client(
        plan.provider, plan.token, scheduler=scheduler, retry=RETRY, timeout=TIMEOUT
    ) as api:
        under_way = PaceRun(plan, api, bucket, anyio.current_time())
        await _work(under_way, show, pause)
    result = under_way.result()
    show(result.frame)
    return result


async def _work(run: PaceRun, show: Show, pause: float) -> None:
    """Run all callers until they are done, one fails or a signal comes, and look on meanwhile."""
    over = anyio.Event()
    async with anyio.create_task_group() as watching:
        watching.start_soon(_watch, run, show, pause, over)
        watching.start_soon(_heed_signals, run)
        with run.scope:
            async with anyio.create_task_group() as callers:
                _start_callers(run, callers)
        over.set()
        watching.cancel_scope.cancel()


def _start_callers(run: PaceRun, callers: TaskGroup) -> None:
    counts: dict[Lane, int] = {"bulk": run.plan.callers, "interactive": run.plan.interactive}
    for lane, count in counts.items():
        for _ in range(count):
            callers.start_soon(_call, run, lane)


async def _watch(run: PaceRun, show: Show, pause: float, over: anyio.Event) -> None:
    while not over.is_set():
        with anyio.move_on_after(pause) as waiting:
            await over.wait()
        if waiting.cancelled_caught:
            # In a thread: a loop that draws sends late, and the next request follows too soon.
            await anyio.to_thread.run_sync(show, run.frame())


async def _heed_signals(run: PaceRun) -> None:
    with ending_signals() as signals:
        async for _ in signals:
            run.stopped = True
            run.scope.cancel()


async def _call(run: PaceRun, lane: Lane) -> None:
    """Call repeatedly in one lane. A call that the end leaves unsent is no failure."""
    while run.admit(lane):
        try:
            await run.client_for_call(lane).cron.list()
        except CronAPIError as error:
            if not isinstance(error, WaitTooLongError) or error.attempts:
                run.fail(error)
            return
        run.answered += 1
        if lane == "interactive":
            await _pause(run)


async def _pause(run: PaceRun) -> None:
    with anyio.move_on_after(min(PAUSE * run.plan.rate.interval, run.seconds_left())):
        await run.all_made.wait()
