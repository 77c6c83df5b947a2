"""Confirm absence with a complete listing, since the services' errors do not tell it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import anyio
from attrs import define, field

from cronapi import _functions as table
from cronapi._calls.lookup import retry_once
from cronapi._calls.memory import ids_of, target_of
from cronapi._calls.options import Options
from cronapi._calls.pages import Ask, as_list, every_job
from cronapi._functions import Function, Repeat
from cronapi._logs.lines import LISTING_FAILED, write
from cronapi.errors import CronAPIError

Shown = frozenset[str] | None
"""The ids that a listing shows, or None if it failed."""
Begin = Callable[[], None]
"""Called when a request of a listing is sent."""
AskFrom = Callable[[Begin], Ask]
"""Makes a way to read that reports its requests."""


def may_be_gone(function: Function[Any]) -> bool:
    """Return True if an error of this function may mean that there is no such job or group."""
    return function.repeat is Repeat.GONE or function in (table.CRON_GET, table.GROUP_GET)


@define(eq=False)
class Listing:
    """Listings in a row, each shared by the callers who had asked before it began.

    A listing proves absence only to callers who asked before it began.
    """

    _lock: anyio.Lock = field(factory=anyio.Lock)
    _asked: int = 0
    _proves: int = 0
    _shown: Shown = None

    async def shown(self, look: Callable[[Begin], Awaitable[Shown]]) -> Shown:
        """Return the ids of a listing that begins after now. `look` makes one if need be."""
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._proves < mine:
                begun: list[int] = []
                self._shown = await look(lambda: begun.append(self._asked))
                self._proves = begun[0] if begun else self._asked
            return self._shown


class Listings:
    """The listings of one client, by target and options."""

    def __init__(self) -> None:
        self._listings: WeakValueDictionary[tuple[str | None, Options], Listing] = (
            WeakValueDictionary()
        )

    async def is_gone(
        self, function: str, wanted: object, options: Options, ask_from: AskFrom
    ) -> bool:
        """Return True if a complete listing shows no job, or group, with one of these ids.

        It is read without a keyword, since only FastCron documents that a search covers ids.
        """
        ids = {str(number) for number in (wanted if isinstance(wanted, list) else [wanted])}
        if wanted is None:
            return False
        listing = self._listings.setdefault((target_of(function), options), Listing())
        shown = await listing.shown(partial(_look, function, ask_from))
        return shown is not None and shown.isdisjoint(ids)


async def _look(function: str, ask_from: AskFrom, begin: Begin) -> Shown:
    try:
        ids = await retry_once(partial(every_id, ask_from(begin), function))
        return frozenset(str(number) for number in ids)
    except CronAPIError as problem:
        write(LISTING_FAILED, function, problem)
        return None


async def every_id(ask: Ask, function: str) -> list[int]:
    """Return the ids of all jobs, or of all groups if the function is about groups."""
    if target_of(function) == "group":
        return ids_of(as_list(await ask(table.GROUP_LIST, {})))
    return ids_of(await every_job(ask))
