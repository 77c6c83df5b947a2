"""Carrying out the runs of jobs when they come due, and moving the time from one to the next."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import contextmanager
from random import Random
from string import ascii_letters, digits
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from cronapi.emulator.executions import with_next_due
from cronapi.emulator.jobs import add_log_rows
from cronapi.emulator.pretended import pretended_row
from cronapi.emulator.runner.exchange import Exchange
from cronapi.emulator.runner.log_rows import row_of
from cronapi.emulator.runner.notification import is_due, notification
from cronapi.emulator.runner.outgoing import outgoing
from cronapi.emulator.runner.taking import Run, take_all
from cronapi.emulator.runner.verdict import after_run, error_of, rule_of, wanted_text
from cronapi.emulator.runner.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cronapi.emulator.call import Call
    from cronapi.emulator.emulator import Emulator
    from cronapi.emulator.runner.sending import Sender
    from cronapi.emulator.store import Document

MOST_AT_ONCE = 20
"""The runs that are carried out at the same time. The others wait for their turn."""
_REMEMBERED = 1000
# The longest pause in which a job may become due earlier than all others were.
_PAUSE = 0.1


class Runner:
    """Runs the jobs of an emulator whose `execute` is `loopback` or `any`.

    `executions` are the last 1,000 runs. `sender_of` makes the sender for a run, given True if it
    may call any address.
    """

    def __init__(
        self,
        emulator: Emulator,
        webhook: str | None = None,
        sender_of: Callable[[bool], Sender] | None = None,
    ) -> None:
        """Begin without a run."""
        self._emulator = emulator
        self._sender_of = sender_of or _new_sender
        self.webhook: Webhook = Webhook(webhook)
        self.executions: deque[Run] = deque(maxlen=_REMEMBERED)
        self._at_work: Counter[tuple[str, str, int]] = Counter()
        self._held = False
        self._random = Random(f"runs {emulator.settings.seed}")  # noqa: S311 -- repeatable on purpose

    @property
    def at_work(self) -> int:
        """The number of runs that have begun and not ended."""
        return self._at_work.total()

    @property
    def is_held(self) -> bool:
        """True while somebody moves the time."""
        return self._held

    @contextmanager
    def held(self) -> Iterator[None]:
        """Leave due runs to the caller while the block runs."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    async def forever(self) -> None:
        """Carry out runs as they come due, until this is cancelled."""
        if self._emulator.settings.calls:
            self.remember(take_all(self._emulator, missed=True))
        seats = anyio.CapacityLimiter(MOST_AT_ONCE)
        async with anyio.create_task_group() as tasks:
            while True:
                for run in take_all(self._emulator) if self._is_at_work else ():
                    tasks.start_soon(self._run, run, seats)
                await anyio.sleep(self._pause())

    async def run_due(self) -> list[Run]:
        """Carry out the runs that are due now, and return them when all have ended."""
        return await self.run_all(take_all(self._emulator))

    async def run_all(self, runs: Iterable[Run]) -> list[Run]:
        """Carry out some runs, and return them with their results when all have ended."""
        seats = anyio.CapacityLimiter(MOST_AT_ONCE)
        ended: list[Run] = []

        async def carry_out(run: Run) -> None:
            ended.append(await self._run(run, seats))

        async with anyio.create_task_group() as tasks:
            for run in runs:
                tasks.start_soon(carry_out, run)
        return sorted(ended, key=lambda run: (run.run["time"], run.key))

    async def idle(self) -> None:
        """Wait until no run is at work."""
        while self.at_work:  # noqa: ASYNC110 -- an event would belong to one loop
            await anyio.sleep(_PAUSE / 10)

    def reset(self) -> None:
        """Forget the runs and the notifications, and begin the draws anew."""
        self.executions.clear()
        self.webhook.reset()
        self._random.seed(f"runs {self._emulator.settings.seed}")

    def remember(self, runs: Iterable[Run]) -> None:
        """List runs among the executions."""
        self.executions.extend(runs)

    @property
    def _is_at_work(self) -> bool:
        """True if due runs are carried out here, and not by a look at a job or a move of time."""
        return self._emulator.settings.calls and not self._held

    def _pause(self) -> float:
        due = self._emulator.store.agenda.first()
        scale = getattr(self._emulator.clock, "scale", 1.0)
        if due is None or not scale or not self._is_at_work:
            return _PAUSE
        return min(_PAUSE, max(0.0, (due - self._emulator.clock.now()) / scale))

    async def _run(self, run: Run, seats: anyio.CapacityLimiter) -> Run:
        most = run.job["instances"]
        if run.result == "due" and most and self._at_work[run.key] >= most:
            run = evolve(run, result="skipped")
        ended = run
        if run.result == "due":
            self._at_work[run.key] += 1
            try:
                async with seats:
                    ended = await self._carry_out(run)
            finally:
                self._at_work[run.key] -= 1
        self.remember([ended])
        return ended

    async def _carry_out(self, run: Run) -> Run:
        call = self._emulator.call(*run.key[:2])
        if call.settings.calls:
            row = await self._row_of_call(call, run)
        else:
            row = pretended_row(run.job, run.run, call.settings.era)
        told = self._finish(run, row)
        if told is not None and self.webhook.url is not None:
            await self.webhook.post(self._sender(), run, told)
        return evolve(run, result="failed" if row["status"] else "ok", row=row)

    async def _row_of_call(self, call: Call, run: Run) -> Document:
        era, begin = call.settings.era, self._emulator.clock.now()
        words = self._words(call) if era != "latest" else {}
        try:
            request = outgoing(run.job, run.run, provider=call.provider, era=era, words=words)
        except ValueError:  # a keyword may have made the URL one that cannot be read
            exchange = Exchange(error="The URL cannot be read")
        else:
            exchange = await self._sender().send(request, wanted_text(run.job, era))
        error = error_of(run.job, exchange, era)
        return row_of(run, exchange, error=error, begin=begin, era=era)

    def _sender(self) -> Sender:
        return self._sender_of(self._emulator.settings.execute == "any")

    def _finish(self, run: Run, row: Document) -> Document | None:
        """Store what follows a run, and return the notification if one is due."""
        provider, account, number = run.key
        call = self._emulator.call(provider, account)
        failed = bool(row["status"])
        with call.store.transaction():
            job = call.store.get("job", provider, account, number)
            if job is None:
                return None
            rule = rule_of(job, call.settings.era, call.settings.plan)
            after = after_run(job, failed=failed, rule=rule)
            call.put("job", with_next_due(after, str(call.settings.seed)))
            add_log_rows(call, job, [row])
        if not is_due(job, after, failed=failed):
            return None
        group = call.store.get("group", provider, account, job["group"] or 0)
        name = str(group["name"]) if group else ""
        return notification(after, row, group=name, era=call.settings.era)

    def _words(self, call: Call) -> dict[str, str]:
        drawn = "".join(self._random.choices(ascii_letters + digits, k=16))
        return {"secret": str(call.own_account()["secret"]), "random": drawn}


def _new_sender(anywhere: bool) -> Sender:
    from cronapi.emulator.runner.sending import Sender  # noqa: PLC0415 -- imports an HTTP client

    return Sender(anywhere=anywhere)
