"""Creates whose answers get lost: each job is made once, and nobody else's is taken."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import pytest

from cronapi import (
    Applied,
    OutcomeUnknownError,
    RetryPolicy,
    TransportError,
)
from cronapi.emulator import Fault
from tests.support.emulated import LOSSES, URL, emulator, paced
from tests.support.seen import accepted

pytestmark = pytest.mark.virtual_clock


@pytest.mark.parametrize("kind", LOSSES)
async def test_a_create_whose_answer_is_lost_is_adopted(kind):
    """However the answer to an add gets lost, the caller gets the job that was made, and there is
    one.
    """
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.add"))
        job = await api.cron.add(
            url=URL, name="once", http_headers={"X-A": "1"}, notify=False, password="hunter22"
        )
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]
        assert job.url == URL


@pytest.mark.parametrize("kind", ["reset", "error", "outage"])
async def test_a_create_that_never_arrived_is_made_once(kind):
    """A create that was refused, failed or reset before the service heard of it is sent again, and
    there is one job.
    """
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.add", times=2))
        job = await api.cron.add(url=URL, name="once")
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]


@pytest.mark.few(1)
@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
async def test_many_creates_with_losses_make_each_job_once(provider):
    """Of forty concurrent adds a third of the answers is lost: every caller gets its own job, and
    none is made twice.
    """
    app = emulator()
    made = {}
    app.emulator.faults.add(
        *[Fault(kind, function="cron.add", times=None, share=0.06) for kind in [*LOSSES, "reset"]]
    )
    async with paced(app, provider) as api:

        async def add(number):
            made[number] = (await api.cron.add(url=f"{URL}/{number}", name=f"job {number}")).id

        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(add, number)
    assert app.emulator.faults.fired
    assert {row["name"]: row["id"] for row in app.emulator.jobs(provider)} == {
        f"job {n}": made[n] for n in range(40)
    }


async def test_two_identical_creates_are_two_jobs():
    """Two callers that add the same job get two, also when both answers are lost."""
    app = emulator()
    ids = []
    app.emulator.faults.add(Fault("lose", function="cron.add", times=2))
    async with paced(app) as api:

        async def add():
            ids.append((await api.cron.add(url=URL, name="twin")).id)

        async with anyio.create_task_group() as group:
            group.start_soon(add)
            group.start_soon(add)
    assert len(set(ids)) == 2
    assert {row["id"] for row in app.emulator.jobs("fastcron")} == set(ids)


@pytest.mark.each_loop
async def test_a_twin_that_goes_away_while_it_waits_for_the_first_is_never_sent():
    """Identical creates go one after the other; one that is cancelled while it waits for its twin
    costs nothing.
    """
    app = emulator()
    app.emulator.faults.add(Fault("stall", function="cron.add", seconds=5.0))
    async with paced(app) as api, anyio.create_task_group() as group:
        group.start_soon(lambda: api.cron.add(url=URL, name="twin"))
        await anyio.sleep(1)
        with anyio.move_on_after(2) as scope:
            await api.cron.add(url=URL, name="twin")
        assert scope.cancelled_caught
        assert (await api.cron.add(url=URL, name="twin")).name == "twin"
    assert len(app.emulator.jobs("fastcron")) == 2


async def test_a_job_that_was_there_before_is_not_adopted():
    """A lost add beside an older identical job that the client has seen makes a second one, and
    returns that.
    """
    app = emulator()
    async with paced(app) as api:
        old = await api.cron.add(url=URL, name="same")
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        new = await api.cron.add(url=URL, name="same")
        assert new.id != old.id
        assert len(app.emulator.jobs("fastcron")) == 2


async def test_an_older_twin_that_nobody_has_seen_makes_the_outcome_unknown():
    """Where two jobs could be the one that was made, the error says that it cannot tell, and
    nothing is sent again.
    """
    app = emulator()
    async with paced(app) as stranger:
        await stranger.cron.add(url=URL, name="same")
    async with paced(app) as api:
        app.emulator.faults.add(Fault("lose", function="cron.add"))
        with pytest.raises(OutcomeUnknownError) as unknown:
            await api.cron.add(url=URL, name="same")
    assert unknown.value.applied is Applied.UNKNOWN
    assert unknown.value.function == "cron.add"
    assert accepted(app, "cron.add") == 2


async def test_a_look_up_that_fails_makes_the_outcome_unknown():
    """When the service can no longer be asked,
    the caller is told so and not sent a second create.
    """
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=2)) as api:
        app.emulator.faults.add(
            Fault("lose", function="cron.add"), Fault("reset", function="cron.list", times=None)
        )
        with pytest.raises(OutcomeUnknownError) as unknown:
            await api.cron.add(url=URL, name="once")
    assert isinstance(unknown.value.__cause__, TransportError)
    assert accepted(app, "cron.add") == 1


@pytest.mark.parametrize("merged", [False, True])
async def test_a_look_up_that_fails_is_tried_once_more(merged):
    """Before callers are told that nobody knows, the service is asked again: here it answers after
    all, and nothing is made twice.
    """
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=2), coalesce=merged) as api:
        await api.cron.add(url=URL, name="known")
        lost = [Fault("lose", function=function) for function in ("cron.add", "cron.batch_add")]
        app.emulator.faults.add(*lost, Fault("reset", function="cron.list", times=2))
        async with anyio.create_task_group() as group:
            for name in ("one", "two"):
                group.start_soon(lambda name=name: api.cron.add(url=URL, name=name))
    assert sorted(row["name"] for row in app.emulator.jobs("fastcron")) == ["known", "one", "two"]
    assert accepted(app, "cron.batch_add") == merged


@pytest.mark.each_loop
async def test_a_create_that_the_service_finishes_after_the_timeout_is_found():
    """A create that the service finishes after the timeout is found, and not sent again."""
    app = emulator()
    async with paced(app, timeout=5.0) as api:
        app.emulator.faults.add(Fault("stall_before", function="cron.add", seconds=6.0))
        job = await api.cron.add(url=URL, name="slow")
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]
    assert accepted(app, "cron.add") == 1


async def test_a_lost_batch_is_adopted_whole():
    """A batch whose answer is lost gives the jobs that it made, in order."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
        jobs = await api.cron.batch_add([{"url": f"{URL}/{n}", "name": f"n{n}"} for n in range(5)])
        assert [job.name for job in jobs] == [f"n{n}" for n in range(5)]
        assert len(app.emulator.jobs("fastcron")) == 5


async def test_a_half_done_batch_is_unknown():
    """A batch of which half arrived is not sent again: the caller is told to look."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("half", function="cron.batch_add"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.batch_add([{"url": f"{URL}/{n}", "name": f"n{n}"} for n in range(4)])
    assert len(app.emulator.jobs("fastcron")) == 2


@pytest.mark.parametrize("kind", ["lose", "reset"])
async def test_a_group_is_made_once(kind):
    """A lost group.add gives one group, adopted or sent again."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="group.add"))
        group = await api.group.add("nightly")
        assert [row["id"] for row in app.emulator.groups("fastcron")] == [group.id]


@pytest.mark.parametrize("kind", ["lose", "reset"])
async def test_a_run_at_a_time_is_queued_once(kind):
    """A lost cron.run with a time is looked up in the queue and made once."""
    app = emulator()
    when = datetime(2100, 5, 24, 2, 44, 25, tzinfo=UTC)
    async with paced(app) as api:
        job = await api.cron.add(url=URL, expression="manual")
        app.emulator.faults.add(Fault(kind, function="cron.run"))
        assert await api.cron.run(job.id, time=when) == when
        assert await api.cron.next(job.id) == [when]


async def test_a_run_without_a_time_is_unknown_when_its_answer_is_lost():
    """A run within the next minute cannot be told from the schedule's own,
    so it is not repeated.
    """
    app = emulator()
    async with paced(app) as api:
        job = await api.cron.add(url=URL)
        app.emulator.faults.add(Fault("lose", function="cron.run"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.run(job.id)
    assert accepted(app, "cron.run") == 1


async def test_an_edit_with_a_run_is_not_repeated():
    """An edit that also queues a run is a create, and unknown when its answer is lost."""
    app = emulator(era="latest")
    async with paced(app) as api:
        job = await api.cron.add(url=URL)
        app.emulator.faults.add(Fault("lose", function="cron.edit"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.edit(job.id, run=1)
    assert accepted(app, "cron.edit") == 1
