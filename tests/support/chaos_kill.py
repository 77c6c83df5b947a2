"""A bulk with a journal in a process of its own that is killed again and again, and goes on each
time.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import define, frozen

from tests.support.bulk_worker import TENTH, client
from tests.support.chaos import Figures, tales_of, told
from tests.support.chaos_judge import Tale, Visit
from tests.support.chaos_service import PATHS, Watched, faults, service

ROOT = Path(__file__).parents[2]
LATEST, PATIENCE, HELD = 0.05, 120, 0.5
"""Seconds: how long after a request a kill comes at most, how long a worker may take in all, and a
timeout past which the service holds requests back: not longer than a worker takes to start and to
look for the last time, since nobody could tell then.
"""
MOMENTS = ("came", "answering", "later")
READS = ("cron.list", "cron.get")


@frozen
class Moment:
    """When to kill: at the `after`th request that changes something,
    0 for the first of any kind.
    """

    after: int
    when: str
    delay: float


def moments(rng: random.Random, kills: int, requests: int) -> list[Moment]:
    """Return moments spread over a run of so many requests, the first of them before anything is
    sent.
    """
    share = max(1.0, requests / kills)
    afters = [round(rng.uniform(0.2, 1.2) * share) if number else 0 for number in range(kills)]
    return [Moment(after, rng.choice(MOMENTS), rng.uniform(0, LATEST)) for after in afters]


@define(eq=False)
class Killer:
    """Kill a process when the service sees the request that it was told."""

    process: subprocess.Popen[str]
    moment: Moment
    seen: int = 0
    has_struck: bool = False

    def hear(self, visit: Visit, happening: str) -> None:
        """Count, and strike."""
        self.seen += happening == "came" and visit.function not in READS
        if self.has_struck or (self.seen < self.moment.after) or happening != self._awaited:
            return
        self.has_struck = True
        if self.moment.when == "later":
            threading.Timer(self.moment.delay, self.process.kill).start()
        else:
            self.process.kill()

    @property
    def _awaited(self) -> str:
        return "answering" if self.moment.when == "answering" else "came"


def killed(
    method: str, provider: str, seed: int, count: int, kills: int, room: Path
) -> tuple[Figures, int]:
    """Carry out `add_many` or `delete_many` with a journal at a service at its worst, killed so
    many times; judge, and count the kills.
    """
    rng, tales = random.Random(f"{seed} {method} {provider}"), tales_of(seed, count)
    with service(rng.randrange(1 << 30)) as (watched, origin):
        address = origin + PATHS[provider]
        if method == "delete_many":
            asyncio.run(_add(address, provider, tales))
            watched.visits.clear()
        began, inputs = time.monotonic(), room / "inputs.json"
        inputs.write_text(json.dumps([tale.id or dict(tale.spec) for tale in tales]))
        watched.emulator.faults.add(*faults(HELD))
        command = [
            sys.executable,
            "-m",
            "tests.support.bulk_worker",
            address,
            provider,
            method,
            str(inputs),
            str(room / "journal.jsonl"),
        ]
        plan = moments(
            rng, kills, count // 100 - 2 * kills if provider == "fastcron" else count - 5 * kills
        )
        struck = [_run_and_kill(watched, command, moment) for moment in plan]
        outcomes = subprocess.run(
            command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
        ).stdout
        _tell(tales, json.loads(outcomes), method)
        asyncio.run(watched.idle())
        return told(watched, provider, tales, time.monotonic() - began), sum(struck)


async def _add(address: str, provider: str, tales: Sequence[Tale]) -> None:
    async with client(provider, address, 10.0, TENTH) as api:
        report = await api.cron.add_many([tale.spec for tale in tales])
    for tale, outcome in zip(tales, report, strict=True):
        tale.told, tale.id = "done", outcome.value.id


def _tell(
    tales: Sequence[Tale], outcomes: Sequence[tuple[str, int | None, str | None]], method: str
) -> None:
    for tale, (status, number, error) in zip(tales, outcomes, strict=True):
        tale.why += [error] if error else []
        if method == "delete_many":
            tale.deleted = status
        else:
            tale.told, tale.id = status, number


def _run_and_kill(watched: Watched, command: list[str], moment: Moment) -> bool:
    """Run the worker until it is killed; return False where it had ended before, which it must have
    done well.
    """
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, text=True) as process:
        killer = Killer(process, moment)
        watched.listeners.append(killer.hear)
        try:
            code = process.wait(PATIENCE)
        finally:
            watched.listeners.remove(killer.hear)
            process.kill()
    assert code in (0, -signal.SIGKILL), f"the worker ended with {code}"
    return code != 0
