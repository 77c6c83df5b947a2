"""Pages of any length, `page` ignored, and rows that move: nothing is missed, and reading ends."""

from __future__ import annotations

import math
from contextlib import aclosing

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import NotFoundError, ResponseError
from cronapi._calls.pages import Paging, Reading
from cronapi.emulator import Fault
from tests.support.emulated import URL, emulator, fill, paced, specs, virtual
from tests.support.told import CREATES, WAYS, is_true, told_of

SIZES = [7, 100, 125, 249, 250, 1000]


def count(app, function=None):
    return sum(function in (None, one.function) for one in app.emulator.requests)


def ids(app, provider="fastcron"):
    return [row["id"] for row in app.emulator.jobs(provider)]


async def iterated(api):
    async with aclosing(api.cron.iterate()) as jobs:
        return [job.id async for job in jobs]


# --- a service with pages of another length ------------------------------------------------------


@pytest.mark.virtual_clock
@pytest.mark.parametrize("size", SIZES)
async def test_iterate_yields_every_job(size):
    """However long a page is, in its pages and one request more."""
    app = emulator(page_size=size, rates={"fastcron": None})
    there = fill(app, "fastcron", 250)
    async with paced(app) as api:
        assert await iterated(api) == there
    assert count(app) <= math.ceil(250 / size) + 1


@pytest.mark.virtual_clock
@pytest.mark.parametrize("size", SIZES)
async def test_a_job_on_any_page_is_found_and_no_other(size):
    """Absence is told once the whole list was read."""
    app = emulator(page_size=size, rates={"fastcron": None})
    there = fill(app, "fastcron", 250)
    async with paced(app) as api:
        for id in (there[0], there[150], there[249]):
            assert (await api.cron.get(id)).id == id
        with pytest.raises(NotFoundError):
            await api.cron.get(there[-1] + 1)
        report = await api.cron.get_many([*there, there[-1] + 1])
    assert [job.id for job in report.values] == there
    assert isinstance(report[250].error, NotFoundError)


@pytest.mark.virtual_clock
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
async def test_a_lost_create_is_found_on_any_page(size, way):
    """Its jobs are on the last page."""

    def spec(number):
        return {"url": f"{URL}/mine/{number}", "name": f"mine {number}"}

    for fault in ("lose", "reset"):
        app = emulator(page_size=size, rates={"fastcron": None})
        there = fill(app, "fastcron", 250)
        app.emulator.faults.add(*(Fault(fault, function=name) for name in CREATES))
        async with paced(app, scheduler=virtual(1000.0)) as api:
            await iterated(api)  # it knows the jobs of the account
            found = await WAYS[way](api, spec)
        assert is_true(found, app.emulator.jobs("fastcron"), known=there)
        assert found.done


@pytest.mark.virtual_clock
@pytest.mark.parametrize("size", SIZES)
async def test_ensure_twice_makes_one(size):
    """The second night finds the job of the first on a later page."""
    app, made = emulator(page_size=size, rates={"fastcron": None}), set()
    fill(app, "fastcron", 250)
    for _ in range(2):
        async with paced(app) as api:
            made.add((await api.cron.ensure(name="nightly", url=URL)).id)
    assert len(made) == 1
    assert len(ids(app)) == 251


# --- page ignored, and rows that move ------------------------------------------------------------


@pytest.mark.virtual_clock
@pytest.mark.parametrize("jobs", [0, 1, 5, 999, 1000, 1001])
@pytest.mark.parametrize("options", [{"ignore_page": True}, {"page_size": 1000}], ids=str)
async def test_a_service_that_ignores_page_is_read_once(jobs, options):
    """Each job once, in two requests, or three where there are two pages."""
    app = emulator(rates={"setcronjob": None}, **options)
    there = fill(app, "setcronjob", jobs)
    async with paced(app, "setcronjob") as api:
        assert await iterated(api) == there
    assert count(app) <= 3


@pytest.mark.virtual_clock
@pytest.mark.parametrize("moves", ["fail", "shuffle"])
@pytest.mark.parametrize("size", [None, 100, 1000])
async def test_a_list_whose_rows_move_ends(moves, size):
    """`page` may be ignored too. No row comes twice, and what could be missed is an error."""
    options = {"ignore_page": True} if size is None else {"page_size": size}
    app = emulator(moves=moves, rates={"setcronjob": None}, **options)
    there = fill(app, "setcronjob", 1000)
    with anyio.fail_after(600):
        async with paced(app, "setcronjob") as api:
            try:
                found = await iterated(api)
            except ResponseError:
                found = []
            assert len(found) == len(set(found))
            assert not found or set(found) == set(there)
            for wanted in ("n0", "n999"):
                try:
                    assert (await api.cron.find(wanted)).name == wanted
                except ResponseError:
                    continue


@pytest.mark.virtual_clock
@pytest.mark.parametrize("moves", ["fail", "shuffle"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [3, 10, 1000])
async def test_creates_tell_the_truth_where_rows_move(moves, way, size):
    """A list whose order changes proves nothing absent."""

    def spec(number):
        return {"url": f"{URL}/mine/{number}", "name": f"mine {number}"}

    for fault in ("lose", "reset"):
        app = emulator(moves=moves, page_size=size, rates={"fastcron": None}, seed=size)
        there = fill(app, "fastcron", 20)
        app.emulator.faults.add(*(Fault(fault, function=name) for name in CREATES))
        async with paced(app, scheduler=virtual(1000.0)) as api:
            found = await WAYS[way](api, spec)
        assert is_true(found, app.emulator.jobs("fastcron"), known=there), (fault, found)


@pytest.mark.virtual_clock
async def test_a_bulk_of_a_service_that_ignores_page_ends():
    """`add_many` lists the ids first."""
    app = emulator(moves="fail", ignore_page=True, rates={"setcronjob": None})
    fill(app, "setcronjob", 1000)
    async with paced(app, "setcronjob") as api:
        found = told_of(await api.cron.add_many(specs(20, "mine")))
    assert len(found.done) == 20


# --- the reading alone ---------------------------------------------------------------------------


class Shelf:
    """A list that is read in pages, and that changes by a plan between two reads."""

    def __init__(self, rows, size, changes=(), *, ignores_page=False):
        self.rows, self.size, self.asked = list(rows), size, 0
        self.changes, self.ignores_page = list(changes), ignores_page
        self.stayed = set(rows)

    async def read(self, number):
        if self.asked and self.changes:
            self.changes.pop(0)(self)
        self.asked += 1
        if self.ignores_page:
            return list(self.rows)
        return self.rows[(number - 1) * self.size : number * self.size]

    def insert(self, place, row):
        self.rows.insert(place % (len(self.rows) + 1), row)

    def delete(self, place):
        if self.rows:
            self.stayed.discard(self.rows.pop(place % len(self.rows)))


def reading(shelf, paging=None):
    return Reading(shelf.read, lambda row: row, paging or Paging())


def pages(rows, size):
    return max(1, math.ceil(rows / size))


PLACE = st.integers(0, 3000)


@given(rows=st.integers(0, 1500), size=st.integers(1, 1000), ignores=st.booleans())
def test_a_still_list_costs_its_pages_and_one_request_more(rows, size, ignores):
    """Each row once and in order, for any size of a page."""
    shelf = Shelf(range(rows), size, ignores_page=ignores)

    async def read():
        return [row async for page in reading(shelf).down() for row in page]

    assert anyio.run(read) == list(range(rows))
    assert shelf.asked <= (1 if ignores else pages(rows, size)) + 1


@given(rows=st.integers(0, 1500), size=st.integers(1, 1000))
def test_a_client_that_has_seen_a_longer_page_saves_that_request(rows, size):
    """A page that is shorter than one seen before is the last."""
    shelf = Shelf(range(rows), size)

    async def read():
        return [row async for page in reading(shelf, Paging(size)).down() for row in page]

    assert anyio.run(read) == list(range(rows))
    assert shelf.asked == pages(rows, size) + (rows > 0 and rows % size == 0)


SIZE = st.one_of(st.integers(1, 30), st.integers(1, 1000))


def changes(draw, rows, size):
    """Draw inserts or deletes, with which no page comes twice and the last one stays."""
    fresh = iter(range(10_000, 10_000 + min(size - 1, 40)))
    inserts = draw(st.lists(PLACE, max_size=min(size - 1, 40)))
    drawn = [lambda shelf, place=place: shelf.insert(place, next(fresh)) for place in inserts]
    if not inserts:
        deletes = draw(st.lists(PLACE, max_size=min((rows - 1) % size, 30)))
        drawn = [lambda shelf, place=place: shelf.delete(place) for place in deletes]
    return drawn


@given(rows=st.integers(0, 300), size=SIZE, data=st.data())
def test_nothing_that_stayed_is_missed_where_rows_are_inserted_or_deleted(rows, size, data):
    """Inserts and deletes keep the order of the rest."""
    shelf = Shelf(range(rows), size, changes(data.draw, rows, size))

    async def read():
        one = reading(shelf)
        return await one.all(), one.pages

    found, read_pages = anyio.run(read)
    assert shelf.stayed <= set(found)
    assert len(found) == len(set(found))
    assert shelf.asked <= 2 * read_pages + 1


@pytest.mark.parametrize("size", [2, 1000])
async def test_a_last_page_that_a_delete_empties_hides_no_job(size):
    """The last job moves to a page that was read when an earlier one goes: it is still found."""
    rows = list(range(2 * size + 1))

    async def read(number):
        page = rows[(number - 1) * size : number * size]
        if number == 2 and 0 in rows:
            rows.remove(0)
        return page

    assert 2 * size in await Reading(read, lambda row: row, Paging()).all()
