"""The corners where a job could be made twice, lost or taken for another's."""

from __future__ import annotations

import anyio
import pytest

from cronapi import (
    CronAPIError,
    OutcomeUnknownError,
    RetryPolicy,
    WaitTooLongError,
)
from cronapi.emulator import Clock, Fault, create_app
from tests.support.emulated import URL, emulator, paced, virtual
from tests.support.seen import accepted

pytestmark = pytest.mark.virtual_clock


@pytest.mark.parametrize("call", ["raw", "batch", "group"])
async def test_an_edit_with_a_run_is_sent_once_however_it_is_called(call):
    """A change that also queues a run is never repeated blindly: raw, for several jobs or for a
    group.
    """
    app = emulator(undocumented=["run"])
    async with paced(app) as api:
        group = await api.group.add("g")
        job = await api.cron.add(url=URL, group=group.id)
        calls = {
            "raw": ("cron.edit", lambda: api.call("cron.edit", id=job.id, run=1)),
            "batch": ("cron.batch_edit", lambda: api.cron.batch_edit([job.id], run=1)),
            "group": ("cron.group_edit", lambda: api.cron.group_edit(group.id, run=1)),
        }
        function, make = calls[call]
        app.emulator.faults.add(Fault("lose", function=function))
        with pytest.raises(OutcomeUnknownError):
            await make()
        assert accepted(app, function) == 1


async def test_a_job_without_a_name_is_not_taken_for_a_named_one_of_the_same_url():
    """A create without a name that never arrived is made, though another program has a named job
    with the same URL.

    The list has shown that job before. Otherwise it might be the one, under a name that the service
    gave it.
    """
    app = emulator()
    async with paced(app) as stranger:
        theirs = await stranger.cron.add(url=URL, name="nightly", expression="0 3 * * *")
    async with paced(app) as api:
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.add(url=URL)
        await api.cron.list()
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        ours = await api.cron.add(url=URL)
    assert ours.id != theirs.id
    assert len(app.emulator.jobs("fastcron")) == 2


async def test_creates_that_a_look_up_could_mix_up_make_a_job_each():
    """Two adds of one URL, one named and one not, one of them lost: two jobs,
    each caller its own.
    """
    app = emulator()
    ids = []
    app.emulator.faults.add(Fault("reset", function="cron.add"))
    async with paced(app) as api:

        async def add(**params):
            ids.append((await api.cron.add(url=URL, **params)).id)

        async with anyio.create_task_group() as group:
            group.start_soon(add)
            group.start_soon(lambda: add(name="b"))
    assert sorted(ids) == sorted(job["id"] for job in app.emulator.jobs("fastcron"))
    assert len(set(ids)) == 2


@pytest.mark.each_loop
async def test_a_create_is_not_sent_again_while_its_connection_is_open():
    """A service that takes longer than the timeout and all looks, on a connection that is still
    open, makes one job.
    """
    app = emulator()
    async with paced(app, timeout=20.0) as api:
        app.emulator.faults.add(Fault("stall_before", function="cron.add", seconds=35.0))
        job = await api.cron.add(url=URL, name="slow")
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]


async def test_a_create_that_is_tried_once_is_still_looked_up():
    """With max_attempts=1 a lost create is looked up: adopted if it happened, and known not to have
    happened if not.
    """
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=1)) as api:
        app.emulator.faults.add(Fault("lose", function="cron.add"))
        job = await api.cron.add(url=URL, name="one")
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        with pytest.raises(CronAPIError) as lost:
            await api.cron.add(url=URL, name="two")
        assert lost.value.applied.value == "no"


@pytest.mark.each_loop
async def test_max_wait_also_bounds_the_wait_for_an_identical_create():
    """A double click does not wait for the first click's answer any longer than max_wait."""
    app = emulator()
    app.emulator.faults.add(Fault("stall", function="cron.add", seconds=10.0))
    async with paced(app, "setcronjob") as api, anyio.create_task_group() as group:
        web = api.with_options(max_wait=0.5)
        group.start_soon(lambda: web.cron.add(url=URL, name="double"))
        await anyio.sleep(1)
        before = anyio.current_time()
        with pytest.raises(WaitTooLongError):
            await web.cron.add(url=URL, name="double")
        assert anyio.current_time() - before == pytest.approx(0.5)
    assert len(app.emulator.jobs("setcronjob")) == 1


async def test_the_same_run_asked_for_twice_is_not_adopted_twice():
    """The second of two equal runs, lost on its way, is not taken for the first."""
    app = emulator()
    async with paced(app) as api:
        job = await api.cron.add(url=URL, expression="manual")
        await api.cron.run(job.id, time=4_000_000_000)
        app.emulator.faults.add(Fault("reset", function="cron.run"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.run(job.id, time=4_000_000_000)


@pytest.mark.parametrize("function", ["cron.add", "cron.batch_add", "group.add", "cron.run"])
async def test_a_raw_create_without_what_it_is_found_by_is_unknown(function):
    """A raw call that gives nothing to look for ends as unknown, not as a foreign error."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("bad_gateway", function=function))
        with pytest.raises(OutcomeUnknownError):
            await api.call(function)


@pytest.mark.each_loop
async def test_functions_that_cronapi_does_not_know_do_not_wait_for_each_other():
    """Raw calls of a function that is not in the table run side by side."""
    app = create_app(
        clock=Clock(ticks=anyio.current_time), rates={"fastcron": None, "setcronjob": None}
    )
    app.emulator.faults.add(Fault("stall", times=None, seconds=5.0))
    async with paced(app, scheduler=virtual(1000)) as api:
        before = anyio.current_time()
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(failing, api)
        assert anyio.current_time() - before < 10


async def failing(api):
    with pytest.raises(CronAPIError):
        await api.call("cron.polish", id=1)


@pytest.mark.each_loop
async def test_max_wait_of_zero_lets_a_create_through_where_nobody_waits():
    """A caller that is not willing to wait at all is served by an idle client, with creates as with
    reads.
    """
    app = emulator()
    async with paced(app) as api:
        assert (await api.with_options(max_wait=0).cron.add(url=URL)).url == URL


@pytest.mark.parametrize("data", ['[{"url": "https://example.com/"}]', [1, 2]])
async def test_a_raw_batch_of_something_odd_is_unknown_when_its_answer_is_lost(data):
    """Whatever a raw batch call carries, a lost answer is an OutcomeUnknownError and no foreign
    one.
    """
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("bad_gateway", function="cron.batch_add"))
        with pytest.raises(OutcomeUnknownError):
            await api.call("cron.batch_add", data=data)
