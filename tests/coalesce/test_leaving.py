"""Callers of merged calls that go away, and errors that belong to each caller."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest

from cronapi import (
    ConfigurationError,
    NotFoundError,
)
from cronapi.emulator import Fault
from tests.support.emulated import TOKEN, URL, client_of, emulator, together, virtual
from tests.support.merged import Wire, made, merging
from tests.support.seen import functions

pytestmark = pytest.mark.virtual_clock


@pytest.mark.each_loop
async def test_a_caller_that_left_is_not_sent_again_after_a_refusal():
    """A caller that goes away while a batch is under way takes its item along where the rate limit
    then refuses the batch.
    """
    app = emulator()
    wire = Wire(app)
    async with merging(app, transport=wire) as api:
        wire.slow = 2.0  # so that a refusal after two seconds is as quick as any answer
        await api.cron.list()
        app.emulator.faults.add(Fault("outage", function="cron.batch_add"))
        async with anyio.create_task_group() as group:
            group.start_soon(api.cron.list)  # takes the slot that is free
            await anyio.wait_all_tasks_blocked()
            for n in range(3):
                group.start_soon(lambda n=n: api.cron.add(url=URL, name=f"job {n}"))
            with anyio.move_on_after(2.0):  # sent after 1 s, refused after 3 s
                await api.cron.add(url=URL, name="left")
    assert sorted(row["name"] for row in app.emulator.jobs("fastcron")) == [
        "job 0",
        "job 1",
        "job 2",
    ]


@pytest.mark.parametrize("count", [1, 4])
async def test_nothing_is_repeated_for_callers_that_have_all_left(count):
    """When the last caller goes away after the answer was lost, nobody looks the request up or
    sends it again, as without merging.
    """
    app = emulator()
    async with merging(app) as api:
        await api.cron.list()
        app.emulator.faults.add(Fault("reset", times=None))
        with anyio.move_on_after(1.3):
            async with anyio.create_task_group() as group:
                for n in range(count):
                    group.start_soon(lambda n=n: api.cron.add(url=URL, name=f"job {n}"))
        app.emulator.faults.clear()
        await anyio.sleep(100)
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert app.emulator.jobs("fastcron") == []
    assert functions(app) == ["cron.list", "cron.add" if count == 1 else "cron.batch_add"]


async def test_a_token_function_that_fails_is_every_callers_error():
    """What a token function raises reaches every caller of the shared request, and the next call is
    served.
    """
    app = emulator()
    broken = [False]

    def token():
        if broken[0]:
            raise LookupError("no vault")
        return TOKEN

    async with merging(app, token=token) as api:
        ids = await made(api, 3)
        broken[0] = True
        adds = [lambda: api.cron.add(url=URL, name="never")] * 3
        results = await together(
            *adds,
            *[lambda number=number: api.cron.get(number) for number in ids],
            lambda: api.cron.delete(ids[0]),
        )
        assert {type(result) for result in results} == {LookupError}
        broken[0] = False
        assert (await api.cron.get(ids[0])).id == ids[0]


async def test_a_token_function_that_fails_amid_single_reads_is_told():
    """What a token function raises while jobs are asked for one by one comes out of the bulk."""
    app = emulator()
    wire = Wire(app)
    left = [4]

    def token():
        left[0] -= 1
        if left[0] < 0:
            raise LookupError("no vault")
        return TOKEN

    async with client_of(app, scheduler=virtual(1.0), transport=wire, token=token) as api:
        ids = await made(api, 12)
        wire.broken = "cron_list"
        with pytest.raises(LookupError, match="no vault"):
            await api.cron.get_many(ids)


async def test_leaving_single_reads_takes_them_out_of_the_queue():
    """Breaking out of `get_many` while jobs are asked for one by one leaves no request waiting."""
    app = emulator()
    wire = Wire(app)
    async with client_of(app, scheduler=virtual(1.0), transport=wire) as api:
        ids = await made(api, 12)
        wire.broken = "cron_list"
        async for _ in api.cron.get_many(ids):
            break
        await anyio.sleep(10)
        assert sum(api.scheduler.stats.waiting.values()) == 0
        assert len(functions(app)) < 5


@pytest.mark.each_loop
async def test_closing_the_client_is_every_getters_error():
    """Gets that wait for a shared page when the client is closed are told so,
    and nothing is sent.
    """
    app = emulator()
    api = merging(app)
    ids = await made(api, 3)

    async def close():
        await api.aclose()

    results = await together(
        *[lambda number=number: api.cron.get(number) for number in ids],
        lambda: api.cron.delete(ids[0]),
        close,
    )
    assert {type(result) for result in results[:4]} == {ConfigurationError}
    assert functions(app) == ["cron.batch_add"]


async def test_without_retries_each_getter_has_its_own_answer():
    """With `retry=None` a job that is not there is an error for its caller alone, and the others
    have theirs.
    """
    app = emulator()
    async with merging(app, retry=None) as api:
        ids = await made(api, 4)
        results = await together(
            *[lambda number=number: api.cron.get(number) for number in [*ids, 999_999]]
        )
    assert [job.id for job in results[:4]] == ids
    assert isinstance(results[4], NotFoundError)


@pytest.mark.each_loop
async def test_runs_of_a_job_are_not_overtaken_by_its_delete():
    """Two runs of a job asked for at once, and then its delete, are sent in this order."""
    app = emulator()
    async with merging(app) as api:
        (job,) = await made(api, 1)
        results = await together(
            lambda: api.cron.run(job), lambda: api.cron.run(job), lambda: api.cron.delete(job)
        )
    assert functions(app)[1:] == ["cron.run", "cron.run", "cron.delete"]
    assert not [result for result in results if isinstance(result, Exception)]


class HalfDone(Wire):
    """A service that refuses a batch of deletes after it has carried out the first."""

    async def handle_async_request(self, request):
        if request.url.path.endswith("cron_batch_delete"):
            sent = json.loads(request.content)
            url = str(request.url).replace("batch_delete", "delete")
            await super().handle_async_request(
                httpx.Request("POST", url, json={**sent, "id": sent["id"][0]})
            )
            return httpx.Response(200, json=dict(self.answer))
        return await super().handle_async_request(request)


async def test_a_merged_delete_that_was_done_before_the_batch_was_refused_is_done():
    """A batch is refused that had deleted one caller's job: that caller is told so, and the list is
    read once.
    """
    app = emulator()
    async with merging(app, transport=HalfDone(app)) as api:
        (job,) = await made(api, 1)
        _, deleted, missing = await together(
            api.cron.list, lambda: api.cron.delete(job), lambda: api.cron.delete(999_999)
        )
    assert deleted.id == job
    assert isinstance(missing, NotFoundError)
    assert functions(app)[-2:] == ["cron.delete", "cron.list"]


@pytest.mark.parametrize("fault", ["error", "reset"])
async def test_an_ensured_name_is_nobody_elses_to_make_again(fault):
    """Who ensures a name beside other adds that are merged, and leaves, leaves no add behind that
    others send again.
    """
    app = emulator()
    app.emulator.faults.add(Fault(fault, function="cron.batch_add", times=1))
    leaving = anyio.CancelScope()
    async with merging(app) as api, anyio.create_task_group() as group:

        async def ensure():
            with leaving:
                await api.cron.ensure(name="nightly", url=URL)

        async def leave_and_ensure_again():
            with anyio.move_on_after(5):
                while "cron.batch_add" not in functions(app):  # noqa: ASYNC110 -- what the service was asked can only be looked up
                    await anyio.sleep(0.05)
            leaving.cancel()
            await api.cron.ensure(name="nightly", url=URL)

        group.start_soon(ensure)
        group.start_soon(leave_and_ensure_again)
        await anyio.sleep(0.5)
        group.start_soon(lambda: api.cron.add(url=URL, name="other"))
    assert sorted(job["name"] for job in app.emulator.jobs("fastcron")) == ["nightly", "other"]
