"""Bulks whose input goes on for ever after it has looked at the job list."""

from __future__ import annotations

import gc
from contextlib import suppress

import anyio
import pytest

from cronapi import CronAPIError
from cronapi._calls.open_readings import PagesByHand
from cronapi.emulator import Clock, Fault, create_app
from tests.support.emulated import FAST, client_of, fill

pytestmark = pytest.mark.virtual_clock
PAGE = 10


def account(count):
    """Return an emulator with small pages and so many jobs, and their ids."""
    app = create_app(clock=Clock(ticks=anyio.current_time), rates=FAST, page_size=PAGE)
    return app, fill(app, "fastcron", count)


async def one_page(api):
    await api.cron.list(page=1)


async def another_page(api):
    await api.cron.list(page=2)


async def kept(api):
    api.page = await api.cron.list(page=1)


async def empty_page(api):
    await api.cron.list(page=9)


async def raw_page(api):
    await api.call("cron.list", page=1)


async def search(api):
    await api.cron.list(page=1, keyword="n1")


async def all_pages(api):
    number = 1
    while await api.cron.list(page=number):
        number += 1


async def up_to_a_short_page(api):
    number = 1
    while len(await api.cron.list(page=number)) == PAGE:
        number += 1


async def broken_off(api):
    async for _ in api.cron.iterate():
        break


async def left_open(api):
    api.jobs = api.cron.iterate()
    await anext(api.jobs)


async def slow_page(api):
    api.app.emulator.faults.add(Fault("stall", "fastcron", "cron.list", seconds=5.0))
    await api.cron.list(page=1)


async def refused(api):
    await api.cron.list(page=1)
    api.app.emulator.faults.add(Fault("garbage", "fastcron", "cron.list"))
    with suppress(CronAPIError):
        await api.with_options(retry=None).cron.list(page=2)


async def slowly_refused(api):
    fault = Fault("stall", "fastcron", "cron.list", times=None, seconds=50.0)
    await api.cron.list(page=1)
    api.app.emulator.faults.add(fault)
    with suppress(CronAPIError):
        await api.with_options(retry=None, timeout=5.0).cron.list(page=2)
    api.app.emulator.faults.clear()


async def failed_in_the_middle(api):
    with suppress(CronAPIError):
        async for _ in api.with_options(retry=None).cron.iterate():
            api.app.emulator.faults.add(Fault("garbage", "fastcron", "cron.list"))


async def other_lists(api):
    await api.group.list()
    await api.cron.list()
    with suppress(CronAPIError):
        await api.cron.logs(1)
    with suppress(CronAPIError):
        await api.cron.failures(1)


LOOKS = [
    *(one_page, another_page, kept, empty_page, raw_page, search, all_pages, up_to_a_short_page),
    *(broken_off, left_open, slow_page, slowly_refused, refused, failed_in_the_middle, other_lists),
]


async def endless(api, look, ids):
    """Look at the list, and yield a new item each second."""
    await look(api)
    for number in ids:
        yield number
        await anyio.sleep(1)
    number = 10**9
    while True:
        yield (number := number + 1)
        await anyio.sleep(1)


async def quiet(api, look, ids):
    """Look at the list, yield one item, and wait for ever."""
    await look(api)
    yield ids[0]
    await anyio.sleep_forever()


async def looked_late(api, look, ids):
    """Yield one item, look at the list, and wait for ever."""
    yield ids[0]
    await look(api)
    await anyio.sleep_forever()


@pytest.mark.few(1)
@pytest.mark.crowd
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # trio tells of `broken_off`
@pytest.mark.parametrize("then", [endless, quiet, looked_late])
async def test_a_look_at_the_list_does_not_keep_an_endless_input_from_being_sent(then):
    """However the input has read the list, its items are sent once it does something else."""
    for look in LOOKS:
        app, ids = account(25)
        async with client_of(app) as api:
            api.app = app
            with anyio.move_on_after(3600) as scope:
                async for outcome in api.cron.delete_many(then(api, look, ids)):
                    if outcome.given == ids[0]:
                        break
            assert not scope.cancelled_caught, look.__name__


async def polled(api):
    """Read the same page now and then."""
    while True:
        for job in await api.cron.list(page=1, keyword="n"):
            yield job.id
        await anyio.sleep(60)


async def two_pages_polled(api):
    """Read the same two of three pages now and then."""
    seen = set()
    while True:
        for number in (1, 2):
            for job in await api.cron.list(page=number):
                if job.id not in seen:
                    seen.add(job.id)
                    yield job.id
        await anyio.sleep(60)


async def iterated(api):
    """Read the whole list now and then, and stop in the middle."""
    while True:
        jobs = api.cron.iterate()
        async for job in jobs:
            yield job.id
            break
        await jobs.aclose()
        await anyio.sleep(60)


@pytest.mark.crowd
async def test_an_input_that_reads_the_list_again_and_again_is_sent_between_its_readings():
    """What it reads again is no progress, so the bulk goes on after five minutes."""
    for read in (polled, two_pages_polled, iterated):
        app, _ = account(25)
        async with client_of(app) as api:
            count = 0
            with anyio.move_on_after(3600) as scope:
                async for outcome in api.cron.run_many(read(api)):
                    count += outcome.status == "done"
                    if count == 5:
                        break
            assert not scope.cancelled_caught, read.__name__


async def test_an_endless_input_that_searches_for_each_item_keeps_no_search():
    """What it remembers of a search goes when that has ended."""
    app, ids = account(1)

    async def searched(api):
        for number in range(100):
            await api.cron.list(page=1, keyword=f"no such job {number}")
        yield ids[0]
        kept.append(sum(isinstance(one, PagesByHand) for one in gc.get_objects()))

    before, kept = sum(isinstance(one, PagesByHand) for one in gc.get_objects()), []
    async with client_of(app) as api:
        await api.cron.run_many(searched(api))
    assert kept[0] <= before + 1


async def copies(api):
    """Make two copies of each job, of pages that are read by hand."""
    number = 1
    while page := await api.cron.list(page=number):
        for job in page:
            for word in ("a", "b"):
                yield {"url": job.url, "name": f"{word} {job.name}"}
                await anyio.sleep(1)
        number += 1


async def backwards(api):
    """Read the pages from the last to the first."""
    for number in (3, 2, 1):
        for job in await api.cron.list(page=number):
            yield job.id
            await anyio.sleep(1)


async def with_pauses(api):
    """Read pages by hand, with minutes of other work for each job."""
    number = 1
    while page := [job.id for job in await api.cron.list(page=number)]:
        for job in page:
            await anyio.sleep(120)
            yield job
        number += 1


async def grown(api):
    """Read the pages of a search, and all pages of another one that has more."""
    await api.cron.list(page=1, keyword="n9")
    for word in ("n9", "n"):
        number = 1
        while len(page := await api.cron.list(page=number, keyword=word)) == PAGE:
            for job in page:
                yield job.id
                await anyio.sleep(1)
            number += 1
    for job in page:
        yield job.id


async def peeked(api):
    """Look at the first page, and then read all of them."""
    await api.cron.list(page=1)
    async for job in with_pauses(api):
        yield job


async def each_page_twice(api):
    """Read each page twice, and take the second answer."""
    number = 1
    while await api.cron.list(page=number):
        for job in await api.cron.list(page=number):
            yield job.id
        number += 1


async def with_searches(api):
    """Search for each job of each page."""
    number = 1
    while page := await api.cron.list(page=number):
        for job in page:
            await api.cron.list(page=1, keyword=job.name)
            yield job.id
        number += 1


async def in_parallel(api):
    """Read three pages at a time."""
    pages = {}

    async def read(number):
        pages[number] = await api.cron.list(page=number)

    for first in (1, 4):
        async with anyio.create_task_group() as group:
            for number in range(first, first + 3):
                group.start_soon(read, number)
        for number in range(first, first + 3):
            for job in pages[number]:
                await anyio.sleep(1)
                yield job.id


async def few_of_many(api):
    """Take 20 seconds for each job, and leave most for the end."""
    number, left = 1, []
    while page := await api.cron.list(page=number):
        for job in page:
            await anyio.sleep(20)
            if job is page[0]:
                yield job.id
            else:
                left.append(job.id)
        number += 1
    for id in left:
        yield id


async def with_a_repeat(api):
    """Read pages by hand, and ask again for one that failed."""
    number = 1
    while True:
        try:
            page = await api.with_options(retry=None).cron.list(page=number)
        except CronAPIError:
            await anyio.sleep(30)
            continue
        api.app.emulator.faults.add(Fault("garbage", "fastcron", "cron.list"))
        for job in page:
            yield job.id
        if not page:
            break
        number += 1


@pytest.mark.crowd
async def test_a_reading_that_goes_on_is_waited_for():
    """Slowly, backwards, twice, or with a page that fails: a delete meanwhile would miss jobs."""
    others = (peeked, each_page_twice, with_searches, in_parallel, few_of_many)
    for read in (backwards, with_pauses, with_a_repeat, grown, *others):
        app, _ = account(25)
        async with client_of(app) as api:
            api.app = app
            report = await api.cron.delete_many(read(api))
        assert (len(report.done), app.emulator.jobs("fastcron")) == (25, []), read.__name__


@pytest.mark.each_loop
async def test_copies_of_what_is_read_by_hand_end():
    """An input that makes two jobs of each does not go on for ever with its own copies."""
    app, _ = account(25)
    async with client_of(app) as api:
        with anyio.fail_after(3600):
            await api.cron.add_many(copies(api))
    assert len(app.emulator.jobs("fastcron")) == 25 * 3
