"""Crowds of callers of a service at its worst, some of whom go away in the middle, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

import anyio
from attrs import Factory, define, frozen

from bulk_worker import QUARTER, client
from chaos_judge import Tale, Verdict, Visit, judge, told_by
from chaos_service import PATHS, TIMEOUT, Watched, faults, service
from cronapi import Client, CronAPIError

HASTY, PATIENCE, SHOCK = 0.2, 1.0, 0.03
"""The share of callers who go away; the longest that one of them stays, and how long after its request has arrived, in seconds."""
TASKS, ROWS, SINGLY = 50, 3, 50
"""Tasks that live beside each other, and bulks that are under way at once; of their jobs one in so many is asked for singly."""
SPEC = {"expression": "0 0 1 1 *", "post_data": "as new"}


@frozen
class Figures:
    """What became of one crowd: the judge's verdict, the requests it took, the faults that fired by kind, and the seconds."""

    verdict: Verdict
    requests: int
    fired: Mapping[str, int]
    seconds: float


def tales_of(seed: int, count: int) -> list[Tale]:
    """Return jobs to ask for; one in twenty is like another, and one in twenty differs from another in its text only."""
    rng, specs = random.Random(seed), list[dict[str, str]]()
    for number in range(count):
        spec = {"name": f"job {number}", "url": f"https://chaos.example/{number}", **SPEC}
        chance = rng.random()
        if specs and chance < 0.1:
            spec = dict(rng.choice(specs))
        specs.append({**spec, "post_data": f"other {number}"} if chance < 0.05 else spec)
    rng.shuffle(specs)
    return [Tale(spec) for spec in specs]


@define(eq=False)
class Crowd:
    """Callers of one client, of whom some go away: after a while, or at the moment when their request arrives."""

    api: Client
    rng: random.Random
    loop: asyncio.AbstractEventLoop = Factory(asyncio.get_running_loop)
    _leaving: dict[Any, tuple[anyio.CancelScope, float]] = Factory(dict)

    def hear(self, visit: Visit, moment: str) -> None:
        """Let those go who wait for this request to arrive."""
        whose = visit.content.get("id") or visit.content.get("name") or visit.function
        if moment == "came" and (leaving := self._leaving.pop(whose if not isinstance(whose, list) else visit.function, None)):
            scope, delay = leaving
            self.loop.call_soon_threadsafe(self.loop.call_later, delay, scope.cancel)

    @contextlib.contextmanager
    def patience(self, whose: object, share: float = HASTY) -> Any:
        """Cancel what is inside at some moment, or not."""
        with anyio.CancelScope() as scope:
            chance = self.rng.random()
            if chance < share / 2:
                scope.deadline = anyio.current_time() + self.rng.uniform(0, PATIENCE)
            elif chance < share:
                self._leaving[whose] = scope, self.rng.uniform(0, SHOCK)
            yield

    async def ask(self, tale: Tale, call: Awaitable[Any]) -> tuple[str, Any]:
        """Make a call, perhaps only for a while, and return what was told."""
        told: tuple[str, Any] = ("cancelled", None)
        with self.patience(tale.id or tale.spec["name"]):
            try:
                told = "done", await call
            except CronAPIError as error:
                told = told_by(error), None
                tale.why.append(error)
        return told

    async def add(self, tale: Tale) -> None:
        """Ask for one job."""
        tale.told, job = await self.ask(tale, self.api.cron.add(**tale.spec))
        tale.id = job and job.id

    async def edit(self, tale: Tale, text: str) -> None:
        """Change its text."""
        told, _ = await self.ask(tale, self.api.cron.edit(tale.id, post_data=text))
        tale.edits.append((text, told))

    async def delete(self, tale: Tale) -> None:
        """Delete it."""
        tale.deleted, _ = await self.ask(tale, self.api.cron.delete(tale.id))


# --- what a crowd does -----------------------------------------------------------------------------------------------------------

Scenario = Callable[[Crowd, int], Coroutine[Any, Any, list[Tale]]]


def single_adds(count: int) -> Scenario:
    """Let each job be asked for by a task of its own, all at once."""

    async def run(crowd: Crowd, seed: int) -> list[Tale]:
        tales = tales_of(seed, count)
        await asyncio.gather(*[crowd.add(tale) for tale in tales])
        return tales

    return run


def mixed(seconds: float, tasks: int = TASKS) -> Scenario:
    """Let tasks add jobs, and edit and delete their own, for so many seconds."""

    async def run(crowd: Crowd, seed: int) -> list[Tale]:
        until, tales = anyio.current_time() + seconds, [list[Tale]() for _ in range(tasks)]
        await asyncio.gather(*[_live(crowd, f"{seed} {number}", mine, until) for number, mine in enumerate(tales)])
        return [tale for mine in tales for tale in mine]

    return run


async def _live(crowd: Crowd, name: str, mine: list[Tale], until: float) -> None:
    rng = random.Random(name)
    while anyio.current_time() < until:
        settled = [tale for tale in mine if tale.is_settled]
        what = rng.choice(["add", "edit", "edit", "delete"]) if len(settled) > 2 else "add"
        if what == "add":
            mine.append(Tale({"name": f"job {name} {len(mine)}", "url": "https://chaos.example/", **SPEC}))
            await crowd.add(mine[-1])
        elif what == "edit":
            await crowd.edit(tale := rng.choice(settled), f"text {len(tale.edits)}")
        else:
            await crowd.delete(rng.choice(settled))


def bulk(count: int, size: int) -> Scenario:
    """Add jobs by bulks of this size, a few under way at once, and some beside them one by one, then delete half of them by bulks.

    Some bulks are left in the middle.
    """

    async def run(crowd: Crowd, seed: int) -> list[Tale]:
        tales = tales_of(seed, count)
        singly = len(tales) // SINGLY
        beside = (crowd.add(tale) for tale in tales[:singly])
        await asyncio.gather(*_in_rows(_add_many, crowd, _parts(tales[singly:], size)), *beside)
        there = [tale for tale in tales if tale.told == "done"]
        await asyncio.gather(*_in_rows(_delete_many, crowd, _parts(there[::2], size)))
        return tales

    return run


def _in_rows(carry_out: Callable[..., Awaitable[None]], crowd: Crowd, parts: Iterable[Sequence[Tale]]) -> list[Awaitable[None]]:
    """Return several rows of bulks, each of which begins when the one before it is over, while those of the other rows are under way."""
    waiting = iter(parts)

    async def row() -> None:
        for part in waiting:
            await carry_out(crowd, part)

    return [row() for _ in range(ROWS)]


def _parts(tales: Sequence[Tale], size: int) -> Iterable[Sequence[Tale]]:
    return (tales[begin : begin + size] for begin in range(0, len(tales), size))


async def _add_many(crowd: Crowd, tales: Sequence[Tale]) -> None:
    outcomes = _outcomes(crowd, crowd.api.cron.add_many([tale.spec for tale in tales]), "cron.batch_add", len(tales))
    for tale, outcome in zip(tales, await outcomes, strict=True):
        if outcome is not None:
            tale.told, tale.id = outcome.status, outcome.value and outcome.value.id
            tale.why += [outcome.error] if outcome.error else []


async def _delete_many(crowd: Crowd, tales: Sequence[Tale]) -> None:
    outcomes = _outcomes(crowd, crowd.api.cron.delete_many([tale.id for tale in tales]), "cron.batch_delete", len(tales))
    for tale, outcome in zip(tales, await outcomes, strict=True):
        tale.deleted = "cancelled" if outcome is None else outcome.status
        tale.why += [outcome.error] if outcome and outcome.error else []


async def _outcomes(crowd: Crowd, bulk: Any, whose: str, count: int) -> list[Any]:
    """Return the outcomes of a bulk, None where it was left before; some break out of its iteration, some are cancelled."""
    outcomes, most = [None] * count, crowd.rng.randrange(count) if crowd.rng.random() < HASTY / 2 else count
    with crowd.patience(whose):
        async with contextlib.aclosing(aiter(bulk)) as coming:
            async for outcome in coming:
                outcomes[outcome.index] = outcome
                most -= 1
                if not most:
                    break
    return outcomes


# --- what came of it -------------------------------------------------------------------------------------------------------------


async def figures(scenario: Scenario, provider: str, seed: int, *, timeout: float = TIMEOUT, **options: Any) -> Figures:
    """Let a crowd loose on a service at its worst, and judge what is there when everything has come to rest."""
    with service(random.Random(f"{seed} {provider}").randrange(1 << 30), **options) as (watched, origin):
        began = time.monotonic()
        watched.emulator.faults.add(*faults(timeout))
        async with client(provider, origin + PATHS[provider], timeout, QUARTER) as api:
            crowd = Crowd(api, random.Random(f"{seed} {provider}"))
            watched.listeners.append(crowd.hear)
            tales = await scenario(crowd, seed)
        await watched.idle()
        return told(watched, provider, tales, time.monotonic() - began)


def told(watched: Watched, provider: str, tales: Sequence[Tale], seconds: float) -> Figures:
    """Judge, and count."""
    emulator = watched.emulator
    verdict = judge(tales, emulator.jobs(provider), emulator.created(provider), watched.visits)
    fired = Counter(fault.kind for fault in emulator.faults.fired)
    return Figures(verdict, len(watched.visits), dict(sorted(fired.items())), seconds)
