"""Ways to create jobs, and a judge of what their callers were told."""

from __future__ import annotations

import itertools

import anyio
from anyio.lowlevel import checkpoint

from cronapi import Applied, CronAPIError

CREATES = ("cron.add", "cron.batch_add", "group.add")


class Told:
    """What callers were told: the ids of jobs that are done, and how many jobs are unknown."""

    def __init__(self, done=(), unknown=0, failed=0):
        self.done, self.unknown, self.failed = list(done), unknown, failed

    def __repr__(self):
        return f"Told(done={self.done}, unknown={self.unknown}, failed={self.failed})"


async def told(call, count=1):
    """Make a call that creates so many jobs, and return what its caller was told."""
    try:
        result = await call
    except CronAPIError as error:
        unknown = error.applied is Applied.UNKNOWN
        return Told(unknown=count * unknown, failed=count * (not unknown))
    rows = result if isinstance(result, list) else [result]
    return Told([row.id for row in rows])


def told_of(outcomes):
    """Return what the outcomes of a bulk say."""
    by = {"done": [], "unknown": [], "failed": [], "not_tried": []}
    for outcome in outcomes:
        by[outcome.status].append(outcome)
    done = [outcome.value.id for outcome in by["done"]]
    return Told(done, len(by["unknown"]), len(by["failed"]) + len(by["not_tried"]))


def is_true(found, rows, known=()):
    """Return True if every job told done is there, and no other job, but for the unknown ones."""
    there = {row["id"] for row in rows} - set(known)
    done = set(found.done)
    return len(done) == len(found.done) and done <= there and len(there - done) <= found.unknown


async def add(api, spec):
    """Add one job."""
    return await told(api.cron.add(**spec(0)))


async def batch_add(api, spec):
    """Add three jobs with one request."""
    return await told(api.cron.batch_add([spec(number) for number in range(3)]), 3)


async def add_many(api, spec):
    """Add five jobs as a bulk."""
    bulk = api.cron.add_many([spec(number) for number in range(5)])
    return told_of(await bulk)


async def ensure(api, spec):
    """Ensure a job by its name."""
    wanted = spec(0)
    return await told(api.cron.ensure(**(wanted | {"name": wanted["name"].strip()})))


WAYS = {"add": add, "batch_add": batch_add, "add_many": add_many, "ensure": ensure}


async def cancelled_when(app, bulk, requests):
    """Carry a bulk out until the service has seen so many creates, and cancel it then."""

    def seen():
        return sum(one.function in CREATES for one in app.emulator.requests)

    enough = seen() + requests
    async with anyio.create_task_group() as group:
        group.start_soon(bulk._finish)
        for _ in itertools.takewhile(lambda _: seen() < enough, range(10_000)):
            await anyio.sleep(0.05)
        group.cancel_scope.cancel()
    await checkpoint()
