"""Taking due runs from a job before they are carried out, so that none is carried out twice."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from cronapi.emulator.agenda import Key
from cronapi.emulator.emulator import Emulator
from cronapi.emulator.executions import take_due
from cronapi.emulator.store import Document

Result = Literal["due", "ok", "failed", "skipped", "dropped", "missed"]


@frozen
class Run:
    """One run of a job: whose it is, the job as it was taken, the run itself, and its result.

    `due` is still to be carried out. `skipped` would have been one instance too many, `dropped` is
    a rest after failures, and `missed` came due while the emulator was not running. A run that
    ended has its log `row`.
    """

    key: Key
    job: Document
    run: Document
    result: Result = "due"
    row: Document | None = None

    def as_json(self) -> Document:
        """Return the run for a person or a program that asks what ran."""
        provider, _, number = self.key
        about = {"provider": provider, "id": number, "name": self.job["name"], **self.run}
        return {**about, "result": self.result, "row": self.row}


def take(emulator: Emulator, key: Key, *, missed: bool = False) -> list[Run]:
    """Take the due runs of one job, and store the job without them."""
    provider, account, number = key
    call = emulator.call(provider, account)
    with emulator.store.transaction():
        job = emulator.store.get("job", provider, account, number)
        taken = take_due(job, call.now, str(call.settings.seed)) if job else None
        if taken is None:
            return []
        runs = [Run(key, taken.job, run, "missed" if missed else "due") for run in taken.runs]
        left = taken.job["skips"]
        kept = []
        for run in runs:
            drops = left > 0 and run.run["payload"] is None and not missed
            left -= drops
            kept.append(Run(key, run.job, run.run, "dropped") if drops else run)
        call.put("job", {**taken.job, "skips": left})
    return kept


def take_all(emulator: Emulator, *, missed: bool = False) -> list[Run]:
    """Take the due runs of all jobs, by the order of their times."""
    keys = list(emulator.store.agenda.due(int(emulator.clock.now())))
    runs = [run for key in keys for run in take(emulator, key, missed=missed)]
    return sorted(runs, key=lambda run: (run.run["time"], run.key))


def take_now(emulator: Emulator, key: Key) -> list[Run]:
    """Take one run of a job that is due because somebody asks for it."""
    call = emulator.call(*key[:2])
    with emulator.store.transaction():
        job = call.find("job", key[2])
        counted = {**job, "runs": job["runs"] + 1, "ran": call.now}
        call.put("job", counted)
    return [Run(key, counted, {"time": call.now, "payload": None, "no": counted["runs"]})]
