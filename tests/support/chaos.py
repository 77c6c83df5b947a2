"""Crowds of callers of a service at its worst, some of whom go away in the middle, and what came of
it.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio.lowlevel import current_token
from attrs import Factory, define, frozen

from cronapi import Client, CronAPIError
from tests.support.bulk_worker import QUARTER, SEATS, client
from tests.support.chaos_chronicle import Deed, judge_deeds
from tests.support.chaos_judge import Tale, Verdict, Visit, judge, reasons, told_by
from tests.support.chaos_service import PATHS, SHARES, TIMEOUT, Watched, faults, service

HASTY, PATIENCE, SHOCK = 0.2, 1.0, 0.03
"""The share of callers who go away; the longest that one of them stays, and how long after its
request has arrived, in seconds.
"""
TASKS, ROWS, SINGLY = 50, 3, 50
"""Tasks that live beside each other, and bulks that are under way at once; of their jobs one in so
many is asked for singly.
"""
CLIENTS = 2
"""Clients of one account; most crowds share the first."""
T = TypeVar("T")
SPEC = {"expression": "0 0 1 1 *", "post_data": "as new"}


@frozen
class Figures:
    """What became of one crowd: the judge's verdict, the requests it took, the faults that fired by
    kind, and the seconds.
    """

    verdict: Verdict
    requests: int
    fired: Mapping[str, int]
    seconds: float


def plain(number: int) -> dict[str, str]:
    """Return a name and a URL that no service respells."""
    return {"name": f"job {number}", "url": f"https://chaos.example/{number}"}


def tales_of(seed: int, count: int, texts: Callable[[int], dict[str, str]] = plain) -> list[Tale]:
    """Return jobs to ask for; one in twenty is like another, and one in twenty differs from another
    in its text only.
    """
    rng, specs = random.Random(seed), list[dict[str, str]]()
    for number in range(count):
        spec = {**texts(number), **SPEC}
        chance = rng.random()
        if specs and chance < 0.1:
            spec = dict(rng.choice(specs))
        specs.append({**spec, "post_data": f"other {number}"} if chance < 0.05 else spec)
    rng.shuffle(specs)
    return [Tale(spec) for spec in specs]


def _home() -> Callable[[Callable[[], None]], Any]:
    """Return what runs a function on this event loop, asyncio's or trio's, from another thread."""
    loop: Any = current_token().native_token
    return loop.run_sync_soon if hasattr(loop, "run_sync_soon") else loop.call_soon_threadsafe


async def together(calls: Iterable[Awaitable[Any]]) -> None:
    """Await all at once, on asyncio or trio."""

    async def wait(call: Awaitable[Any]) -> None:
        await call

    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(wait, call)


@define(eq=False)
class Crowd:
    """Callers of some clients, of whom some go away: after a while, or at the moment when their
    request arrives.
    """

    apis: Sequence[Client]
    rng: random.Random
    moment: Callable[[], int]
    at_home: Callable[[Callable[[], None]], Any] = Factory(_home)
    _leaving: dict[Any, tuple[anyio.CancelScope, float]] = Factory(dict)

    @property
    def api(self) -> Client:
        """The client of those who share one."""
        return self.apis[0]

    def hear(self, visit: Visit, moment: str) -> None:
        """Let those go who wait for this request to arrive."""
        for whose in _named(visit) if moment == "came" else ():
            if leaving := self._leaving.pop(whose, None):
                self.at_home(partial(_leave, *leaving))

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
                tale.why.append(reasons(error))
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


def _named(visit: Visit) -> list[Any]:
    """Return what a request is waited for by: its ids and names, or its function."""
    number, specs = visit.content.get("id"), visit.content.get("data", [visit.content])
    return [
        visit.function,
        *(number if isinstance(number, list) else [number]),
        *(spec.get("name") for spec in specs),
    ]


def _leave(scope: anyio.CancelScope, delay: float) -> None:
    scope.deadline = anyio.current_time() + delay


# --- what a crowd does ---------------------------------------------------------------------------

Stories = Sequence[Tale] | Sequence[Deed]
Scenario = Callable[[Crowd, int], Coroutine[Any, Any, Stories]]


def single_adds(count: int, texts: Callable[[int], dict[str, str]] = plain) -> Scenario:
    """Let each job be asked for by a task of its own, all at once."""

    async def run(crowd: Crowd, seed: int) -> list[Tale]:
        tales = tales_of(seed, count, texts)
        await together(crowd.add(tale) for tale in tales)
        return tales

    return run


def mixed(seconds: float, tasks: int = TASKS) -> Scenario:
    """Let tasks add jobs, and edit and delete their own, for so many seconds."""

    async def run(crowd: Crowd, seed: int) -> list[Tale]:
        until, tales = anyio.current_time() + seconds, [list[Tale]() for _ in range(tasks)]
        await together(
            _live(crowd, f"{seed} {number}", mine, until) for number, mine in enumerate(tales)
        )
        return [tale for mine in tales for tale in mine]

    return run


async def _live(crowd: Crowd, name: str, mine: list[Tale], until: float) -> None:
    rng = random.Random(name)
    while anyio.current_time() < until:
        settled = [tale for tale in mine if tale.is_settled]
        what = rng.choice(["add", "edit", "edit", "delete"]) if len(settled) > 2 else "add"
        if what == "add":
            mine.append(
                Tale({"name": f"job {name} {len(mine)}", "url": "https://chaos.example/", **SPEC})
            )
            await crowd.add(mine[-1])
        elif what == "edit":
            await crowd.edit(tale := rng.choice(settled), f"text {len(tale.edits)}")
        else:
            await crowd.delete(rng.choice(settled))


def bulk(count: int, size: int, texts: Callable[[int], dict[str, str]] = plain) -> Scenario:
    """Add jobs by bulks of this size, a few under way at once, and some beside them one by one,
    then delete half of them by bulks.

    Some bulks are left in the middle.
    """

    async def run(crowd: Crowd, seed: int) -> list[Tale]:
        tales = tales_of(seed, count, texts)
        singly = len(tales) // SINGLY
        beside = (crowd.add(tale) for tale in tales[:singly])
        await together([*in_rows(partial(_add_many, crowd), parts(tales[singly:], size)), *beside])
        there = [tale for tale in tales if tale.told == "done"]
        await together(in_rows(partial(_delete_many, crowd), parts(there[::2], size)))
        return tales

    return run


def in_rows(
    carry_out: Callable[[Sequence[T]], Awaitable[None]], parts: Iterable[Sequence[T]]
) -> list[Awaitable[None]]:
    """Return several rows of bulks, each of which begins when the one before it is over, while
    those of the other rows are under way.
    """
    waiting = iter(parts)

    async def row() -> None:
        for part in waiting:
            await carry_out(part)

    return [row() for _ in range(ROWS)]


def parts(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """Return parts of this size."""
    return (items[begin : begin + size] for begin in range(0, len(items), size))


async def _add_many(crowd: Crowd, tales: Sequence[Tale]) -> None:
    outcomes = outcomes_of(
        crowd, crowd.api.cron.add_many([tale.spec for tale in tales]), "cron.batch_add", len(tales)
    )
    for tale, outcome in zip(tales, await outcomes, strict=True):
        if outcome is not None:
            tale.told, tale.id = outcome.status, outcome.value and outcome.value.id
            tale.why += [reasons(outcome.error)] if outcome.error else []


async def _delete_many(crowd: Crowd, tales: Sequence[Tale]) -> None:
    outcomes = outcomes_of(
        crowd,
        crowd.api.cron.delete_many([tale.id for tale in tales]),
        "cron.batch_delete",
        len(tales),
    )
    for tale, outcome in zip(tales, await outcomes, strict=True):
        tale.deleted = "cancelled" if outcome is None else outcome.status
        tale.why += [reasons(outcome.error)] if outcome and outcome.error else []


async def outcomes_of(crowd: Crowd, bulk: Any, whose: str, count: int) -> list[Any]:
    """Return the outcomes of a bulk, None where it was left before; some break out of its
    iteration, some are cancelled.
    """
    outcomes, most = (
        [None] * count,
        crowd.rng.randrange(count) if crowd.rng.random() < HASTY / 2 else count,
    )
    with crowd.patience(whose):
        async with contextlib.aclosing(aiter(bulk)) as coming:
            async for outcome in coming:
                outcomes[outcome.index] = outcome
                most -= 1
                if not most:
                    break
    return outcomes


# --- what came of it -----------------------------------------------------------------------------


async def figures(
    scenario: Scenario,
    provider: str,
    seed: int,
    *,
    timeout: float = TIMEOUT,
    seats: int = SEATS,
    coalesce: bool = False,
    shares: Mapping[str, float] = SHARES,
    **options: Any,
) -> Figures:
    """Let a crowd loose on a service at its worst, and judge what is there when everything has come
    to rest.
    """
    with service(random.Random(f"{seed} {provider}").randrange(1 << 30), **options) as (
        watched,
        origin,
    ):
        began = time.monotonic()
        watched.emulator.faults.add(*faults(timeout, shares))
        async with contextlib.AsyncExitStack() as stack:
            apis = [
                client(
                    provider,
                    origin + PATHS[provider],
                    timeout,
                    QUARTER,
                    seats=seats,
                    coalesce=coalesce,
                )
                for _ in range(CLIENTS)
            ]
            crowd = Crowd(
                [await stack.enter_async_context(api) for api in apis],
                random.Random(f"{seed} {provider}"),
                watched.moment,
            )
            watched.listeners.append(crowd.hear)
            stories = await scenario(crowd, seed)
        await watched.idle()
        return told(watched, provider, stories, time.monotonic() - began, in_order=seats == 1)


def told(
    watched: Watched, provider: str, stories: Stories, seconds: float, *, in_order: bool = False
) -> Figures:
    """Judge, and count."""
    emulator, tales = watched.emulator, [story for story in stories if isinstance(story, Tale)]
    deeds = [story for story in stories if isinstance(story, Deed)]
    if deeds:
        verdict = judge_deeds(
            deeds,
            watched.visits,
            emulator.jobs(provider),
            emulator.groups(provider),
            in_order=in_order,
        )
    else:
        verdict = judge(tales, emulator.jobs(provider), emulator.created(provider), watched.visits)
    fired = Counter(fault.kind for fault in emulator.faults.fired)
    return Figures(verdict, len(watched.visits), dict(sorted(fired.items())), seconds)
