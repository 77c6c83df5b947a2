"""What an apply costs, two at once, broken off ones, and faults of the service."""

from __future__ import annotations

import json
import random
from contextlib import suppress

import anyio
import pytest

from cronapi import CronAPIError, UnsafePlanError
from cronapi.emulator import Fault
from cronapi.manifest import Manifest
from tests.support.chaos_service import faults
from tests.support.emulated import emulator, paced
from tests.support.manifests import HEAD, jobs_text, manifest

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]

PREFIX = 'version = 1\n[scope]\nprefix = "job"\n'


def names(app):
    return sorted(job["name"] for job in app.emulator.jobs("fastcron"))


@pytest.mark.crowd
async def test_a_thousand_jobs_cost_what_the_plan_tells_and_nothing_the_second_time():
    """The first apply takes 17 requests in all, the second three."""
    app, wanted = emulator(), manifest(jobs_text(1000))
    async with paced(app) as api:
        plan = await wanted.plan(api)
        result = await plan.apply()
    assert len(plan.changes) == result.count("create") == 1000
    assert result.is_complete
    assert plan.cost.requests == len(app.emulator.requests) - plan.read.requests
    assert result.requests == plan.cost.requests
    assert len(app.emulator.requests) == 17
    assert plan.cost.seconds - 2 <= result.seconds <= 1.2 * plan.cost.seconds
    await anyio.sleep(2)  # another process knows nothing of the pace of the first
    async with paced(app) as api:
        plan = await wanted.plan(api)
        result = await plan.apply()
    assert plan.is_empty
    assert plan.unchanged == 1000
    assert plan.cost.requests == result.requests == 0
    assert len(app.emulator.requests) == 17 + 3


@pytest.mark.crowd
@pytest.mark.parametrize("head", [HEAD, PREFIX], ids=["group", "prefix"])
async def test_two_applies_at_once_leave_each_job_once(head):
    """Of equal jobs both delete all but the lowest id, whoever comes first."""
    await two_at_once(head, (0, 3))


@pytest.mark.proof
@pytest.mark.parametrize("head", [HEAD, PREFIX], ids=["group", "prefix"])
async def test_two_applies_at_once_leave_each_job_once_however_they_are_shifted(head):
    """The same for 20 shifts."""
    await two_at_once(head, range(20))


async def two_at_once(head, shifts):
    for shift in shifts:
        app, wanted = emulator(), manifest(jobs_text(60), head=head)
        if head == HEAD:
            async with paced(app) as api:
                await api.group.add("g")
        results = []

        async def apply(delay, app=app, wanted=wanted, results=results):
            await anyio.sleep(delay)
            async with paced(app) as api:
                plan = await wanted.plan(api)
                try:
                    results.append(await plan.apply())
                except UnsafePlanError:  # the other one was in between
                    results.append(None)

        async with anyio.create_task_group() as group:
            group.start_soon(apply, 0)
            group.start_soon(apply, shift / 2)
        assert names(app) == sorted(f"job {number}" for number in range(60)), shift
        assert any(results)
        async with paced(app) as api:
            assert (await wanted.plan(api)).is_empty


async def test_two_applies_of_one_file_go_one_after_the_other(tmp_path):
    """The second is told, and nothing of it is sent."""
    path = tmp_path / "cronjobs.toml"
    path.write_text(PREFIX + jobs_text(3))
    app = emulator()
    async with paced(app) as api:
        plans = [await Manifest.load(path, environ={}).plan(api) for _ in range(2)]
        errors = []

        async def apply(plan):
            try:
                await plan.apply()
            except UnsafePlanError as error:
                errors.append(str(error))

        async with anyio.create_task_group() as group:
            for plan in plans:
                group.start_soon(apply, plan)
        assert len(errors) == 1
        assert "is at work" in errors[0]
        assert len(names(app)) == 3


@pytest.mark.few(2)
@pytest.mark.crowd
@pytest.mark.parametrize("kind", ["lose", "half", "outage", "twice"])
async def test_a_fault_of_the_service_makes_no_twin_and_loses_no_job(kind):
    """The same command goes on until there is nothing left to do."""
    app, wanted = emulator(), manifest(jobs_text(110), head=PREFIX)
    for function in ("cron.batch_add", "cron.edit", "cron.batch_delete", "cron.list"):
        app.emulator.faults.add(Fault(kind, function=function, times=2))
    async with paced(app) as api:
        await api.cron.add(url="https://example.com/", name="theirs")
    await again(app, wanted)
    changed = jobs_text(105, lines="timeout = 7\n").replace("timeout = 7\n", "", 95)
    await again(app, manifest(changed, head=PREFIX), prune=True)
    assert names(app) == sorted([*(f"job {number}" for number in range(105)), "theirs"])
    assert sum(job["timeout"] == 7 for job in app.emulator.jobs("fastcron")) == 10


async def again(app, wanted, **options):
    for _ in range(5):
        async with paced(app) as api:
            plan = await wanted.plan(api, **options)
            if plan.is_empty:
                return
            await plan.apply()
    raise AssertionError


@pytest.mark.crowd
async def test_an_apply_that_is_broken_off_anywhere_goes_on():
    """A cancelled apply has done a part, and the next one does the rest."""
    wanted = manifest(
        jobs_text(30) + jobs_text(20, word="job old", lines="timeout = 9\n"), head=PREFIX
    )
    before = jobs_text(20, word="job old") + jobs_text(10, word="job gone")
    for seconds in (3, 8, 30):
        app = emulator()
        async with paced(app) as api:
            await (await manifest(before, head=PREFIX).plan(api)).apply()
            await api.cron.add(url="https://example.com/", name="theirs")
        theirs = json.dumps(
            [job for job in app.emulator.jobs("fastcron") if job["name"] == "theirs"]
        )
        async with paced(app) as api:
            plan = await wanted.plan(api, prune=True, max_deletes=10)
            with anyio.move_on_after(seconds):
                await plan.apply()
        await again(app, wanted, prune=True, max_deletes=10)
        expected = [f"job {number}" for number in range(30)]
        expected += [f"job old {number}" for number in range(20)]
        assert names(app) == sorted([*expected, "theirs"]), seconds
        kept = [job for job in app.emulator.jobs("fastcron") if job["name"] == "theirs"]
        assert json.dumps(kept) == theirs


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_ten_broken_off_applies_through_faults_end_in_exactly_the_manifest(seed):
    """300 creates, 200 edits and 50 deletes: none twice, none lost, the others as they were."""
    rng, app = random.Random(seed), emulator(seed=seed)
    old = jobs_text(200, word="job old") + jobs_text(50, word="job gone")
    async with paced(app) as api:
        await (await manifest(old, head=PREFIX).plan(api)).apply()
        await api.cron.add_many([{"url": "https://example.com/", "name": "t"} for _ in range(30)])
    theirs = [job for job in app.emulator.jobs("fastcron") if job["name"] == "t"]
    wanted = manifest(
        jobs_text(300, word="job new").replace("/run/", "/new/")
        + jobs_text(200, word="job old", lines="timeout = 9\n"),
        head=PREFIX,
    )
    app.emulator.faults.add(*faults(30.0))
    rounds = 0
    while True:
        rounds += 1
        assert rounds < 40
        async with paced(app) as api:
            with anyio.move_on_after(rng.uniform(1, 150) if rounds <= 10 else 10_000):
                with suppress(CronAPIError):
                    plan = await wanted.plan(api, prune=True, max_deletes=60)
                    if plan.is_empty and rounds > 10:
                        break
                    await plan.apply()
    expected = [f"job new {number}" for number in range(300)]
    expected += [f"job old {number}" for number in range(200)]
    assert names(app) == sorted([*expected, *["t"] * 30])
    assert [job for job in app.emulator.jobs("fastcron") if job["name"] == "t"] == theirs
