"""The readings of the job list that the input of a bulk has begun and not yet ended.

A delete moves later jobs to earlier pages, and an edit can take a job out of a search. So a bulk
changes nothing while its own input reads the list. A reading that the input has left without an end
must not keep the bulk for ever, so one that rests for long counts as over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import TypeVar
from weakref import WeakValueDictionary

import anyio
from attrs import define, field

T = TypeVar("T")
LONGEST_REST = 300.0
"""Seconds in which an input that is in the middle of the list gets on with it."""
_watching: ContextVar[Readings | None] = ContextVar("cronapi_readings", default=None)


@define(eq=False)
class ListReading:
    """One reading of the job list. It may go on in another task than the one that began it."""

    is_under_way: bool = False
    """True while a page is asked for."""
    got_on_at: float = 0.0
    """When it last came to another page or job, in the time of the event loop."""
    _watchers: set[Readings] = field(factory=set)

    def go_on(self, *, is_under_way: bool) -> None:
        """Tell the bulk whose input is being read, if there is one."""
        if (readings := _watching.get()) is not None:
            self.is_under_way, self.got_on_at = is_under_way, anyio.current_time()
            readings.add(self)
            self._watchers.add(readings)

    def end(self) -> None:
        """Tell the bulks that this reading is over."""
        for readings in self._watchers:
            readings.end(self)
        self._watchers.clear()

    def note_item(self) -> None:
        """Take note that the input has made an item."""

    def has_rested(self, now: float) -> bool:
        """Return True if the input does not seem to go on with it."""
        return not self.is_under_way and now - self.got_on_at >= LONGEST_REST


@define(eq=False)
class PagesByHand(ListReading):
    """The pages of one list that an input asks for itself. It tells nobody which is its last."""

    _asked: int = 0
    """The pages that are under way."""
    _farthest: int = 0
    """The highest number of a page with jobs."""
    _items: int = 0
    """The items that the input may still make of that page."""
    _has_ended: bool = False

    async def page(self, number: int, ask: Awaitable[T]) -> T:
        """Return a page. One without jobs is the end, once no other is under way."""
        self._asked, self._has_ended = self._asked + 1, False
        self.is_under_way: bool = True
        try:
            rows = await ask
            if not rows:
                self._has_ended = True
            elif number > self._farthest and isinstance(rows, list | tuple):
                self._farthest, self._items = number, len(rows)
                self.got_on_at: float = anyio.current_time()
        finally:  # a page that has failed may be asked for again
            self._asked -= 1
            self.is_under_way = self._asked > 0
            if self._has_ended and not self.is_under_way:
                self.end()
        return rows

    def note_item(self) -> None:
        """Take note of an item. More items than jobs are no progress in the list."""
        if self._items:
            self._items -= 1
            self.got_on_at = anyio.current_time()


@define(eq=False)
class Readings:
    """The open readings of one task. `on_end` is called when one has ended."""

    on_end: Callable[[], None]
    were_any: bool = False
    """True once the list was read at all."""
    _open: set[ListReading] = field(factory=set)
    _by_hand: WeakValueDictionary[object, PagesByHand] = field(factory=WeakValueDictionary)
    """Those that are open, by their lists. An input may make a search for each of its items."""

    def watch(self) -> None:
        """Watch the readings that go on in the running task, and in tasks that it starts."""
        _watching.set(self)

    @property
    def are_open(self) -> bool:
        """True while the list is being read."""
        return bool(self._open)

    def add(self, reading: ListReading) -> None:
        """Take note of a reading."""
        self.were_any = True
        self._open.add(reading)

    def end(self, reading: ListReading) -> None:
        """Take note that a reading has ended."""
        self._open.discard(reading)
        self.on_end()

    def by_hand(self, key: object) -> PagesByHand:
        """Return the open reading by hand of one list."""
        reading = self._by_hand.get(key)
        if reading is None or reading not in self._open:
            reading = self._by_hand[key] = PagesByHand()
            reading.go_on(is_under_way=True)
        return reading

    def note_item(self) -> None:
        """Take note that the input has made an item."""
        for reading in self._open:
            reading.note_item()

    def patience(self, now: float) -> float:
        """Return the seconds until a reading may have rested for long, at least 1."""
        longest = min((reading.got_on_at for reading in self._open), default=now)
        return max(1.0, longest + LONGEST_REST - now)

    def end_rested(self, now: float) -> None:
        """Take the readings that have rested for long for over."""
        for reading in [one for one in self._open if one.has_rested(now)]:
            reading.end()


async def page_by_hand(ask: Awaitable[T], caller: object, params: Mapping[str, object]) -> T:
    """Return the page of the job list that `ask` reads.

    A bulk learns of it if its own input asks for the page.
    """
    readings, page = _watching.get(), params.get("page")
    if readings is None or page is None:
        return await ask
    reading = readings.by_hand((caller, params.get("keyword")))
    return await reading.page(int(text) if (text := str(page)).isdecimal() else 0, ask)
