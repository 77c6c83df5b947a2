"""The outcomes of a bulk as they come, and how a bulk ends before its inputs do."""

from __future__ import annotations

import asyncio
import gc
import warnings

import anyio
import pytest
from anyio.lowlevel import checkpoint

from cronapi import (
    ConfigurationError,
    ServiceUnavailableError,
)
from cronapi.emulator import Fault, create_app
from tests.support.bulks import added, is_asyncio, is_idle
from tests.support.emulated import BOTH, URL, client_of, emulator, paced, specs, virtual
from tests.support.seen import sent

pytestmark = pytest.mark.virtual_clock


# --- as they come --------------------------------------------------------------------------------


@pytest.mark.proof
@BOTH
async def test_a_long_generator_is_read_no_further_than_needed(provider):
    """Of thousands of generated specs a bounded number is read ahead of the outcomes that have been
    taken.
    """
    app, read = emulator(rates={provider: None}), [0]

    def generate():
        for spec in specs(6_000 if provider == "fastcron" else 2_000):
            read[0] += 1
            yield spec

    furthest = taken = 0
    async with client_of(app, provider, scheduler=virtual(10_000.0)) as api:
        async for outcome in api.cron.add_many(generate()):
            taken += 1
            furthest = max(furthest, read[0] - taken)
            assert outcome.status == "done"
    assert taken == read[0] == len(app.emulator.jobs(provider))
    assert furthest <= 1_500


@pytest.mark.crowd
async def test_who_takes_no_outcomes_holds_the_bulk_back():
    """While nobody takes outcomes, no more than a bounded number of items is sent."""
    app = emulator(rates={"fastcron": None})
    async with client_of(app, scheduler=virtual(10_000.0)) as api:
        outcomes = aiter(api.cron.add_many(spec for spec in specs(5000)))
        await anext(outcomes)
        await anyio.sleep(3600)
        made = len(app.emulator.jobs("fastcron"))
        assert made <= 1500
        await outcomes.aclose()
        await anyio.sleep(3600)
        assert len(app.emulator.jobs("fastcron")) == made
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)


@pytest.mark.each_value
@BOTH
@pytest.mark.parametrize("way", ["break", "raise", "progress"])
async def test_who_breaks_out_sends_nothing_more(provider, way):
    """After a `break`, an error in the loop or one in `progress` nothing more is sent and nothing
    is left running.
    """
    app = emulator()
    tasks = len(asyncio.all_tasks()) if is_asyncio() else 0

    async def leave(api):
        def progress(done, total, eta):
            if way == "progress" and done == 20:
                raise KeyError("mine")

        async for outcome in api.cron.add_many((spec for spec in specs(1000)), progress=progress):
            if way == "raise" and outcome.index == 20:
                raise KeyError("mine")
            if outcome.index == 20:
                break

    async with paced(app, provider) as api:
        if way == "break":
            await leave(api)
        else:
            with pytest.raises(KeyError, match="mine"):
                await leave(api)
        assert await is_idle(api)
        made = len(app.emulator.jobs(provider))
        assert made < 150
        await anyio.sleep(60)
        assert len(app.emulator.jobs(provider)) == made
        if is_asyncio():
            assert len(asyncio.all_tasks()) == tasks
        assert await api.cron.list()


@pytest.mark.each_loop
@BOTH
async def test_a_bulk_that_is_cancelled_sends_nothing_more(provider):
    """A cancelled bulk drops what waits, lets what is under way end,
    and leaves the client whole.
    """
    app = emulator()
    async with paced(app, provider) as api:
        with anyio.move_on_after(3.5) as scope:
            await api.cron.add_many(specs(1000))
        assert scope.cancelled_caught
        assert await is_idle(api)
        made = len(app.emulator.jobs(provider))
        await anyio.sleep(60)
        assert 0 < len(app.emulator.jobs(provider)) == made < 500
        assert (await api.cron.add(url=URL)).id


@pytest.mark.each_loop
async def test_a_task_that_is_cancelled_takes_its_bulk_along():
    """Cancelling the task that awaits a bulk, in asyncio's own way too, ends the bulk."""
    app = emulator()
    async with paced(app) as api:

        async def work():
            await api.cron.add_many(specs(1000))

        if is_asyncio():
            task = asyncio.create_task(work())
            await anyio.sleep(2.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with anyio.create_task_group() as group:
                group.start_soon(work)
                await anyio.sleep(2.5)
                group.cancel_scope.cancel()
        assert await is_idle(api)
        made = len(app.emulator.jobs("fastcron"))
        await anyio.sleep(60)
        assert len(app.emulator.jobs("fastcron")) == made < 500


@pytest.mark.each_loop
async def test_a_bulk_cancelled_in_the_middle_of_a_request_lets_it_end():
    """What was sent when a bulk is cancelled ends by itself, and the seat comes free."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("stall", function="cron.batch_add", seconds=5.0))
        with anyio.move_on_after(2):
            await api.cron.add_many(specs(500))
        await anyio.sleep(10)
        assert await is_idle(api)
        assert len(app.emulator.jobs("fastcron")) == 100


@pytest.mark.each_loop
async def test_outcomes_dropped_in_another_thread_end_the_bulk():
    """Where the outcomes are let go of by another thread, the bulk ends all the same."""
    app = emulator()
    async with paced(app) as api:
        held = [aiter(api.cron.add_many(iter(specs(1000))))]
        await anext(held[0])
        await anyio.to_thread.run_sync(held.clear)
        await anyio.sleep(0.1)
        assert await is_idle(api)
        await anyio.sleep(60)
    assert len(app.emulator.jobs("fastcron")) < 500


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_outcomes_dropped_after_their_loop_are_no_mistake(backend):
    """Whoever keeps the outcomes longer than the event loop that made them can let go of them in
    peace.
    """

    async def begin():
        api = client_of(create_app(rates={"fastcron": None}))
        outcomes = aiter(api.cron.add_many(iter(specs(2000))))
        await anext(outcomes)
        return outcomes

    outcomes = anyio.run(begin, backend=backend)
    del outcomes
    gc.collect()


def bulks_of(cron):
    """Return a bulk of each kind."""
    return [
        cron.add_many(specs(1)),
        cron.add_many(specs(300)),
        cron.delete_many(iter(range(300))),
        cron.edit_many([(1, {"name": "n"}), (2, {"name": "n"})]),
        cron.edit_many([(1, {"name": "n"}), (2, {"name": "n"})], batch=True),
        cron.enable_many([1]),
        cron.disable_many([1, 2]),
        cron.get_many([1, 2]),
        cron.pause_many([1, 2], for_="1 hour"),
        cron.run_many([1, 2]),
    ]


async def check_refused(app, api, said):
    """Check that each bulk raises at once, as a single call does, and that nothing is sent."""
    before = sent(app)
    with pytest.raises(ConfigurationError, match=said):
        await api.cron.get(1)
    for bulk in bulks_of(api.cron):
        with pytest.raises(ConfigurationError, match=said):
            await bulk
        assert not bulk.report
    for bulk in bulks_of(api.cron):
        with pytest.raises(ConfigurationError, match=said):
            await anext(aiter(bulk))
    assert sent(app) == before


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_bulk_on_another_event_loop_is_refused(backend, tmp_path):
    """A client that was used on one loop says so on the next, whatever bulk it is asked for, and
    no journal is made.
    """
    app = create_app(rates={"fastcron": None})
    api, said = client_of(app), "belongs to another event loop"

    async def first():
        assert len((await api.cron.add_many(specs(2))).done) == 2

    async def second():
        await check_refused(app, api, said)
        with pytest.raises(ConfigurationError, match=said):
            await api.cron.add_many(specs(2), journal=tmp_path / "journal")
        assert not list(tmp_path.iterdir())

    anyio.run(first, backend=backend)
    anyio.run(second, backend=backend)


@pytest.mark.parametrize("drain", [None, 1.0])
async def test_a_bulk_of_a_closed_client_is_refused(drain):
    """It raises as a single call does, in whatever way the client was closed."""
    app = create_app(rates={"fastcron": None})
    api = client_of(app)
    await api.aclose(drain=drain)
    await check_refused(app, api, "is closed")


@pytest.mark.each_value
@pytest.mark.parametrize("way", ["break", "cancel", "end", "wrong token"])
@pytest.mark.parametrize("kind", ["generator", "async generator"])
async def test_the_input_is_closed(way, kind):
    """However a bulk ends, the generator that it reads is closed, so that files and connections in
    it are.
    """
    app, closed = emulator(), []

    def generate():
        try:
            yield from specs(500)
        finally:
            closed.append("generator")

    async def generate_async():
        try:
            for spec in specs(500):
                yield spec
        finally:
            await checkpoint()
            closed.append("async generator")

    async with paced(app, **({"token": "f" * 32} if way == "wrong token" else {})) as api:
        with anyio.move_on_after(3 if way == "cancel" else 1000):
            async for _ in api.cron.add_many(
                generate() if kind == "generator" else generate_async()
            ):
                if way == "break":
                    break
        await anyio.sleep(1)
        assert closed == [kind]


async def test_a_page_that_cannot_be_read_fails_what_it_would_have_shown():
    """Where the list fails, the reads that were to come from it fail with its error and not as if
    there were no such job.
    """
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 50)
        app.emulator.faults.add(Fault("outage", function="cron.list", times=None))
        report = await api.cron.get_many(ids)
    assert {type(outcome.error) for outcome in report} == {ServiceUnavailableError}


@pytest.mark.each_loop
async def test_a_bulk_that_nobody_begins_does_nothing():
    """Making a bulk sends nothing, and whoever forgets to await it is warned as with a
    coroutine.
    """
    app = emulator()
    async with paced(app) as api:
        with pytest.warns(
            RuntimeWarning, match=r"cron\.add_many was never awaited: nothing was sent"
        ):
            api.cron.add_many(specs(10))
        aiter(api.cron.add_many(specs(10)))
        gc.collect()
        await anyio.sleep(10)
    assert sent(app) == 0


@pytest.mark.each_loop
async def test_a_bulk_that_was_used_is_dropped_without_a_word():
    """One that was only asked for its cost, one that could not be made, and one that was carried
    out cause no warning.
    """
    async with paced(emulator()) as api:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert api.cron.add_many(specs(200)).cost().requests == 3
            with pytest.raises(ConfigurationError, match="at least one"):
                api.cron.add_many([])
            await api.cron.add_many(specs(2))
            gc.collect()
    assert [
        str(warning.message) for warning in caught if issubclass(warning.category, RuntimeWarning)
    ] == []


async def test_a_bulk_is_carried_out_once():
    """Awaiting or iterating a second time is refused, whatever the first was."""
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(3))
        await bulk
        with pytest.raises(ConfigurationError, match="once"):
            await bulk
        with pytest.raises(ConfigurationError, match="once"):
            async for _ in bulk:
                pass
        assert len(bulk.report.done) == 3
    assert len(app.emulator.jobs("fastcron")) == 3
