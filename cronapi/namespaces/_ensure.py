"""Ensure that a job of a name exists: one task of an event loop at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import RunVar

from cronapi._batch.calls import Calls
from cronapi._calls.exchange import Exchange
from cronapi._calls.lookup import LONG_LOOK
from cronapi._calls.pages import every_job
from cronapi._calls.tasks import spawn
from cronapi._protocol.response import Ending
from cronapi.errors import WaitTooLongError

_locks: RunVar[WeakValueDictionary[tuple[str, str], anyio.Semaphore]] = RunVar("cronapi_ensuring")


@asynccontextmanager
async def ensuring(calls: Calls, name: str) -> AsyncIterator[None]:
    """Hold the name on this event loop, for all clients of the provider, until its add has ended.

    WaitTooLongError if another task holds it for longer than max_wait.
    """
    locks = _locks.get(None)
    if locks is None:
        locks = WeakValueDictionary()
        _locks.set(locks)
    key = (calls.caller.provider.base_url, name)
    lock, acquired = locks.setdefault(key, anyio.Semaphore(1)), False
    with anyio.move_on_after(calls.options.max_wait):
        await lock.acquire()
        acquired = True
    if not acquired:
        text = "Another task was still ensuring this name after max_wait."
        raise WaitTooLongError(text, wait=calls.caller.scheduler.eta(calls.lane))
    try:
        yield
    finally:
        # A cancelled caller leaves behind the request that was sent for it.
        if left := calls.caller.creates.exchanges_for_name(name):
            spawn(partial(_release, calls, lock, left))
        else:
            lock.release()


async def _release(calls: Calls, lock: anyio.Semaphore, left: Iterable[Exchange]) -> None:
    try:
        for exchange in left:
            await exchange.event.wait()
        if any(exchange.verdict.ending is Ending.LOST for exchange in left):
            # The service may still be holding the request back.
            await calls.caller.wait(sum(LONG_LOOK))
    finally:
        lock.release()


async def find(calls: Calls, name: str) -> dict[str, Any] | None:
    """Return the job of exactly this name from all pages of a search, the lowest id if several."""
    found = [row for row in await every_job(calls, name) if row.get("name") == name]
    return min(found, key=lambda row: int(row["id"]), default=None)
