"""Generators that hold a deadline, a task group or something else from item to item."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager, nullcontext

import anyio
import pytest
from anyio.lowlevel import checkpoint

from cronapi import ConfigurationError
from tests.support.bulks import is_asyncio, is_idle
from tests.support.emulated import BOTH, emulator, paced, specs

pytestmark = pytest.mark.virtual_clock


# --- generators that hold something from one item to the next ------------------------------------


def deadline():
    return anyio.fail_after(1e6)


@asynccontextmanager
async def group():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(checkpoint)
        yield


def library_deadline():
    return asyncio.timeout(1e6) if is_asyncio() else nullcontext()


@asynccontextmanager
async def entered(held):
    """Enter what only the task that entered it can leave."""
    if hasattr(held, "__aenter__"):
        async with held:
            yield
    else:
        with held:
            yield


async def holding(held, count, closed):
    """Yield specs while something is held from one to the next."""
    try:
        async with entered(held):
            for spec in specs(count):
                yield spec
                await checkpoint()
    finally:
        closed.append(True)


@pytest.mark.few(2)
@BOTH
@pytest.mark.parametrize("hold", [deadline, group, library_deadline])
async def test_a_generator_may_hold_a_deadline_or_a_task_group(provider, hold):
    """An async generator that holds a cancel scope across its yields is read to its end, and every
    item is done.
    """
    app = emulator()
    async with paced(app, provider) as api:
        report = await api.cron.add_many(holding(hold(), 250, []))
    assert len(report.done) == len(app.emulator.jobs(provider)) == 250


async def answering(how):
    """Yield a spec, and answer the cancellation of the next in a way of its own."""
    yield specs(1)[0]
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(raising if how == "a group of errors" else anyio.sleep, 1000)
            await anyio.sleep(1000)
    except BaseException:
        if how == "an error":
            raise ValueError(how) from None
        if how != "its end":
            raise
    yield specs(2)[1]


async def raising(seconds):
    try:
        await anyio.sleep(seconds)
    finally:
        raise ValueError(seconds)


@pytest.mark.each_loop
@pytest.mark.parametrize("how", ["an error", "its end", "a group of errors", "nothing of its own"])
async def test_a_generator_may_answer_its_cancellation_as_it_likes(how, caplog):
    """A bulk that is left while its generator makes an item ends quietly, whatever the generator
    makes of that, and the client goes on.
    """
    async with paced(emulator()) as api:
        async for outcome in (bulk := api.cron.add_many(answering(how))):
            assert outcome.status == "done"
            break
        await bulk.aclose()
        await anyio.sleep(5)
        gc.collect()
        assert len(await api.cron.list()) == 1
    assert caplog.records == []


@pytest.mark.each_value
@pytest.mark.parametrize("way", ["break", "cancel"])
@pytest.mark.parametrize("hold", [deadline, group, library_deadline])
async def test_a_generator_that_holds_something_can_be_left(way, hold):
    """Who leaves a bulk early lets go of what its generator holds; nothing is left running and no
    error comes of it.
    """
    closed = []
    async with paced(emulator()) as api:
        tasks = len(asyncio.all_tasks()) if is_asyncio() else 0
        with anyio.move_on_after(3 if way == "cancel" else 1000):
            async for _ in api.cron.add_many(holding(hold(), 500, closed)):
                if way == "break":
                    break
        await anyio.sleep(5)
        assert closed
        assert await is_idle(api)
        assert not is_asyncio() or len(asyncio.all_tasks()) <= tasks


@pytest.mark.each_loop
async def test_a_deadline_of_the_generator_is_its_own():
    """A deadline that passes inside the generator, while the bulk is busy, is told as its error;
    what was read before is done.
    """
    app = emulator()

    async def generate():
        with anyio.fail_after(2.5):
            for spec in specs(1000):
                yield spec
                await checkpoint()

    async with paced(app) as api:
        bulk = api.cron.add_many(generate())
        with pytest.raises(
            ConfigurationError,
            match=r"^cron\.add_many: item \d+ could not be read \(TimeoutError\)\.$",
        ):
            await bulk
        assert await is_idle(api)
    assert (
        300
        <= len(bulk.report.done)
        == len(bulk.report)
        == len(app.emulator.jobs("fastcron"))
        < 1000
    )


@pytest.mark.each_loop
async def test_a_deadline_of_asyncio_breaks_the_input_off():
    """A deadline of asyncio's own, which cancels the task that reads while the bulk is busy, is an
    error and not the end.
    """
    if not is_asyncio():
        return
    app, closed = emulator(), []
    async with paced(app) as api:
        bulk = api.cron.add_many(holding(asyncio.timeout(2.5), 1000, closed))
        with pytest.raises(
            ConfigurationError,
            match=r"^cron\.add_many: the reading was cancelled at item \d+, so the input cannot",
        ):
            await bulk
        assert closed
        assert await is_idle(api)
    assert (
        300
        <= len(bulk.report.done)
        == len(bulk.report)
        == len(app.emulator.jobs("fastcron"))
        < 1000
    )


@pytest.mark.each_loop
async def test_a_generator_is_advanced_and_closed_by_one_task():
    """All of a generator's code runs in the same task, however many workers there are."""
    tasks = set()

    async def generate():
        try:
            for spec in specs(60):
                tasks.add(anyio.get_current_task().id)
                yield spec
        finally:
            tasks.add(anyio.get_current_task().id)

    async with paced(emulator(), "setcronjob") as api:
        async for outcome in api.cron.add_many(generate()):
            if outcome.index == 40:
                break
        await anyio.sleep(1)
    assert len(tasks) == 1


@pytest.mark.each_loop
async def test_a_bulk_that_is_cancelled_lets_its_generator_clean_up():
    """A bulk that is cancelled while its generator waits cancels it there;
    nothing is left running.
    """
    app, seen = emulator(), []

    async def generate():
        try:
            yield specs(1)[0]
            await anyio.sleep_forever()
        except BaseException as error:
            seen.append(type(error))
            raise

    async with paced(app) as api:
        with anyio.move_on_after(10):
            await api.cron.add_many(generate())
        await anyio.sleep(1)
        assert seen == [anyio.get_cancelled_exc_class()]
        assert await is_idle(api)
    assert len(app.emulator.jobs("fastcron")) == 1
