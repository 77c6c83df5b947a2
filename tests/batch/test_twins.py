"""Equal jobs that are created at once: no job is taken for the twin of another caller's."""

from __future__ import annotations

from functools import partial

import anyio
import httpx
import pytest

from cronapi import OutcomeUnknownError
from cronapi.emulator import Fault
from tests.support.emulated import URL, emulator, paced, together
from tests.support.seen import ids

pytestmark = pytest.mark.virtual_clock
EQUAL = {"url": URL, "name": "equal"}


class Late(httpx.AsyncBaseTransport):
    """Holds back the answers to requests that make the job of a name, and may lose the first."""

    def __init__(self, app, seconds, lost):
        self.inner, self.seconds, self.lost = httpx.ASGITransport(app), seconds, lost

    async def handle_async_request(self, request):
        response = await self.inner.handle_async_request(request)
        if b'"theirs"' in request.content:
            await anyio.sleep(self.seconds)
            if self.lost:
                self.lost = False
                raise httpx.ReadError("gone")
        return response


async def add(api, way, name, told):
    """Add an equal job, alone or in a batch, and note the ids that are told, None for unknown."""
    other = {"url": f"{URL}/{name}", "name": name}
    if way == "single":
        told.append(await id_or_none(api))
    elif way == "merged":
        jobs = await together(lambda: api.cron.add(**other), lambda: api.cron.add(**EQUAL))
        told += [job.id for job in jobs]
    else:
        told += [job.id for job in (await api.cron.add_many([EQUAL, other])).values]


async def id_or_none(api):
    try:
        return (await api.cron.add(**EQUAL)).id
    except OutcomeUnknownError:
        return None


@pytest.mark.each_value
@pytest.mark.parametrize("seconds", [0.0, 2.5, 5.0, 6.5, 7.0, 7.5, 8.0, 9.0, 10.0])
@pytest.mark.parametrize("lost", [None, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 15.0])
@pytest.mark.parametrize("theirs", ["merged", "add_many"])
@pytest.mark.parametrize("way", ["single", "merged", "add_many"])
async def test_a_job_of_another_caller_is_no_twin(way, theirs, lost, seconds):
    """A create that is sent again leaves an equal job alone of which another caller has yet to be
    told. A single call that cannot tell the two apart is unknown.
    """
    app, told = emulator(), []
    function = "cron.add" if way == "single" else "cron.batch_add"
    options = {
        "coalesce": "merged" in (way, theirs),
        "transport": Late(app, lost or 15.0, lost is not None),
    }
    app.emulator.faults.add(Fault("reset", function=function))
    async with paced(app, **options) as api, anyio.create_task_group() as group:
        group.start_soon(add, api, way, "ours", told)
        await anyio.sleep(seconds)
        group.start_soon(add, api, theirs, "theirs", told)
    there = ids(app)
    assert set(told) - {None} <= set(there)
    assert len(set(told)) == len(told)
    assert len(there) - len(set(told) - {None}) <= told.count(None)


@pytest.mark.each_value
@pytest.mark.parametrize("fault", ["reset", "lose"])
@pytest.mark.parametrize("theirs", ["single", "merged", "add_many"])
@pytest.mark.parametrize("way", ["single", "merged", "add_many"])
async def test_a_job_that_another_create_would_make_is_no_reason_to_doubt(way, theirs, fault):
    """The first creates of a client are certain too: a new job of another name and URL, which a
    caller who waits for its answer has asked for, is that caller's.
    """
    app, told = emulator(), []
    function = "cron.add" if way == "single" else "cron.batch_add"
    options = {"coalesce": "merged" in (way, theirs), "transport": Late(app, 20.0, lost=False)}
    jobs = [{"url": f"{URL}/{name}", "name": name} for name in ("theirs", "more")]

    async def add_theirs(api):
        if theirs == "add_many":
            (await api.cron.add_many(jobs)).raise_for_failures()
        else:
            chosen = jobs[: 1 + (theirs == "merged")]
            await together(*(partial(api.cron.add, **job) for job in chosen))

    async with paced(app, **options) as api, anyio.create_task_group() as group:
        group.start_soon(add_theirs, api)
        await anyio.sleep(1.5)
        app.emulator.faults.add(Fault(fault, function=function))
        await add(api, way, "ours", told)
    assert None not in told
    assert len(told) == 1 + (way != "single")
    assert len(ids(app)) == len(told) + 1 + (theirs != "single")


async def test_a_job_that_another_create_would_make_may_be_ours_if_the_service_alters_texts():
    """A row that could be our job altered is not explained by a create that may not be there yet:
    the outcome is unknown, and no second job is made.
    """
    app, told = emulator(normalise=["url_no_fragment"]), []

    async def add_one(api, url):
        try:
            told.append((await api.cron.add(url=url)).id)
        except OutcomeUnknownError:
            told.append(None)

    app.emulator.faults.add(
        Fault("lose", function="cron.add"),
        Fault("stall_before", function="cron.add", seconds=25.0),
    )
    async with paced(app) as api, anyio.create_task_group() as group:
        group.start_soon(add_one, api, f"{URL}/a#x")
        await anyio.sleep(0.1)
        group.start_soon(add_one, api, f"{URL}/a")
    assert len(ids(app)) == 2
    assert None in told
