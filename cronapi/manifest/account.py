"""Read the part of an account that a plan needs: the scope's group, and the list of jobs."""

from __future__ import annotations

from math import ceil
from typing import Any

import attrs

from cronapi import _functions as table
from cronapi._batch.calls import Calls
from cronapi._calls.memory import ids_of
from cronapi._calls.pages import Ask, Paging, Reading, as_list, job_list
from cronapi._functions import PAGE, Function
from cronapi.errors import ManifestError
from cronapi.manifest.compare import Row
from cronapi.manifest.problems import error_of
from cronapi.manifest.wanted import Scope


@attrs.define
class CountingAsk:
    """Makes reads, and counts them."""

    ask: Ask
    count: int = 0

    @property
    def paging(self) -> Paging:
        """The pages that the client has seen."""
        return self.ask.paging

    async def __call__(self, function: Function[Any], sent: dict[str, Any], /) -> Any:
        """Return the raw data of a read."""
        self.count += 1
        return await self.ask(function, sent)


@attrs.define
class Account:
    """The jobs of an account as far as they were read, and the id of the scope's group.

    Reading the list down shows every job that did not move meanwhile. `finish` reads it up too,
    which is needed only where a job seems to be missing.
    """

    group_id: int | None
    rows: dict[int, Row] = attrs.field(repr=False)
    _ask: CountingAsk = attrs.field(repr=False)
    _reading: Reading[dict[str, Any]] = attrs.field(repr=False)
    is_whole: bool = False

    @property
    def requests(self) -> int:
        """The requests that it took."""
        return self._ask.count

    @property
    def paging(self) -> Paging:
        """The pages that the client has seen."""
        return self._ask.paging

    @property
    def has_shifted(self) -> bool:
        """True if jobs moved while the list was read."""
        return self._reading.has_shifted

    async def finish(self) -> None:
        """Read the list up too. ResponseError if a job may have been missed all the same."""
        if self.is_whole:
            return
        async for page in self._reading.up():
            self.take(page)
        self._reading.check()
        self.is_whole = True

    def take(self, page: list[dict[str, Any]]) -> None:
        """Add the jobs of a page. One without an id is of no use."""
        self.rows.update((ids[0], row) for row in page if (ids := ids_of(row)))


async def read_account(calls: Calls, scope: Scope, group_id: int | None = None) -> Account:
    """Look up the group of the scope, unless its id is known, and read the list down.

    ManifestError if several groups have the scope's name.
    """
    ask = CountingAsk(calls.ask)
    if scope.group is not None and group_id is None:
        group_id = await _group_id(ask, scope)
    account = Account(group_id, {}, ask, job_list(ask))
    async for page in account._reading.down():  # noqa: SLF001 -- its own
        account.take(page)
    return account


async def _group_id(ask: CountingAsk, scope: Scope) -> int | None:
    groups = as_list(await ask(table.GROUP_LOOKUP, {"name": scope.group}))
    ids = [ids_of(group)[0] for group in groups if ids_of(group)]
    if len(ids) > 1:
        raise _several(scope, ids)
    return ids[0] if ids else None


def _several(scope: Scope, ids: list[int]) -> ManifestError:
    listed = ", ".join(map(str, ids))
    return error_of([f"{scope.place}: several groups are called {scope.group!r}: ids {listed}."])


def pages_down(jobs: int, paging: Paging) -> int:
    """Return the requests for reading a list of so many jobs down."""
    size = paging.longest if paging.longest > paging.last else PAGE
    pages = ceil(jobs / size)
    last = jobs - (pages - 1) * size
    longest = max(paging.longest, size if pages > 1 else 0)
    return pages if pages and last < longest else pages + 1
