"""Read the job list page by page, and know when all of it was read.

No documentation names the size of a page for certain, promises an order, or says that a service
knows pages at all. So a list ends at an empty page, at a page that brings no new id, or at a page
that is shorter than an earlier one.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from math import ceil
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, field

from cronapi import _functions as table
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
        """Return the requests for a whole list, down and up, with one to see its end if need be."""
        sees_end = self.longest > 0 and not self.is_last(self.last)
        return 2 * pages - 1 + sees_end


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
    """True if an empty page came after one that may be full: a delete can have emptied it."""
    _down: list[list[object]] = field(factory=list)
    _up: list[list[object]] = field(factory=list)

    @property
    def pages(self) -> int:
        """The pages with rows that were read on the way down, at least 1."""
        return max(1, len(self._down))

    async def down(self) -> AsyncGenerator[list[T], None]:
        """Yield the pages in order, until all of the list was read."""
        seen: set[object] = set()
        for number in itertools.count(1):
            if number > MOST_PAGES:
                raise ResponseError(f"The list of jobs does not end after {MOST_PAGES} pages.")
            given = self.first if number == 1 else None
            rows = await self.read(number) if given is None else given
            ids = [self.id_of(row) for row in rows]
            if seen.issuperset(ids):
                self._ends_full = not ids and self._may_be_full
                return
            self._down.append(ids)
            is_last = self.paging.is_last(len(rows), search=self.search)
            self.paging.learn(len(rows), search=self.search)
            yield rows
            if is_last:
                return
            seen.update(ids)

    async def up(self) -> AsyncGenerator[list[T], None]:
        """Yield the pages once more, in reverse, without the last unless it may be full.

        A delete moves later jobs to earlier pages. A reader going down misses those, and a reader
        going up does not: a job that neither sees is not there.
        """
        for number in range(len(self._down) - (not self._ends_full), 0, -1):
            rows = await self.read(number)
            self._up.insert(0, [self.id_of(row) for row in rows])
            yield rows

    @property
    def _may_be_full(self) -> bool:
        lengths = [len(page) for page in self._down]
        full = len(lengths) > 1 and lengths[-1] >= max(lengths)
        return full or lengths[-1:] >= [PAGE]

    @property
    def has_shifted(self) -> bool:
        """True if a job stood on two pages on the way down, because jobs were inserted or moved."""
        return _repeats(self._down) > 0

    @property
    def may_have_missed(self) -> bool:
        """True if rows changed their order, so that both ways may have missed one.

        Inserts and deletes alone keep the order, and every job that stayed is seen on one of the
        ways.
        """
        down, up = _in_order(self._down), _in_order([*self._up, *self._down[-1:]])
        new = up.keys() - down.keys()
        reordered = [one for one in down if one in up] != [one for one in up if one in down]
        return reordered or _repeats(self._down) > len(new)

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
                "The list of jobs changed its order while it was read, so a job may be missing."
            )


def _in_order(pages: Iterable[Iterable[object]]) -> dict[object, None]:
    return dict.fromkeys(one for page in pages for one in page)


def _repeats(pages: Iterable[Iterable[object]]) -> int:
    """Return how many rows stand on a later page again."""
    ids = [one for page in pages for one in dict.fromkeys(page)]
    return len(ids) - len(set(ids))


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


async def find_by_name(ask: Ask, name: str) -> dict[str, Any] | None:
    """Return the job of exactly this name, the lowest id if there are several, or None.

    A search that shows none proves nothing: it may work by words or patterns. Only the whole list
    proves absence.
    """

    def named(rows: Iterable[Any]) -> dict[str, Any] | None:
        found = [row for row in rows if isinstance(row, dict) and row.get("name") == name]
        return min(found, key=lambda row: int(row["id"]), default=None)

    async with aclosing(job_list(ask, name).down()) as pages:
        async for page in pages:
            if (row := named(page)) is not None:
                return row
    return named(await every_job(ask))
