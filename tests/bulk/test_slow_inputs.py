"""Inputs that are slow or endless, and items of every odd kind."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import tracemalloc

import anyio
import pytest
import trio
from anyio.lowlevel import checkpoint

from cronapi import AuthenticationError, ConfigurationError, JobSpec
from cronapi.bulk.source import Source
from tests.support.bulks import added, is_asyncio
from tests.support.emulated import BOTH, URL, emulator, paced, specs
from tests.support.seen import names, sent

pytestmark = pytest.mark.virtual_clock

WRONG = {"token": "f" * 32}


# --- slow ones -----------------------------------------------------------------------------------


@BOTH
async def test_a_slow_input_does_not_hold_back_what_it_gave(provider):
    """Of an input that gives an item a minute, each is done within two seconds."""
    given = {}

    async def generate():
        for index, spec in enumerate(specs(60)):
            given[index] = anyio.current_time()
            yield spec
            await anyio.sleep(60)

    async with paced(emulator(), provider) as api:
        late = [
            anyio.current_time() - given[outcome.index]
            async for outcome in api.cron.add_many(generate())
        ]
    assert len(late) == 60
    assert max(late) < 2.5


@pytest.mark.each_loop
async def test_items_that_come_faster_than_requests_are_sent_in_full_batches():
    """An input that gives ten items a second is waited for, so that a batch is as full as it can
    be.
    """
    app = emulator()

    async def generate():
        for spec in specs(300):
            yield spec
            await anyio.sleep(0.1)

    async with paced(app) as api:
        assert len((await api.cron.add_many(generate())).done) == 300
    assert sent(app, "cron.batch_add") == 3


@pytest.mark.proof
async def test_ten_thousand_adds_from_an_async_generator_take_a_hundred_and_ten_requests():
    """10,000 jobs from an async generator that does not wait make full batches: a hundred, after a
    look.
    """
    app = emulator()

    async def generate():
        for spec in specs(10_000):
            yield spec
            await checkpoint()

    async with paced(app) as api:
        report = await api.cron.add_many(generate())
    assert len(report.done) == 10_000
    assert sent(app) <= 110


@pytest.mark.each_loop
@pytest.mark.proof
async def test_a_long_async_generator_is_not_kept():
    """The items of a long async generator pass through the one task that reads it, and none of them
    stays.
    """

    async def generate():
        for number in range(50_000):
            yield number

    opened = Source(generate(), lambda given, _: given, "cron.get_many")
    await opened.take(50)
    gc.collect()
    tracemalloc.start()
    try:
        while await opened.take(50, 1.0):
            pass
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
        await opened.aclose()


@pytest.mark.each_loop
async def test_who_is_cancelled_while_it_waits_for_more_loses_nothing():
    """A task that is cancelled while it waits for the next of a slow input leaves what came to who
    takes on.
    """

    async def generate():
        yield 5
        await anyio.sleep(60)
        yield 6

    opened = Source(generate(), lambda given, _: given, "cron.get_many")
    with anyio.move_on_after(1) as scope:
        await opened.take(2, 10)
    assert scope.cancelled_caught
    assert [item.given for item in await opened.take(2, 10)] == [5]
    with pytest.raises(ConfigurationError, match="the reading was cancelled at item 1"):
        await opened.take(2, 10)
    await opened.aclose()


@pytest.mark.each_loop
async def test_who_takes_what_has_come_leaves_the_reading_alone():
    """A task that goes with what there is after its patience does not disturb the item under way,
    which the next task gets.
    """

    async def generate():
        yield 5
        await anyio.sleep(60)
        yield 6

    opened, begun = (
        Source(generate(), lambda given, _: given, "cron.get_many"),
        anyio.current_time(),
    )
    assert [item.given for item in await opened.take(2, 10)] == [5]
    assert anyio.current_time() - begun == 10
    assert [item.given for item in await opened.take(2, 10)] == [6]
    assert anyio.current_time() - begun == 60
    assert await opened.take(2, 10) == []
    await opened.aclose()


# --- where a bulk stops --------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("pause", [10, math.inf])
async def test_a_bulk_that_stops_does_not_wait_for_a_slow_input(provider, pause):
    """Where a wrong token stops a bulk, it ends within seconds, though its input gives the next
    item much later or never.
    """
    read, closed = [], []

    async def generate():
        try:
            for spec in specs(500):
                read.append(spec)
                yield spec
                await anyio.sleep(pause if len(read) >= 3 else 0)
        finally:
            closed.append(True)

    async with paced(emulator(), provider, **WRONG) as api:
        begun = anyio.current_time()
        report = await api.cron.add_many(generate())
        assert anyio.current_time() - begun < 5
    assert [outcome.given for outcome in report] == read
    assert {type(outcome.error) for outcome in report.failed} == {AuthenticationError}
    assert closed


def endless():
    return ({"url": f"{URL}/{n}"} for n in itertools.count())


async def endless_async():
    for spec in endless():
        yield spec


@pytest.mark.proof
@pytest.mark.parametrize("generate", [endless, endless_async])
async def test_a_bulk_of_an_endless_input_ends_where_it_stops(generate):
    """Where a wrong token stops a bulk, of an input without an end a bounded number is not
    tried.
    """
    count = failed = 0
    async with paced(emulator(), **WRONG) as api:
        async for outcome in api.cron.add_many(generate()):
            count += 1
            failed += outcome.status == "failed"
    assert 0 < failed <= 300
    assert count - failed == 100_000


@pytest.mark.each_loop
async def test_a_generator_that_blocks_is_not_read_on_for_long():
    """Of a sync input that takes ten seconds for each item only one is drained where a moment is
    given.
    """

    def generate():
        for number in range(500):
            elapse(10)
            yield number

    opened, begun = (
        Source(generate(), lambda given, _: given, "cron.get_many"),
        anyio.current_time(),
    )
    assert await opened.drain(1000, 1.0) == [(0, 0)]
    assert anyio.current_time() - begun == 10


def elapse(seconds):
    """Let time pass while the event loop stands still."""
    if is_asyncio():
        asyncio.get_running_loop().now += seconds
    else:
        trio.lowlevel.current_clock().jump(seconds)


# --- odd items -----------------------------------------------------------------------------------


class Refusing(dict):
    def get(self, *_):
        raise RuntimeError("boom")


def cyclic():
    minutes = []
    minutes.append(minutes)
    return minutes


ODD = [
    ({5: 1, "url": URL}, r": A job has no parameter 5\."),
    ({None: 1, "url": URL}, r": A job has more cells than its table has columns\."),
    ({("a",): 1, "url": URL}, r": A job has no parameter \('a',\)\."),
    ({"url": URL, "run": 10**400}, r": run is too large: a number of 1329 bits, .*"),
    ({"url": URL, "timeout": 10**5000}, r": timeout is too large: a number of 16610 bits, .*"),
    ({"url": URL, "minute": cyclic()}, r": An item of minute cannot be a list; it takes text\."),
    (Refusing(url=URL), r" cannot be used \(RuntimeError\)\."),
    ({"name": "x"}, r": A job needs a url\."),
    ({"url": URL, "notify": 9}, r": notify must be a boolean or one of the codes 0 to 3, not 9\."),
    (7, r": A job is a JobSpec, a CronJob or a mapping, not a int\."),
]


@pytest.mark.few(5)
@pytest.mark.parametrize(("odd", "said"), ODD, ids=range(len(ODD)))
async def test_an_item_that_cannot_be_used_is_named_whatever_is_wrong_with_it(odd, said):
    """The error names call and item once, in a list as in a generator; and what came before in a
    generator is done and reported.
    """
    app, given = emulator(), [*specs(120), odd, *specs(3)]
    async with paced(app) as api:
        with pytest.raises(ConfigurationError, match=rf"^cron\.add_many: item 120{said}$"):
            api.cron.add_many(given)
        with pytest.raises(ConfigurationError, match=rf"^cron\.batch_add: item 120{said}$"):
            await api.cron.batch_add(given)
        assert sent(app) == 0
        bulk = api.cron.add_many(iter(given))
        with pytest.raises(ConfigurationError, match=rf"^cron\.add_many: item 120{said}$"):
            await bulk
    assert [outcome.index for outcome in bulk.report.done] == list(range(120))
    assert len(app.emulator.jobs("fastcron")) == 120


@pytest.mark.few(1)
@BOTH
@pytest.mark.parametrize("kind", ["generator", "async generator"])
async def test_a_generator_may_change_and_yield_the_same_dict(provider, kind):
    """What counts is what a spec was when it was given, not what its generator has made of it
    since.
    """
    app = emulator()

    def generate():
        spec = {"url": URL}
        for n in range(250):
            spec["name"] = f"n{n}"
            yield spec

    async def generate_async():
        for spec in generate():
            yield spec

    async with paced(app, provider) as api:
        report = await api.cron.add_many(generate() if kind == "generator" else generate_async())
    assert (
        [job.name for job in report.values] == names(app, provider) == [f"n{n}" for n in range(250)]
    )


async def test_a_generator_may_change_and_yield_the_same_edit():
    """The changes of an edit, too, are what they were when they were given."""
    app = emulator()

    def generate(ids):
        changes = {}
        for number in ids:
            changes["name"] = f"was {number}"
            yield number, changes

    async with paced(app) as api:
        ids = await added(api, 5)
        assert len((await api.cron.edit_many(generate(ids))).done) == 5
    assert names(app) == [f"was {number}" for number in ids]


# --- one job -------------------------------------------------------------------------------------


async def test_a_job_without_a_url_is_refused_by_the_name_of_the_call():
    """`add` and `ensure` say that they need a url, before anything is sent."""
    app = emulator()
    async with paced(app) as api:
        for call, name in ((api.cron.add, r"cron\.add"), (api.cron.ensure, r"cron\.ensure")):
            with pytest.raises(ConfigurationError, match=rf"^{name} needs a url\.$"):
                await call(name="x")
        with pytest.raises(ConfigurationError, match=r"^cron\.add needs a url\.$"):
            await api.cron.add(url="")
        with pytest.raises(ConfigurationError, match=r"^A job needs a url\.$"):
            JobSpec(name="x")
    assert sent(app) == 0
