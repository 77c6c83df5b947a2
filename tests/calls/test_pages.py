"""Pages of any length, `page` ignored, and rows that move: nothing is missed, and reading ends."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from contextlib import aclosing

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronapi import NotFoundError, ResponseError
from cronapi._calls.pages import Paging, Reading
from cronapi.emulator import Fault
from cronapi.emulator.request import Request
from tests.support.emulated import TOKEN, URL, emulator, fill, paced, specs, virtual
from tests.support.seen import ids, sent
from tests.support.told import CREATES, WAYS, is_true, told_of

JOBS = 24
SIZES = [5, 10, 12, 23, 24, 1000]
"""Pages for 24 jobs: many, a short last one, two full ones, one job left, one full one, one."""


def spec(number):
    """Return a job that is not among those of the account."""
    return {"url": f"{URL}/mine/{number}", "name": f"mine {number}"}


def paging(size, jobs=JOBS, provider="fastcron", **options):
    """Return an emulator with pages of this size, and the ids of the jobs in it."""
    app = emulator(page_size=size, rates={provider: None}, **options)
    return app, fill(app, provider, jobs)


def hurried(app, provider="fastcron"):
    """Return a client whose requests are a millisecond apart."""
    return paced(app, provider, scheduler=virtual(1000.0))


async def iterated(api):
    async with aclosing(api.cron.iterate()) as jobs:
        return [job.id async for job in jobs]


async def create_and_lose(app, there, way):
    """Let a client that knows the jobs of the account lose the answer to its create."""
    app.emulator.faults.add(*(Fault("lose", function=name) for name in CREATES))
    async with hurried(app) as api:
        await iterated(api)
        found = await WAYS[way](api, spec)
    return found.done and is_true(found, app.emulator.jobs("fastcron"), known=there)


# --- a service with pages of another length ------------------------------------------------------


@pytest.mark.virtual_clock
async def test_iterate_yields_every_job():
    """However long a page is, in its pages and one request more."""
    for size in SIZES:
        app, there = paging(size)
        async with hurried(app) as api:
            assert await iterated(api) == there
        assert sent(app) <= math.ceil(JOBS / size) + 1, size


@pytest.mark.crowd
@pytest.mark.virtual_clock
async def test_a_job_on_any_page_is_found_and_no_other():
    """A job on any page is found, and absence is told once the whole list was read."""
    for size in SIZES:
        app, there = paging(size)
        async with hurried(app) as api:
            for id in (there[0], there[15], there[-1]):
                assert (await api.cron.get(id)).id == id
            with pytest.raises(NotFoundError):
                await api.cron.get(there[-1] + 1)
            report = await api.cron.get_many([*there, there[-1] + 1])
        assert [job.id for job in report.values] == there, size
        assert isinstance(report[JOBS].error, NotFoundError), size


@pytest.mark.few(2)
@pytest.mark.virtual_clock
@pytest.mark.parametrize("way", WAYS)
async def test_a_lost_create_is_found_on_any_page(way):
    """A create whose answer was lost is adopted from the last page, whatever a page holds."""
    for size in SIZES:
        app, there = paging(size)
        assert await create_and_lose(app, there, way), size


@pytest.mark.few(2)
@pytest.mark.virtual_clock
@pytest.mark.parametrize("way", WAYS)
async def test_a_create_that_never_arrived_is_sent_again_after_any_page(way):
    """A create of which the whole list shows no trace is made, once."""
    for size in (5, 12, 1000):
        app, there = paging(size)
        app.emulator.faults.add(*(Fault("reset", function=name) for name in CREATES))
        async with hurried(app) as api:
            await iterated(api)
            found = await WAYS[way](api, spec)
        assert found.done, size
        assert is_true(found, app.emulator.jobs("fastcron"), known=there), size


@pytest.mark.proof
@pytest.mark.virtual_clock
@pytest.mark.parametrize("way", WAYS)
async def test_a_lost_create_is_found_on_any_of_many_pages(way):
    """A create whose answer was lost is adopted from the last of up to 36 pages."""
    for size in (7, 100, 125, 249, 250):
        app, there = paging(size, 250)
        assert await create_and_lose(app, there, way), size


@pytest.mark.crowd
@pytest.mark.virtual_clock
async def test_ensure_twice_makes_one():
    """The second night finds the job of the first on a later page."""
    for size in SIZES:
        (app, _), made = paging(size), set()
        for _ in range(2):
            async with hurried(app) as api:
                made.add((await api.cron.ensure(name="nightly", url=URL)).id)
        assert len(made) == 1, size
        assert len(ids(app)) == JOBS + 1, size


@pytest.mark.virtual_clock
@pytest.mark.parametrize("search", ["contains", "none"])
async def test_ensure_of_a_new_name_reads_the_list_once(search):
    """It costs a search, the list once down and once up, and the add."""
    app, _ = paging(10, search=search)
    async with hurried(app) as api:
        await api.cron.ensure(name="nightly", url=URL)
    lists = sent(app, "cron.list")
    assert lists == 1 + 3 + 2
    assert sent(app) == lists + 1


# --- page ignored, and rows that move ------------------------------------------------------------


@pytest.mark.few(1)
@pytest.mark.virtual_clock
@pytest.mark.parametrize("options", [{"ignore_page": True}, {"page_size": 1000}], ids=str)
async def test_a_service_that_ignores_page_is_read_once(options):
    """Each job once, in two requests, or three where there are two pages or they may be."""
    for jobs in (0, 1, 5, 999, 1000, 1001):
        app = emulator(rates={"setcronjob": None}, **options)
        there = fill(app, "setcronjob", jobs)
        async with hurried(app, "setcronjob") as api:
            assert await iterated(api) == there
        assert sent(app) <= 3, jobs


@pytest.mark.virtual_clock
@pytest.mark.parametrize("moves", ["fail", "shuffle"])
async def test_a_list_whose_rows_move_ends(moves):
    """`page` may be ignored too. No row comes twice, and what could be missed is an error."""
    for options in ({"ignore_page": True}, {"page_size": 10}, {"page_size": 100}):
        app = emulator(moves=moves, rates={"setcronjob": None}, **options)
        there = fill(app, "setcronjob", 100)
        with anyio.fail_after(600):
            async with hurried(app, "setcronjob") as api:
                try:
                    found = await iterated(api)
                except ResponseError:
                    found = []
                assert len(found) == len(set(found))
                assert not found or set(found) == set(there)
                for wanted in ("n0", "n99"):
                    try:
                        assert (await api.cron.find(wanted)).name == wanted
                    except ResponseError:
                        continue


@pytest.mark.few(2)
@pytest.mark.virtual_clock
@pytest.mark.parametrize("moves", ["fail", "shuffle"])
@pytest.mark.parametrize("way", WAYS)
async def test_creates_tell_the_truth_where_rows_move(moves, way):
    """A list whose order changes proves nothing absent."""
    for size, fault in itertools.product((3, 10, 1000), ("lose", "reset")):
        app, there = paging(size, 20, moves=moves, seed=size)
        app.emulator.faults.add(*(Fault(fault, function=name) for name in CREATES))
        async with hurried(app) as api:
            found = await WAYS[way](api, spec)
        assert is_true(found, app.emulator.jobs("fastcron"), known=there), (size, fault, found)


@pytest.mark.virtual_clock
async def test_a_bulk_of_a_service_that_ignores_page_ends():
    """`add_many` lists the ids first."""
    app = emulator(moves="fail", ignore_page=True, rates={"setcronjob": None})
    fill(app, "setcronjob", 100)
    async with hurried(app, "setcronjob") as api:
        found = told_of(await api.cron.add_many(specs(20, "mine")))
    assert len(found.done) == 20


class Meanwhile(httpx.AsyncBaseTransport):
    """Lets another program do something right before page 2 is answered."""

    def __init__(self, app, function, **params):
        self.app, self.inner = app, httpx.ASGITransport(app)
        self.todo = [
            Request("fastcron", function, body=json.dumps({"token": TOKEN, **params}).encode())
        ]

    async def handle_async_request(self, request):
        if json.loads(request.content).get("page") == 2 and self.todo:
            self.app.emulator.apply(self.todo.pop())
        return await self.inner.handle_async_request(request)


@pytest.mark.crowd
@pytest.mark.virtual_clock
async def test_a_job_that_moves_onto_a_page_that_was_read_is_found():
    """A page is exactly full, and the next one is emptied by a delete: the last job moved up."""
    for size in (1, 4, 1000):
        app, there = paging(size, size + 1, search="none")
        transport = Meanwhile(app, "cron.delete", id=there[0])
        async with paced(app, transport=transport, scheduler=virtual(1000.0)) as api:
            assert (await api.cron.find(f"n{size}")).id == there[-1]
        assert not transport.todo


# --- the reading alone ---------------------------------------------------------------------------


class Shelf:
    """A list that is read in pages, and that changes by a plan between two reads.

    Beyond its end it shows an empty page, with `clamps` the last page once more, and with
    `ignores_page` every page is the whole list.
    """

    def __init__(self, rows, size, changes=(), *, ignores_page=False, clamps=False):
        self.rows, self.size, self.asked = list(rows), size, 0
        self.changes, self.ignores_page, self.clamps = list(changes), ignores_page, clamps
        self.stayed, self.fresh = set(rows), itertools.count(1_000_000)

    async def read(self, number):
        if self.asked and self.changes:
            for change, place in self.changes.pop(0):
                change(self, place)
        self.asked += 1
        if self.ignores_page:
            return list(self.rows)
        if self.clamps:
            number = min(number, pages(len(self.rows), self.size))
        return self.rows[(number - 1) * self.size : number * self.size]

    def insert(self, place):
        self.rows.insert(place % (len(self.rows) + 1), next(self.fresh))

    def append(self, _):
        self.rows.append(next(self.fresh))

    def delete(self, place):
        if self.rows:
            self.stayed.discard(self.rows.pop(place % len(self.rows)))

    def move(self, place):
        if self.rows:
            row = self.rows.pop(place % len(self.rows))
            self.rows.insert(place // 50 % (len(self.rows) + 1), row)


def reading(shelf, paging=None):
    return Reading(shelf.read, lambda row: row, paging or Paging())


def all_of(shelf):
    """Read a shelf whole, and return its rows and the reading."""

    async def read():
        one = reading(shelf)
        return await one.all(), one

    return anyio.run(read)


def pages(rows, size):
    return max(1, math.ceil(rows / size))


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
PLACE = st.one_of(st.just(0), st.integers(0, 3000))


def plans(*kinds):
    """Return plans of changes: none, a few or many of them between two of up to 30 reads."""
    change = st.tuples(st.sampled_from(kinds), PLACE)
    burst = st.tuples(change, st.integers(1, 30)).map(lambda drawn: [drawn[0]] * drawn[1])
    return st.lists(st.one_of(st.lists(change, max_size=2), burst), max_size=30)


def holds_where_rows_come_or_go(shelf):
    """Nothing that stayed is missed, no row comes twice, and the requests are bounded."""
    found, one = all_of(shelf)
    assert shelf.stayed <= set(found)
    assert len(found) == len(set(found))
    assert shelf.asked <= 2 * one.pages + 1


@given(rows=st.integers(0, 300), size=SIZE, ignores=st.booleans(), data=st.data())
def test_nothing_that_stayed_is_missed_where_rows_come_or_go(rows, size, ignores, data):
    """Inserts anywhere, or deletes anywhere."""
    plan = data.draw(plans(data.draw(st.sampled_from([Shelf.insert, Shelf.delete]))))
    holds_where_rows_come_or_go(Shelf(range(rows), size, plan, ignores_page=ignores))


@given(rows=st.integers(0, 60), size=st.integers(1, 20), data=st.data())
def test_a_service_that_repeats_its_last_page_is_read_to_its_end(rows, size, data):
    """A page that brings no new id ends a list, unless inserts have moved its rows there."""
    plan = data.draw(plans(Shelf.insert))
    holds_where_rows_come_or_go(Shelf(range(rows), size, plan, clamps=True))


@given(rows=st.integers(0, 300), size=SIZE, data=st.data())
def test_nothing_is_missed_in_silence_where_rows_go_and_new_ones_come_last(rows, size, data):
    """Services number in order, so that new jobs stand at the end of a list by ids."""
    shelf = Shelf(range(rows), size, data.draw(plans(Shelf.append, Shelf.delete)))
    with contextlib.suppress(ResponseError):
        assert shelf.stayed <= set(all_of(shelf)[0])


@given(rows=st.integers(0, 60), size=st.integers(2, 20), data=st.data())
def test_a_row_that_changes_its_place_is_found_or_an_error(rows, size, data):
    """One job moves to another place, between any two reads."""
    wait, place = data.draw(st.integers(0, 10)), data.draw(PLACE)
    shelf = Shelf(range(rows), size, [*[[]] * wait, [(Shelf.move, place)]])
    with contextlib.suppress(ResponseError):
        assert shelf.stayed <= set(all_of(shelf)[0])


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "test",
    [
        test_nothing_that_stayed_is_missed_where_rows_come_or_go,
        test_a_service_that_repeats_its_last_page_is_read_to_its_end,
        test_nothing_is_missed_in_silence_where_rows_go_and_new_ones_come_last,
        test_a_row_that_changes_its_place_is_found_or_an_error,
    ],
)
def test_many_examples_of_lists_that_move(test):
    """Fifteen hundred plans, the same in every run."""
    settings(max_examples=1500, derandomize=True, database=None)(test)()


# Each row: what is on the shelf, the size of its pages, and what happens between the first reads.
HIDDEN = [
    ([0, 1, 2], 2, [[(Shelf.delete, 0)]]),  # a full page, and the next one is emptied
    ([0, 1], 1, [[(Shelf.insert, 0)]]),  # page 2 is page 1 again
    ([0, 1, 2, 3], 2, [[(Shelf.insert, 0)] * 2]),
    ([0, 1, 2], 1, [[], [(Shelf.insert, 0)]]),  # page 3 is page 2 again
    ([0, 1], 1, [[(Shelf.insert, 0)], [(Shelf.insert, 0)], [(Shelf.insert, 0)]]),
    ([0, 1, 2], 3, [[(Shelf.insert, 0)] * 4]),
    ([0, 1, 2, 3], 1, [[(Shelf.delete, 0)]] * 2),
]


@pytest.mark.parametrize("case", HIDDEN, ids=lambda case: f"{len(case[0])} rows by {case[1]}")
def test_no_row_hides_behind_the_end_of_a_page(case):
    """A delete empties the next page, or inserts repeat a page: what stayed is found."""
    holds_where_rows_come_or_go(Shelf(*case))


def test_a_delete_and_an_insert_that_may_have_hidden_a_row_are_an_error():
    """The first job goes while page 2 is read, and another comes while page 1 is read again."""
    shelf = Shelf(range(8), 3, [[(Shelf.delete, 0)], [], [(Shelf.insert, 0)]])
    with pytest.raises(ResponseError, match="may be missing"):
        all_of(shelf)


async def test_a_last_page_that_a_delete_empties_hides_no_job():
    """The last job moves to a page that was read when an earlier one goes: it is still found."""
    for size in (1, 2, 1000):
        rows = list(range(2 * size + 1))

        async def read(number, size=size, rows=rows):
            page = rows[(number - 1) * size : number * size]
            if number == 2 and 0 in rows:
                rows.remove(0)
            return page

        assert 2 * size in await Reading(read, lambda row: row, Paging()).all()
