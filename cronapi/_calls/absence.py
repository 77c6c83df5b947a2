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
from cronapi._protocol.ids import about
from cronapi.errors import CronAPIError, NotFoundError

Shown = frozenset[str] | None
"""The ids that a listing shows, or None if it failed."""
Begin = Callable[[], None]
"""Called when a request of a listing is sent."""
AskFrom = Callable[[Begin], Ask]
"""Makes a way to read that reports its requests."""


def may_be_missing(function: Function[Any], wanted: object) -> bool:
    """Return True if an error of this function may mean that there is no such job or group."""
    if function.name not in table.TABLE:
        return False
    return isinstance(wanted, int | str) or function.repeat is Repeat.GONE


def get_of(function: Function[Any]) -> Function[Any]:
    """Return the function that gets what the ids of another one name: a job or a group."""
    return table.GROUP_GET if about(function.name) == "group" else table.CRON_GET


async def is_missing(
    function: Function[Any], wanted: object, options: Options, ask_from: AskFrom, listings: Listings
) -> bool:
    """Return True if it is certain that there is no such job, or group.

    Deletes and gets ask a listing. Any other call of a job first gets the job: if that is there, as
    it is where a parameter was refused, no list of many pages is read for it.
    """
    get = get_of(function)
    if get is table.GROUP_GET or function.repeat is Repeat.GONE or function is get:
        return await listings.is_gone(get.name, wanted, options, ask_from)
    try:
        await ask_from(_nothing)(get, {"id": wanted})
    except CronAPIError as problem:  # of which only this one has asked a listing
        return isinstance(problem, NotFoundError)
    return False


def _nothing() -> None:
    """Do nothing when a request is sent."""


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
