"""Bulks, ensure and merged calls where things meet that seldom do: judged by the emulator's own requests and state."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint

from cronapi import ConfigurationError, CronAPIError, NotFoundError, WaitTooLongError
from cronapi.emulator import Fault
from tests.support.emulated import FAST, TOKEN, URL, client_of, emulator, together, virtual

pytestmark = pytest.mark.virtual_clock


def paced(app, provider="fastcron", rate=1.0, **options):
    return client_of(app, provider, scheduler=virtual(rate), **options)


def functions(app):
    return [request.function for request in app.emulator.requests]


async def test_equal_specs_are_as_many_jobs_when_their_bulk_goes_on(tmp_path):
    """Of 250 equal specs some are done when the bulk is broken off: the same client goes on, and there are 250 jobs, each told once."""
    app, specs = emulator(), [{"url": URL}] * 250
    async with paced(app) as api:
        async for outcome in api.cron.add_many(specs, journal=tmp_path / "j"):
            if outcome.index >= 99:
                break
        await anyio.sleep(60)
        report = await api.cron.add_many(specs, journal=tmp_path / "j")
    assert len({job.id for job in report.values}) == 250
    assert len(app.emulator.jobs("fastcron")) == 250


async def pages_that_shift(app, api, trigger, ids):
    """Delete jobs of the first page while somebody who has made a request of `trigger` lists the second."""
    begun = len(functions(app))

    def seen():
        since = functions(app)[begun:]
        return trigger in since and "cron.list" in since[since.index(trigger) :]

    while not seen():  # noqa: ASYNC110 -- what the emulator has seen can only be asked for
        await anyio.sleep(0.005)
    await api.cron.batch_delete(ids)


async def more_than_a_page(api):
    made = []
    for batch in range(10):
        made += await api.cron.batch_add([{"url": URL, "name": f"{batch}-{n}"} for n in range(100)])
    return made + await api.cron.batch_add([{"url": URL, "name": f"last {n}"} for n in range(5)])


async def test_deletes_while_pages_are_read_prove_no_absence():
    """A job that moves to an earlier page while a bulk reads the later one is found all the same."""
    app = emulator(rates=FAST)
    async with paced(app, rate=10.0) as api:
        made = await more_than_a_page(api)
        async with anyio.create_task_group() as group:
            group.start_soon(pages_that_shift, app, api, "cron.list", [made[0].id])
            report = await api.cron.get_many([job.id for job in made[1:]])
    assert len(report.done) == len(made) - 1


async def test_deletes_while_a_loss_is_examined_make_nothing_twice():
    """A batch whose answer is lost is found although its jobs move to an earlier page between two pages of the listing."""
    app = emulator(rates=FAST)
    async with paced(app, rate=10.0) as api:
        made = await more_than_a_page(api)
        app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
        async with anyio.create_task_group() as group:
            group.start_soon(
                pages_that_shift, app, api, "cron.batch_add", [job.id for job in made[1:40]]
            )
            report = await api.cron.add_many([{"url": URL, "name": f"new {n}"} for n in range(30)])
    assert len(report.done) == 30
    names = Counter(job["name"] for job in app.emulator.jobs("fastcron"))
    assert [names[f"new {n}"] for n in range(30)] == [1] * 30


async def test_max_wait_holds_for_a_shared_request_that_is_refused():
    """During an outage a merged call with max_wait gives up when it is over, and leaves nothing behind."""
    app = emulator()
    app.emulator.faults.add(Fault("outage", times=None))
    async with paced(app, coalesce=True) as api:
        begun = anyio.current_time()
        with pytest.raises(WaitTooLongError) as failed:
            await api.with_options(max_wait=2.0).cron.add(url=URL, name="late")
        assert anyio.current_time() - begun == pytest.approx(2.0, abs=0.1)
        assert (failed.value.provider, failed.value.function) == ("fastcron", "cron.add")
        app.emulator.faults.clear()
        await anyio.sleep(60)
    assert app.emulator.jobs("fastcron") == []


async def test_ensure_waits_no_longer_than_max_wait():
    """With a queue of twenty a call with max_wait of half a second fails at once; with lane="bulk" its search waits there."""
    app = emulator()
    async with paced(app) as api, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(api.cron.list)
        await anyio.wait_all_tasks_blocked()
        begun = anyio.current_time()
        with pytest.raises(WaitTooLongError):
            await api.with_options(max_wait=0.5).cron.ensure(name="nightly", url=URL)
        assert anyio.current_time() == begun
        with anyio.move_on_after(0.1):
            await api.with_options(lane="bulk").cron.ensure(name="nightly", url=URL)
            pytest.fail("there was a queue")
        group.cancel_scope.cancel()


async def test_two_that_ensure_a_name_wait_for_each_other_within_max_wait():
    """Who waits for another task that ensures the same name gives up after max_wait."""
    app = emulator()
    app.emulator.faults.add(Fault("stall", function="cron.list", seconds=10.0))
    async with paced(app) as api:
        first, second = await together(
            lambda: api.cron.ensure(name="nightly", url=URL),
            lambda: api.with_options(max_wait=1.0).cron.ensure(name="nightly", url=URL),
        )
    assert first.name == "nightly"
    assert isinstance(second, WaitTooLongError)


@pytest.mark.parametrize("coalesce", [False, True])
async def test_an_edit_does_not_overtake_the_delete_before_it(coalesce):
    """A job is deleted and then edited by two tasks: with and without merging the service sees them in that order."""
    app = emulator()
    async with paced(app, coalesce=coalesce) as api:
        job = await api.cron.add(url=URL, name="a")
        await together(
            lambda: api.cron.delete(job.id),
            lambda: api.cron.batch_edit([job.id], name="b"),
            lambda: api.cron.get(job.id),
        )
    assert [name for name in functions(app) if name in ("cron.delete", "cron.batch_edit")] == [
        "cron.delete",
        "cron.batch_edit",
    ]


async def test_a_look_alike_that_was_listed_while_an_add_waited_is_not_taken():
    """Another program makes the very same job and this client lists it while its merged add waits: both jobs are made."""
    app = emulator()
    async with paced(app, coalesce=True) as api, paced(app, rate=1000.0) as other:
        await api.cron.list()
        app.emulator.faults.add(Fault("lose", function="cron.add", times=1))

        async def meanwhile():
            app.emulator.faults.clear()
            theirs = await other.cron.add(url=URL, name="same")
            app.emulator.faults.add(Fault("lose", function="cron.add", times=1))
            return theirs

        theirs, _, ours = await together(
            meanwhile, api.cron.list, lambda: api.cron.add(url=URL, name="same")
        )
    assert theirs.id != ours.id
    assert len(app.emulator.jobs("fastcron")) == 2


@pytest.mark.parametrize("coalesce", [False, True])
async def test_what_a_token_function_raises_is_the_callers(coalesce):
    """An error of the user's own function reaches the caller as it is, and none of ours repeats its text."""

    def token():
        raise LookupError("the vault is closed: s3cr3t")

    async with paced(emulator(), coalesce=coalesce, token=token) as api:
        with pytest.raises(LookupError, match="vault"):
            await api.cron.list()


async def test_ids_given_as_text_are_found_by_merged_gets():
    """A get by "100001" waits with others and is no NotFoundError."""
    app = emulator()
    async with paced(app, coalesce=True) as api:
        jobs = await api.cron.batch_add([{"url": URL, "name": str(n)} for n in range(3)])
        found = await together(
            *[lambda number=str(job.id): api.cron.get(number) for job in jobs],
            lambda: api.cron.get(999),
        )
    assert [job.id for job in found[:3]] == [job.id for job in jobs]
    assert isinstance(found[3], NotFoundError)


async def test_a_slot_is_entered_once():
    """A slot whose wait was given up is not entered again, and a place that was given up may be asked for again."""
    scheduler = virtual(1.0, max_in_flight=1)
    async with scheduler.slot() as held:
        waiting = scheduler.slot()
        with anyio.move_on_after(0.01):
            await waiting.__aenter__()
        with pytest.raises(ConfigurationError, match="another"):
            await waiting.__aenter__()
        with anyio.move_on_after(0.01):
            await scheduler.acquire(place=held.place)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(scheduler.acquire, "interactive", None, held.place)
            await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert sum(scheduler.stats.waiting.values()) == 0


async def test_an_error_of_a_shared_request_names_what_was_called():
    """Each caller of a batch that is refused by the service reads the name of its own call."""
    app = emulator()
    async with paced(app, coalesce=True, retry=None) as api:
        app.emulator.faults.add(Fault("error", times=None))
        failed = await together(*[lambda n=n: api.cron.add(url=URL, name=str(n)) for n in range(3)])
    assert all(isinstance(error, CronAPIError) and error.function == "cron.add" for error in failed)


async def test_a_token_function_that_awaits_what_was_cancelled_is_an_error_that_says_so():
    """A refresh that somebody cancelled neither cancels a call nor ends a bulk in silence: every item has an outcome."""
    app, calls = emulator(), itertools.count(1)

    async def token():
        await checkpoint()
        if next(calls) == 3:
            raise asyncio.CancelledError  # as does `await task` of a task that somebody has cancelled
        return TOKEN

    async with paced(app, token=token) as api:
        report = await api.cron.add_many([{"url": URL, "name": f"job {n}"} for n in range(250)])
    assert len(report) == 250
    assert len(report.done) == len(app.emulator.jobs("fastcron")) > 0
    assert {type(outcome.error) for outcome in report.failed} == {ConfigurationError}


async def test_an_answer_that_surprises_leaves_no_seat_taken():
    """A raw run of several jobs, which no service documents, is answered: the seat is free, and closing waits for nothing."""
    app = emulator()
    answer = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"status": "success", "code": 0, "data": 1_900_000_000})
    )
    async with paced(app, transport=answer) as api:
        assert await api.call("cron.run", id=[7, 8]) == 1_900_000_000
        assert api.scheduler.stats.in_flight == 0
        before = anyio.current_time()
    assert anyio.current_time() == before


async def test_a_name_with_white_space_around_it_cannot_be_ensured():
    """A service may take the white space away, and then the name would never be found."""
    async with paced(emulator()) as api:
        with pytest.raises(ConfigurationError, match="white space"):
            await api.cron.ensure(name=" nightly", url=URL)
