"""Requests that are carried out late, and lists that lag: one job, or a warning that names both."""

from __future__ import annotations

import logging

import anyio
import httpx
import pytest

from cronapi import Applied, CronAPIError
from cronapi.emulator import Fault
from tests.support.emulated import URL, emulator, paced, specs
from tests.support.seen import ids
from tests.support.told import CREATES, told_of

pytestmark = pytest.mark.virtual_clock


def told_of_twins(caplog):
    """Return the warnings about twins. Others tell of the lookups that found them."""
    found = [record for record in caplog.records if record.cron_event == "twin"]
    return [record.getMessage() for record in found]


@pytest.mark.parametrize("seconds", [0.1, 0.6, 1.5, 2.4, 4.0, 6.0])
async def test_an_add_that_is_carried_out_late_makes_one_job(seconds):
    """An add that appears after its connection closed is waited for, and made once."""
    app = emulator()
    app.emulator.faults.add(Fault("late", function="cron.add", seconds=seconds))
    async with paced(app) as api:
        job = await api.cron.add(url=URL, name="late")
        await anyio.sleep(30)
    assert ids(app) == [job.id]


@pytest.mark.parametrize("seconds", [0.1, 0.6, 1.5, 4.0, 6.0])
async def test_a_batch_that_is_carried_out_late_makes_each_job_once(seconds):
    """A batch that appears after its connection closed makes each job once."""
    app = emulator()
    app.emulator.faults.add(Fault("late", function="cron.batch_add", seconds=seconds))
    async with paced(app) as api:
        found = told_of(await api.cron.add_many(specs(20)))
        await anyio.sleep(30)
    assert ids(app) == sorted(found.done)
    assert len(found.done) == 20


@pytest.mark.each_value
@pytest.mark.parametrize("seconds", [0.4, 1.5, 3.0, 5.0, 6.0])
@pytest.mark.parametrize("function", CREATES)
async def test_a_list_that_lags_shows_the_job_in_time(function, seconds):
    """A create whose answer was lost is made once, though the lists are some seconds old."""
    app = emulator(lag=seconds)
    app.emulator.faults.add(Fault("lose", function=function))
    async with paced(app) as api:
        if function == "group.add":
            group = await api.group.add("late")
            assert [row["id"] for row in app.emulator.groups("fastcron")] == [group.id]
        elif function == "cron.add":
            job = await api.cron.add(url=URL, name="late")
            assert ids(app) == [job.id]
        else:
            jobs = await api.cron.batch_add(specs(3))
            assert ids(app) == [job.id for job in jobs]


@pytest.mark.parametrize("seconds", [0.4, 1.5, 3.0, 5.0, 6.0])
async def test_a_delete_whose_answer_was_lost_is_done_though_lists_lag(seconds):
    """What a lost delete has deleted, and its repeat does not find, is told as deleted, even if the
    lists show it for some seconds more.
    """
    app = emulator(lag=seconds)
    async with paced(app) as api:
        job = await api.cron.add(url=URL, name="goes")
        group = await api.group.add("goes")
        await anyio.sleep(10)
        app.emulator.faults.add(Fault("lose", function="cron.delete"))
        await api.cron.delete(job.id)
        app.emulator.faults.add(Fault("lose", function="group.delete"))
        await api.group.delete(group.id)
    assert ids(app) == []
    assert app.emulator.groups("fastcron") == []


async def test_a_delete_that_is_refused_after_a_lost_one_is_not_told_as_done():
    """A job that the list shows to the end is not told as deleted."""
    app = emulator()
    async with paced(app) as api:
        job = await api.cron.add(url=URL, name="stays")
        app.emulator.faults.add(
            Fault("reset", function="cron.delete"),
            Fault("busy", function="cron.delete", code=7, message="Not now."),
        )
        with pytest.raises(CronAPIError, match="Not now"):
            await api.cron.delete(job.id)
    assert ids(app) == [job.id]


@pytest.mark.parametrize("seconds", [11.2, 11.6, 12.0, 13.0, 14.0])
async def test_a_twin_is_told_with_both_ids_and_none_is_deleted(seconds, caplog):
    """An add that is carried out after all looks is made twice: the older is returned."""
    app = emulator()
    app.emulator.faults.add(Fault("late", function="cron.add", seconds=seconds))
    async with paced(app) as api:
        with caplog.at_level(logging.WARNING, "cronapi"):
            job = await api.cron.add(url=URL, name="late")
        await anyio.sleep(30)
    there = ids(app)
    assert len(there) == 2
    assert job.id == min(there)
    (warning,) = told_of_twins(caplog)
    assert all(str(id) in warning for id in there)


class Blind(httpx.AsyncBaseTransport):
    """A service whose `group.lookup` finds nothing."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request):
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("group_lookup"):
            return response
        await response.aread()
        return httpx.Response(200, json={"status": "success", "code": 0, "data": []})


@pytest.mark.parametrize("seconds", [12.0, 14.0])
@pytest.mark.parametrize("kind", ["job", "group"])
async def test_a_twin_is_told_where_a_search_shows_nothing(kind, seconds, caplog):
    """A twin is found in the whole list where no search of the service shows it."""
    app = emulator(search="none")
    function = "cron.add" if kind == "job" else "group.add"
    app.emulator.faults.add(Fault("late", function=function, seconds=seconds))
    async with paced(app, transport=Blind(app)) as api:
        with caplog.at_level(logging.WARNING, "cronapi"):
            adds = api.cron.add(url=URL, name="late") if kind == "job" else api.group.add("late")
            made = await adds
    there = [row["id"] for row in getattr(app.emulator, f"{kind}s")("fastcron")]
    (warning,) = told_of_twins(caplog)
    assert len(there) == 2
    assert made.id == min(there)
    assert all(str(id) in warning for id in there)


@pytest.mark.parametrize("seconds", [9.6, 10.0, 11.0, 12.0])
async def test_a_twin_in_a_bulk_is_on_its_outcome(seconds, caplog):
    """The outcome has the older job, and the id of the other."""
    app = emulator()
    app.emulator.faults.add(Fault("late", function="cron.batch_add", seconds=seconds))
    async with paced(app) as api:
        with caplog.at_level(logging.WARNING, "cronapi"):
            report = await api.cron.add_many(specs(3))
        await anyio.sleep(30)
    pairs = {id for outcome in report.done for id in (outcome.value.id, outcome.twin)}
    assert pairs == set(ids(app))
    assert all(outcome.value.id < outcome.twin for outcome in report.done)
    assert len(told_of_twins(caplog)) == 3


@pytest.mark.parametrize("seconds", [0.5, 1.5, 3.0])
async def test_what_is_late_is_never_told_as_a_false_no(seconds):
    """With one attempt only, a job that appears later is at worst unknown."""
    app = emulator()
    app.emulator.faults.add(Fault("late", function="cron.add", seconds=seconds))
    async with paced(app, retry=None) as api:
        with pytest.raises(CronAPIError) as caught:
            await api.cron.add(url=URL, name="late")
        await anyio.sleep(30)
    assert caught.value.applied is Applied.UNKNOWN
    assert len(ids(app)) == 1
