"""`ensure` with `max_wait`, with names that a service trims, and with answers of another shape."""

from __future__ import annotations

import anyio
import httpx
import pytest

from cronapi import Applied, ConfigurationError, FastCron, ResponseError, WaitTooLongError
from cronapi.emulator import Fault
from tests.support.emulated import URL, emulator, paced, together, virtual

pytestmark = pytest.mark.virtual_clock


@pytest.mark.each_loop
async def test_ensure_waits_no_longer_than_max_wait():
    """With a queue of twenty a call with max_wait of half a second fails at once; with lane="bulk"
    its search waits there.
    """
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


@pytest.mark.each_loop
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


async def test_a_name_with_white_space_around_it_cannot_be_ensured():
    """A service may take the white space away, and then the name would never be found."""
    async with paced(emulator()) as api:
        with pytest.raises(ConfigurationError, match="white space"):
            await api.cron.ensure(name=" nightly", url=URL)


@pytest.mark.each_loop
async def test_ensure_with_no_time_to_wait_works_on_an_idle_client():
    """With max_wait=0 a name that nobody else ensures, and a slot that is free, need no wait."""
    async with paced(emulator()) as api:
        job = await api.cron.ensure(name="nightly", url=URL)
        await anyio.sleep(30)
        assert await api.with_options(max_wait=0).cron.ensure(name="nightly", url=URL) == job


@pytest.mark.parametrize("id", [{}, {"id": None}, {"id": "x"}])
async def test_a_listed_job_without_an_id_is_neither_absent_nor_of_use(id):
    """`find` and `ensure` say that the list is unusable, and nothing is made."""
    row = {"name": "n", "url": URL, **id}

    def answer(request):
        return httpx.Response(200, json={"status": "success", "code": 0, "data": [row]})

    for call in (lambda api: api.cron.find("n"), lambda api: api.cron.ensure(name="n", url=URL)):
        async with FastCron(
            "token", transport=httpx.MockTransport(answer), scheduler=virtual(1.0)
        ) as api:
            with pytest.raises(ResponseError, match="without an id"):
                await call(api)


ODD_MEMBERS = (
    *({"fail": "abc"}, {"points": []}, {"status": "on"}, {"single": "maybe"}, {"minute": {}}),
    *({"priority": 1.5}, {"notify": {}}, {"fail": True}, {"pattern": [1]}, {"points": "9" * 5000}),
)


async def test_a_listed_job_that_cannot_be_read_is_an_answer_of_another_shape():
    """`find` and `ensure` name the member of the job, wherever it stands."""
    row = {"id": 7, "name": "n", "url": URL}

    def answer(_):
        return httpx.Response(200, json={"status": "success", "code": 0, "data": [row]})

    async with FastCron("t", transport=httpx.MockTransport(answer), scheduler=virtual(0.1)) as api:
        for odd in ODD_MEMBERS:
            row = {"id": 7, "name": "n", "url": URL} | odd
            for call in (lambda: api.cron.find("n"), lambda: api.cron.ensure(name="n", url=URL)):
                with pytest.raises(ResponseError, match="another shape") as caught:
                    await call()
                assert [problem.split(":")[0] for problem in caught.value.problems] == [
                    f"$.data.{next(iter(odd))}"
                ]
                assert caught.value.applied is Applied.NO
