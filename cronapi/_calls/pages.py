"""Read the job list page by page, and know when all of it was read.

No documentation names the size of a page for certain, promises an order, or says that a service
knows pages at all. So a list ends at an empty page, at a page that brings no new id, or at a page
that is shorter than an earlier one. A page without a new id is the end only if its rows still stand
on the page before it: inserts can have moved them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from math import ceil
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, field

from cronapi import _functions as table
from cronapi._calls.memory import ids_of
from cronapi._calls.shifts import may_miss, repeats
from cronapi._functions import PAGE, Function
from cronapi.errors import ResponseError

T = TypeVar("T")
MOST_PAGES = 100_000
"""A list with more pages is taken for one without an end."""


@define
class Paging:
    """The longest page that a client has seen, in rows: of the whole list, and of searches."""

    longest: int = 0
    longest_of_search: int = 0
    last: int = 0
    """The rows of the last page, when the whole list was read last."""

    def is_last(self, rows: int, *, search: bool = False) -> bool:
        """Return True if a page with so few rows must be the last."""
        return rows < (self.longest_of_search if search else self.longest)

    def learn(self, rows: int, *, search: bool) -> None:
        """Learn from a page."""
        if search:
            self.longest_of_search = max(self.longest_of_search, rows)
        else:
            self.longest, self.last = max(self.longest, rows), rows

    def pages_of(self, jobs: int) -> int:
        """Return the pages that a list of so many jobs has, as far as can be told."""
        return max(1, ceil(jobs / (self.longest or PAGE)))

    def requests_for(self, pages: int) -> int:
        """Return the requests for a whole list, down and up.

        A last page that may be full costs two more: one to see the end, one to read it again.
        """
        may_be_full = self.longest > 0 and not self.is_last(self.last)
        return 2 * pages - 1 + 2 * may_be_full


class Ask(Protocol):
    """A way to make reads through the queue, like any other call."""

    @property
    def paging(self) -> Paging:
        """What the client knows about pages."""
        ...

    def __call__(self, function: Function[Any], sent: dict[str, Any], /) -> Awaitable[Any]:
        """Return the raw data of a read."""
        ...


def as_list(data: object) -> list[Any]:
    """Return a listing as it was answered. Anything but a list proves nothing: ResponseError."""
    if not isinstance(data, list):
        raise ResponseError("The listing is no list.")
    return data


@define
class Reading(Generic[T]):
    """One reading of a list: down from the first page, and up again to see what has moved.

    `read` returns a page by its number, `id_of` the id of a row. `first` is the first page, if it
    was read already.
    """

    read: Callable[[int], Awaitable[list[T]]]
    id_of: Callable[[T], object]
    paging: Paging
    search: bool = False
    first: list[T] | None = None
    _ends_full: bool = False
    """True if the last page may be full, so that a delete can have moved a row onto it."""
    _is_whole: bool = False
    """True if the service ignores `page`: every page is the whole list."""
    _repeated: list[object] = field(factory=list)
    """A page that brought no new id: the list has ended, or it has moved by a whole page."""
    _moved: int = 0
    """How often the list has moved by a whole page."""
    _seen: set[object] = field(factory=set)
    _down: list[list[object]] = field(factory=list)
    _up: list[list[object]] = field(factory=list)

    @property
    def pages(self) -> int:
        """The pages with rows that were read on the way down, again ones too, at least 1."""
        return max(1, len(self._down) + self._moved)

    async def down(self) -> AsyncGenerator[list[T], None]:
        """Yield the pages in order, until all of the list was read."""
        is_last = False
        while not is_last:
            number = len(self._down) + 1
            if number > MOST_PAGES:
                raise ResponseError(f"The list of jobs does not end after {MOST_PAGES} pages.")
            given = self.first if number == 1 else None
            rows = await self.read(number) if given is None else given
            ids = self._ids(rows)
            if self._seen.issuperset(ids):
                self._repeated, self._ends_full = ids, True
                return
            is_last = self._is_longer(ids) or self._take(ids)
            yield rows

    def _is_longer(self, ids: list[object]) -> bool:
        """Return True if a page is longer than one before it, and repeats it.

        That one was the whole list then, or its last page: the service ignores `page`.
        """
        return any(
            len(ids) > len(page) and not set(page).isdisjoint(ids) for page in self._down[-1:]
        )

    def _take(self, ids: list[object]) -> bool:
        """Add a page of the way down. Return True if it must be the last."""
        is_last = self.paging.is_last(len(ids), search=self.search)
        self.paging.learn(len(ids), search=self.search)
        self._down.append(ids)
        self._seen.update(ids)
        return is_last

    async def up(self) -> AsyncGenerator[list[T], None]:
        """Yield the pages once more, in reverse, without the last unless it may be full.

        A delete moves later jobs to earlier pages. A reader going down misses those, and a reader
        going up does not: a job that neither sees is not there. If inserts have moved a whole page
        to the next one, the rest of the way down comes first.
        """
        while self._repeated:
            rows = await self.read(len(self._down))
            yield rows
            if self._is_end(self._ids(rows)):
                break
            async with aclosing(self.down()) as pages:
                async for page in pages:
                    yield page
        for number in range(len(self._down) - (not self._ends_full) - len(self._up), 0, -1):
            rows = await self.read(number)
            self._up.insert(0, self._ids(rows))
            yield rows

    def _is_end(self, again: list[object]) -> bool:
        """Return True if the list has ended at the page before one without a new id.

        Read `again`, that page has rows of the other only if the service ignores `page` or repeats
        its last page. Without any row, the list has become shorter. Otherwise inserts have moved
        all of its rows to the other.
        """
        repeated, self._repeated = self._repeated, []
        if not again or not set(again).isdisjoint(repeated):
            self._up, self._is_whole = [again], len(self._down) == 1
            return True
        self._moved += 1
        self._ends_full = False
        return self._take(repeated)

    def _ids(self, rows: Iterable[T]) -> list[object]:
        return [self.id_of(row) for row in rows]

    @property
    def has_shifted(self) -> bool:
        """True if a job stood on two pages on the way down, because jobs were inserted or moved."""
        return bool(self._repeated) or repeats(self._down) > 0

    @property
    def may_have_missed(self) -> bool:
        """True if rows were moved so that both ways may have missed one.

        Inserts alone and deletes alone keep the order, and every job that stayed is seen on one of
        the ways.
        """
        if self._is_whole:
            return False
        is_full = self._ends_full and not self.paging.is_last(len(self._up[-1] if self._up else ()))
        up = self._up if self._ends_full else [*self._up, *self._down[-1:]]
        return may_miss(self._down, up, ends_full=is_full)

    async def all(self) -> list[T]:
        """Return all jobs, each once. ResponseError if one may have been missed."""
        rows: dict[object, T] = {}
        async for page in self.down():
            rows.update((self.id_of(row), row) for row in page)
        async for page in self.up():
            rows.update((self.id_of(row), row) for row in page)
        self.check()
        return list(rows.values())

    def check(self) -> None:
        """Raise ResponseError if a job may have been missed."""
        if self.may_have_missed:
            raise ResponseError(
                "The list of jobs changed while it was read, so a job may be missing."
            )


def job_list(
    ask: Ask, keyword: str | None = None, first: list[Any] | None = None
) -> Reading[dict[str, Any]]:
    """Return a reading of the job list, or of a search in it."""

    async def read(number: int) -> list[dict[str, Any]]:
        return as_list(await ask(table.CRON_LIST, page_params(number, keyword)))

    return Reading(read, _id_of, ask.paging, search=bool(keyword), first=first)


def page_params(number: int, keyword: str | None) -> dict[str, Any]:
    """Return the parameters of a page."""
    return {"page": number} | ({"keyword": keyword} if keyword else {})


def _id_of(row: object) -> str:
    return str(row.get("id")) if isinstance(row, Mapping) else repr(row)


async def every_job(ask: Ask, keyword: str | None = None) -> list[dict[str, Any]]:
    """Return the jobs of all pages, each once. ResponseError if one may have been missed."""
    return await job_list(ask, keyword).all()


def named(rows: Iterable[Any], name: str) -> dict[str, Any] | None:
    """Return the row of exactly this name, the lowest id if there are several, or None.

    ResponseError if none of them has an id: it is neither absent nor of any use.
    """
    found = [row for row in rows if isinstance(row, dict) and row.get("name") == name]
    usable = [row for row in found if ids_of(row)]
    if found and not usable:
        raise ResponseError("The list shows a job of this name without an id.")
    return min(usable, key=ids_of, default=None)


async def search_by_name(ask: Ask, name: str) -> dict[str, Any] | None:
    """Return the job of exactly this name on the first page of a search that shows one, or None.

    A search that shows none proves nothing: it may work by words or patterns. Only the whole list
    proves absence.
    """
    async with aclosing(job_list(ask, name).down()) as pages:
        async for page in pages:
            if (row := named(page, name)) is not None:
                return row
    return None


async def find_by_name(ask: Ask, name: str) -> dict[str, Any] | None:
    """Return the job of exactly this name, found by a search or in the whole list, or None."""
    row = await search_by_name(ask, name)
    return named(await every_job(ask), name) if row is None else row
