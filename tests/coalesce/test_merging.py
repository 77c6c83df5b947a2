"""Calls that wait for a slot anyway share one: judged by the emulator's own requests and state,
under a virtual clock.
"""

from __future__ import annotations

import anyio
import pytest

from cronapi import (
    APIError,
    ConfigurationError,
    CronAPIError,
    NotFoundError,
    WaitTooLongError,
)
from cronapi.emulator import Fault
from tests.support.emulated import RATES, URL, emulator, together
from tests.support.merged import merging
from tests.support.seen import functions, sent

pytestmark = pytest.mark.virtual_clock


def adds(api, count, **params):
    return [lambda n=n: api.cron.add(url=URL, name=f"job {n}", **params) for n in range(count)]


@pytest.mark.crowd
async def test_two_hundred_tasks_that_add_read_and_delete_take_seconds():
    """Each of 200 tasks has its own job, at 1 request a second in under 20 s instead of 600."""
    app = emulator()

    async def life(api, number):
        job = await api.cron.add(url=URL, name=f"job {number}")
        assert (await api.cron.get(job.id)).name == f"job {number}"
        assert (await api.cron.delete(job.id)).id == job.id
        return number

    async with merging(app) as api:
        begun = anyio.current_time()
        results = []
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(lambda n=number: keep(results, life(api, n)))
        assert anyio.current_time() - begun < 20
    assert sorted(results) == list(range(200))
    assert app.emulator.jobs("fastcron") == []


async def keep(results, call):
    results.append(await call)


async def test_a_call_alone_is_sent_as_it_is():
    """A single uncontended call makes the one request that it would have made, at once."""
    app = emulator()
    async with merging(app) as api:
        begun = anyio.current_time()
        job = await api.cron.add(url=URL, name="alone")
        assert anyio.current_time() == begun
        await api.cron.get(job.id)
        await api.cron.delete(job.id)
    assert functions(app) == ["cron.add", "cron.get", "cron.delete"]


@pytest.mark.parametrize("provider", RATES)
async def test_without_batch_functions_reads_are_merged_all_the_same(provider):
    """Fifty equal lists at once cost two requests: the first goes at once, the others share one."""
    app = emulator()
    async with merging(app, provider) as api:
        await api.cron.add(url=URL, name="one")
        pages = await together(*[api.cron.list] * 50)
    assert all(job.name == "one" for page in pages for job in page)
    assert len({id(page[0]) for page in pages}) == 50
    assert sent(app, "cron.list") <= 2


async def test_gets_become_a_page_of_the_list():
    """Thirty jobs read at once cost a get and a list; a job that is not there is a NotFoundError
    for its caller alone.
    """
    app = emulator()
    async with merging(app) as api:
        jobs = [
            job.id
            for job in await api.cron.batch_add(
                [{"url": URL, "name": f"job {n}"} for n in range(30)]
            )
        ]
        found = await together(
            *[lambda number=number: api.cron.get(number) for number in [*jobs, 999_999]]
        )
    assert [job.id for job in found[:30]] == jobs
    assert isinstance(found[30], NotFoundError)
    assert sent(app, "cron.get") + sent(app, "cron.list") <= 3


async def test_an_item_that_the_service_refuses_fails_alone():
    """One bad add among twenty is an error for its caller; the others have their jobs."""
    app = emulator()
    async with merging(app) as api:
        calls = adds(api, 20)
        calls[7] = lambda: api.cron.add(url=URL, name="bad", timezone="Nowhere/Town")
        results = await together(*calls)
    assert [place for place, result in enumerate(results) if isinstance(result, APIError)] == [7]
    assert len(app.emulator.jobs("fastcron")) == 19


async def test_errors_are_each_callers_own():
    """Callers that share a request which fails get equal errors, but not the same object."""
    app = emulator()
    async with merging(app, retry=None) as api:
        app.emulator.faults.add(Fault("reset", function="cron.batch_add"))
        results = await together(*adds(api, 5))
    failed = [result for result in results if isinstance(result, CronAPIError)]
    assert len(failed) >= 4
    assert len({id(error) for error in failed}) == len(failed)


@pytest.mark.parametrize("kind", ["lose", "cut", "garbage", "half", "reset", "error"])
async def test_a_shared_request_whose_answer_is_lost_makes_each_job_once(kind):
    """Whatever happens to the batch, every caller has its own job and there are no others."""
    app = emulator()
    async with merging(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.batch_add"))
        results = await together(*adds(api, 12))
    assert sorted(job.id for job in results) == sorted(
        row["id"] for row in app.emulator.jobs("fastcron")
    )
    assert [job.name for job in results] == [f"job {n}" for n in range(12)]


@pytest.mark.each_loop
async def test_cancelled_while_waiting_takes_its_item_along():
    """Of ten adds that wait together three are cancelled: seven jobs are made, and none for those
    that went away.
    """
    app = emulator()
    scopes = []

    async def doomed(api, number):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await api.cron.add(url=URL, name=f"doomed {number}")

    async with merging(app) as api:
        await api.cron.list()
        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(doomed, api, number)
            for call in adds(api, 7):
                group.start_soon(call)
            await anyio.wait_all_tasks_blocked()
            for scope in scopes:
                scope.cancel()
    assert sorted(row["name"] for row in app.emulator.jobs("fastcron")) == [
        f"job {n}" for n in range(7)
    ]


@pytest.mark.each_loop
async def test_when_all_callers_go_away_nothing_is_sent():
    """A batch whose last caller is cancelled gives up its place in the queue."""
    app = emulator()
    async with merging(app) as api:
        await api.cron.list()
        async with anyio.create_task_group() as group:
            for call in adds(api, 5):
                group.start_soon(call)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        await anyio.sleep(10)
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert functions(app) == ["cron.list"]


@pytest.mark.each_loop
async def test_cancelled_after_it_was_sent_leaves_the_others_alone():
    """A caller that goes away while the shared request is under way costs the others nothing."""
    app = emulator()
    async with merging(app) as api:
        await api.cron.list()
        app.emulator.faults.add(Fault("stall", function="cron.batch_add", seconds=3.0))
        results = []

        async def leaves():
            with anyio.move_on_after(2.0):
                await api.cron.add(url=URL, name="left")

        async with anyio.create_task_group() as group:
            group.start_soon(leaves)
            for call in adds(api, 4):
                group.start_soon(lambda call=call: keep(results, call()))
    assert sorted(job.name for job in results) == [f"job {n}" for n in range(4)]
    assert len(app.emulator.jobs("fastcron")) == 5


@pytest.mark.each_loop
async def test_effects_on_one_job_keep_their_order():
    """A delete that was asked for after an edit does not overtake it by joining an older batch."""
    app = emulator()
    async with merging(app) as api:
        first, second = await api.cron.batch_add(
            [{"url": URL, "name": "first"}, {"url": URL, "name": "second"}]
        )
        calls = (
            lambda: api.cron.delete(first.id),
            lambda: api.cron.edit(second.id, name="changed"),
            lambda: api.cron.delete(second.id),
        )
        results = await together(*calls)
    assert results[1].name == "changed"
    assert functions(app)[1:] == [
        "cron.delete",
        "cron.edit",
        "cron.delete",
    ]


@pytest.mark.each_loop
async def test_calls_on_one_job_that_begin_at_once_keep_their_order():
    """Of calls that tasks begin in the same turn of the event loop each goes before those that were
    begun after it.
    """
    app, begun = emulator(), []

    async def change(api, job, what):
        begun.append(f"cron.{what}")
        await (
            api.cron.edit(job.id, name="changed")
            if what == "edit"
            else getattr(api.cron, what)(job.id)
        )

    async with merging(app, "setcronjob") as api:
        for _ in range(20):
            job = await api.cron.add(url=URL, name="job")
            begun.append("cron.add")
            async with anyio.create_task_group() as group:
                for what in ("edit", "get", "enable", "disable"):
                    group.start_soon(change, api, job, what)
    assert functions(app) == begun


async def test_a_read_sees_what_was_changed_before_it():
    """A get that was asked for after an edit of the same job does not overtake it."""
    app = emulator()
    async with merging(app) as api:
        first, second = await api.cron.batch_add(
            [{"url": URL, "name": "first"}, {"url": URL, "name": "second"}]
        )
        results = await together(
            lambda: api.cron.get(first.id),
            lambda: api.cron.edit(second.id, name="changed"),
            lambda: api.cron.get(second.id),
        )
    assert results[2].name == "changed"


async def test_two_deletes_of_one_job_are_two():
    """The second caller that deletes a job finds it gone, as it would have without merging."""
    app = emulator()
    async with merging(app) as api:
        job = await api.cron.add(url=URL, name="once")
        results = await together(*[lambda: api.cron.delete(job.id)] * 2)
    assert sorted(type(result).__name__ for result in results) == ["CronJob", "NotFoundError"]


@pytest.mark.each_loop
async def test_max_wait_counts_the_time_in_the_queue():
    """A call that cannot be sent within max_wait fails with nothing sent; one that joins a request
    which is due soon does not.
    """
    app = emulator()
    async with merging(app) as api:
        web = api.with_options(max_wait=0.5)
        await api.cron.list()
        results = await together(
            lambda: web.cron.add(url=URL, name="too long"),
            lambda: api.cron.add(url=URL, name="waits"),
        )
    assert isinstance(results[0], WaitTooLongError)
    assert [row["name"] for row in app.emulator.jobs("fastcron")] == ["waits"]


@pytest.mark.each_loop
async def test_max_wait_ends_the_wait_for_a_shared_slot():
    """A caller with max_wait that joined others leaves them when its time is over, and takes its
    item along.
    """
    app = emulator()
    async with merging(app) as api:
        slot = await api.scheduler.acquire()
        slot.refused(retry_after=30)
        slot.close()
        short = api.with_options(max_wait=40.0)
        results = await together(
            lambda: short.cron.add(url=URL, name="stays"), lambda: shorter(api)
        )
    assert results[0].name == "stays"
    assert isinstance(results[1], WaitTooLongError)
    assert len(app.emulator.jobs("fastcron")) == 1


async def shorter(api):
    return await api.with_options(max_wait=5.0).cron.add(url=URL, name="goes")


@pytest.mark.each_loop
async def test_closing_the_client_fails_those_that_wait():
    """Callers of a client that is closed while they wait are told so, and nothing is sent."""
    app = emulator()
    api = merging(app)
    await api.cron.list()
    results = []
    async with anyio.create_task_group() as group:
        for call in adds(api, 3):
            group.start_soon(lambda call=call: keep_error(results, call))
        await anyio.wait_all_tasks_blocked()
        await api.aclose()
    assert [type(error) for error in results] == [ConfigurationError] * 3
    assert functions(app) == ["cron.list"]


async def keep_error(results, call):
    with pytest.raises(CronAPIError) as failed:
        await call()
    results.append(failed.value)
