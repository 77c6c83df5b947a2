"""Whether something is gone, which the services' errors do not tell and a complete listing does; who asks at the same time shares one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import anyio
from attrs import define, evolve, field

from cronapi import _functions as table
from cronapi._calls.lookup import Ask, every_job, ids_of, insist, listed, target_of
from cronapi._calls.options import Options
from cronapi._functions import Function, Repeat
from cronapi.errors import CronAPIError
from cronapi.scheduler import Lane

logger = logging.getLogger("cronapi")
Ids = frozenset[str] | None
"""What a listing shows; None where it failed."""
Begin = Callable[[], None]
"""Called at the moment when a request of a listing is sent."""


def may_be_gone(row: Function[Any]) -> bool:
    """Whether an error of this function may mean that there is no such thing."""
    return row.repeat is Repeat.GONE or row in (table.CRON_GET, table.GROUP_GET)


@define(eq=False)
class Listing:
    """Listings one after the other, each shared by all who had asked before it was begun: to nobody else does it prove an absence."""

    _lock: anyio.Lock = field(factory=anyio.Lock)
    _asked: int = 0
    _proves: int = 0
    _ids: Ids = None

    async def ids(self, look: Callable[[Begin], Awaitable[Ids]]) -> Ids:
        """Return what a listing shows that is begun after now; `look` makes one where nobody else's serves."""
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._proves < mine:
                begun: list[int] = []
                self._ids = await look(lambda: begun.append(self._asked))
                self._proves = begun[0] if begun else self._asked
            return self._ids


class Listings:
    """The listings of one client, by what they list and how."""

    def __init__(self, asker: Callable[[Options, Lane, Begin], Ask]) -> None:
        self._asker = asker
        self._listings: WeakValueDictionary[tuple[str | None, Options], Listing] = (
            WeakValueDictionary()
        )

    async def is_gone(self, function: str, number: object, options: Options, lane: Lane) -> bool:
        """Whether a complete listing shows that none of the jobs or groups with these ids is there.

        Without a keyword: only FastCron documents that it searches ids.
        """
        wanted = {str(item) for item in (number if isinstance(number, list) else [number])}
        if number is None:
            return False
        options = evolve(options, max_wait=None, lane=lane)
        listing = self._listings.setdefault((target_of(function), options), Listing())
        shown = await listing.ids(partial(self._look, function, options, lane))
        return shown is not None and shown.isdisjoint(wanted)

    async def _look(self, function: str, options: Options, lane: Lane, begin: Begin) -> Ids:
        try:
            ids = await insist(partial(every_id, self._asker(options, lane, begin), function))
            return frozenset(str(number) for number in ids)
        except CronAPIError as problem:
            logger.debug(
                "%s: looking whether it is gone failed: %s", function, type(problem).__name__
            )
            return None


async def every_id(ask: Ask, function: str) -> list[int]:
    """Return the ids of all jobs, or of all groups where the function is about those."""
    return ids_of(
        listed(await ask(table.GROUP_LIST, {}))
        if target_of(function) == "group"
        else await every_job(ask)
    )
