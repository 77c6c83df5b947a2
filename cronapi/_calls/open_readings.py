"""The readings of the job list that the input of a bulk has begun and not yet ended.

A delete moves later jobs to earlier pages, and an edit can take a job out of a search. So a bulk
changes nothing while its own input reads the list. A reading that the input has left without an end
must not keep the bulk for ever. So it counts as over once the input has made more items than the
reading can have shown since its last step, or has rested for long.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TypeVar

from attrs import define, field

from cronapi._calls.pages import Paging

S = TypeVar("S", bound=Sequence[object])
_COPIES = 10
"""The most jobs that an input is expected to make of one."""
_watching: ContextVar[Readings | None] = ContextVar("cronapi_readings", default=None)


@define(eq=False)
class PagesByHand:
    """The pages that an input asks for itself. It has told nobody how many it will read.

    An input of `adds` may make several jobs of one, and its jobs would make the last page longer.
    """

    adds: bool
    _keyword: object = None
    _page: int = 0
    """The page that was read last, 0 after the end of the list."""
    _rows: int = 0
    """The jobs on that page."""
    _reach: tuple[float, int] = (math.inf, 0)
    """Page and jobs at which the input left off before it began anew."""

    def ask(self, number: int, keyword: object) -> None:
        """Take note that a page is asked for."""
        if keyword != self._keyword:
            self._keyword, self._page, self._reach = keyword, 0, (math.inf, 0)
        elif 0 < number <= self._page:
            self._reach = self._page, self._rows
        elif number > self._reach[0]:
            self._reach = math.inf, 0

    def answer(self, number: int, rows: int, *, is_short: bool) -> int:
        """Return the items that the input may make of a page, 0 for the end of its reading."""
        is_last = not rows or (is_short and not self.adds)
        self._page, self._rows = 0 if is_last else number, rows
        page, most = self._reach
        has_left = number >= page and rows <= most
        return 0 if is_last or has_left else rows * (_COPIES if self.adds else 1)


@define(eq=False)
class Readings:
    """The open readings of one task.

    `on_step` is called when a page that an input asks for has come or failed, and when a reading
    ends.
    """

    on_step: Callable[[], None]
    _by_hand: PagesByHand
    were_any: bool = False
    """True once the list was read at all."""
    _open: dict[object, float] = field(factory=dict)
    """The items that the input may still make before a reading counts as left."""

    def watch(self) -> None:
        """Watch the readings that go on in the running task, and in tasks that it starts."""
        _watching.set(self)

    @property
    def are_open(self) -> bool:
        """True while the list is being read."""
        return bool(self._open)

    @property
    def may_be_left(self) -> bool:
        """True if the list is being read, and no page of it is under way."""
        return self.are_open and math.inf not in self._open.values()

    def add(self, reading: object, items: float) -> None:
        """Take note of a step of a reading, which may give so many items; no end for a request."""
        self.were_any = True
        self._open[reading] = items

    def end(self, reading: object) -> None:
        """Take note that a reading has ended."""
        self._open.pop(reading, None)
        self.on_step()

    def made_item(self) -> None:
        """Take note that the input has made an item."""
        for reading in self._open:
            self._open[reading] -= 1
        self._leave(below=0)

    def leave(self) -> None:
        """Take the readings without a page under way for left."""
        self._leave(below=math.inf)

    def _leave(self, below: float) -> None:
        for reading in [reading for reading, items in self._open.items() if items < below]:
            self.end(reading)

    async def page(self, number: int, keyword: object, ask: Awaitable[S], paging: Paging) -> S:
        """Return a page that the input has asked for itself.

        One without jobs, or shorter than another, is the last. One that fails may be asked for
        again.
        """
        before = self._open.get(self._by_hand, 0)
        self._by_hand.ask(number, keyword)
        self.add(self._by_hand, math.inf)
        try:
            rows = await ask
        except BaseException:  # whatever ends the call, the page was not read
            self.add(self._by_hand, before)
            self.on_step()
            raise
        is_short = paging.is_last(len(rows), search=bool(keyword))
        if most := self._by_hand.answer(number, len(rows), is_short=is_short):
            self.add(self._by_hand, most)
            self.on_step()
        else:
            self.end(self._by_hand)
        paging.see(len(rows), search=bool(keyword))
        return rows


@define(eq=False)
class ListReading:
    """One reading of the job list. It may go on in another task than the one that began it."""

    _watchers: set[Readings] = field(factory=set)

    def go_on(self, items: float = math.inf) -> None:
        """Tell the bulk whose input is being read, if there is one.

        The input may make so many `items` of this step, without an end while a page is under way.
        """
        if (readings := _watching.get()) is not None:
            readings.add(self, items)
            self._watchers.add(readings)

    def end(self) -> None:
        """Tell the bulks that this reading is over."""
        for readings in self._watchers:
            readings.end(self)
        self._watchers.clear()


async def page_by_hand(ask: Awaitable[S], paging: Paging, params: Mapping[str, object]) -> S:
    """Return what `ask` does, and tell the bulk whose input asks for a page of the job list."""
    readings, page = _watching.get(), params.get("page")
    if readings is None or page is None:
        return await ask
    number = int(text) if (text := str(page)).isdecimal() else 0
    return await readings.page(number, params.get("keyword"), ask, paging)
