"""Moving the time: each run that comes due on the way is carried out at its own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from cronapi.emulator.jobs import catch_up, log_rows
from cronapi.emulator.runner.taking import Run

if TYPE_CHECKING:
    from cronapi.emulator.agenda import Key
    from cronapi.emulator.emulator import Emulator
    from cronapi.emulator.runner.runner import Runner

MOST_RUNS = 10_000
"""The runs that one move carries out. It stops there, short of its target."""


@frozen
class Moved:
    """A move that ended: the runs on the way, and their number.

    Of pretended runs the last 50 of each job are among the `runs`. `whole` is false for a move that
    stopped short.
    """

    runs: list[Run]
    count: int
    whole: bool = True


class Timeline:
    """The time of an emulator, moved forward by hand."""

    def __init__(self, emulator: Emulator, runner: Runner) -> None:
        """Begin with the time as it is."""
        self._emulator, self._runner = emulator, runner

    @property
    def next_due(self) -> int | None:
        """The Unix time of the next change of any job, `None` if there is none to come."""
        return self._emulator.store.agenda.first()

    async def advance_to(self, target: float) -> Moved:
        """Move the time to Unix seconds, and return when the runs until then have ended.

        Raises `ValueError` for an earlier time, and for a clock that cannot be moved.
        """
        self._check(target)
        if not self._emulator.settings.calls:
            return self.pretend_to(target)
        with self._runner.held():
            moved = await self._step_to(target)
            await self._runner.idle()
        return moved

    def pretend_to(self, target: float) -> Moved:
        """Move the time to Unix seconds where jobs make no calls, like `advance_to`."""
        self._check(target)
        self._move(target)
        return self.catch_up()

    def catch_up(self) -> Moved:
        """Bring all jobs up to now where they make no calls, and return the runs since then."""
        agenda, count, runs = self._emulator.store.agenda, 0, list[Run]()
        for key in list(agenda.due(int(self._emulator.clock.now()))):
            caught = self._pretended(key)
            count += caught.count
            runs += caught.runs
        runs.sort(key=lambda run: (run.run["time"], run.key))
        self._runner.remember(runs)
        return Moved(runs, count)

    async def _step_to(self, target: float) -> Moved:
        runs: list[Run] = []
        while (due := self.next_due) is not None and due <= target:
            if len(runs) >= MOST_RUNS:
                return Moved(runs, len(runs), whole=False)
            self._move(due)
            runs += await self._runner.run_due()
        self._move(target)
        return Moved(runs, len(runs))

    def _pretended(self, key: Key) -> Moved:
        provider, account, number = key
        call = self._emulator.call(provider, account)
        with call.store.transaction():
            job = call.find("job", number)
            after = catch_up(call, job)
            count = after["runs"] - job["runs"]
            rows = log_rows(call, job)[-count:] if count else []
        return Moved([_run_of(key, after, row) for row in rows], count)

    def _check(self, target: float) -> None:
        clock = self._emulator.clock
        if not callable(getattr(clock, "advance", None)):
            raise ValueError("this emulator's clock cannot be moved")  # noqa: TRY004 -- documented
        if target < clock.now():
            raise ValueError("the time goes forward only; POST /_emulator/reset begins anew")

    def _move(self, target: float) -> None:
        clock = self._emulator.clock
        # Sums of fractions may end a little before the second that is due.
        while (left := target - clock.now()) > 0:
            clock.advance(max(left, 1e-6))  # type: ignore[attr-defined]  # checked before


def _run_of(key: Key, job: dict[str, object], row: dict[str, object]) -> Run:
    run = {"time": row["time"], "payload": None, "no": row["no"]}
    return Run(key, job, run, "failed" if row["status"] else "ok", row)
