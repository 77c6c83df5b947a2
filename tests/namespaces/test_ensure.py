"""`ensure` makes a job of a name once, and edits what differs."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest

from cronapi import (
    ConfigurationError,
    ServiceUnavailableError,
)
from cronapi.emulator import Fault
from tests.support.emulated import URL, client_of, emulator, paced, virtual
from tests.support.seen import names, sent

pytestmark = pytest.mark.virtual_clock


# --- ensure --------------------------------------------------------------------------------------


async def test_ensure_makes_a_job_once_and_edits_what_differs():
    """The first call adds, an equal one changes nothing,
    and a different one edits that very job.
    """
    app = emulator()
    async with paced(app) as api:
        first = await api.cron.ensure(
            name="nightly", url=URL, timeout=20, http_headers={"X-A": "1"}, notify=False
        )
        again = await api.cron.ensure(
            name="nightly", url=URL, timeout=20, http_headers={"X-A": "1"}, notify=False
        )
        assert again == first
        assert sent(app, "cron.edit") == 0
        other = await api.cron.ensure(name="nightly", url=URL, timeout=25)
        assert (other.id, other.timeout, other.http_headers) == (first.id, 25, first.http_headers)
        assert (sent(app, "cron.add"), sent(app, "cron.edit")) == (1, 1)


class Empty(httpx.AsyncBaseTransport):
    """Shows an empty password in every row of a list, as the services' documentation does."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request):
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("/cron_list"):
            return response
        body = json.loads(await response.aread())
        return httpx.Response(
            200, json=body | {"data": [row | {"password": ""} for row in body["data"]]}
        )


@pytest.mark.parametrize("shows", [httpx.ASGITransport, Empty])
async def test_ensure_always_sends_a_password(shows):
    """Services show no password or an empty one, so nobody can tell whether it is the right one:
    each call sets it.
    """
    app = emulator()
    async with paced(app, transport=shows(app)) as api:
        await api.cron.ensure(name="nightly", url=URL, password="old")
        for password in ("new", "new", ""):
            before = sent(app, "cron.edit")
            await api.cron.ensure(name="nightly", url=URL, password=password)
            assert sent(app, "cron.edit") - before == 1
        before = sent(app, "cron.edit")
        await api.cron.ensure(name="nightly", url=URL)
        assert sent(app, "cron.edit") == before


async def test_ensure_takes_only_the_exact_name():
    """A job whose name or url only contains the name is another job; of several of the name it is
    the oldest.
    """
    app = emulator()
    async with paced(app) as api:
        await api.cron.add_many(
            [
                {"url": URL, "name": "nightly 2"},
                {"url": f"{URL}/nightly"},
                {"url": URL, "name": "Nightly"},
            ]
        )
        job = await api.cron.ensure(name="nightly", url=URL)
        twin = await api.cron.add(name="nightly", url=URL)
        assert (await api.cron.ensure(name="nightly", url=URL)).id == job.id != twin.id
    assert len(app.emulator.jobs("fastcron")) == 5


@pytest.mark.each_loop
async def test_ensure_from_several_tasks_makes_one_job():
    """Ten tasks that ensure the same name at once get the same job."""
    app, ids = emulator(), []

    async def ensure(api):
        ids.append((await api.cron.ensure(name="nightly", url=URL)).id)

    async with paced(app) as api, anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(ensure, api)
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == list(set(ids))


@pytest.mark.each_loop
async def test_ensure_that_is_cancelled_while_it_waits_lets_the_others_on():
    """A task that goes away while another ensures the same name keeps nobody waiting."""
    app = emulator()
    async with paced(app) as api, anyio.create_task_group() as group:
        app.emulator.faults.add(Fault("stall", function="cron.list", seconds=5.0))
        group.start_soon(lambda: api.cron.ensure(name="nightly", url=URL))
        await anyio.sleep(1)
        with anyio.move_on_after(1) as scope:
            await api.cron.ensure(name="nightly", url=URL)
        assert scope.cancelled_caught
        await api.cron.ensure(name="nightly", url=URL)
    assert names(app) == ["nightly"]


@pytest.mark.each_loop
@pytest.mark.parametrize("coalesce", [False, True])
@pytest.mark.parametrize("held", [5.0, 12.0])
async def test_ensure_that_is_cancelled_while_its_add_is_under_way_makes_no_second_job(
    held, coalesce
):
    """Whoever ensures a name that another has just left waits for what is on its way, also where
    that comes after the timeout of 10 s.
    """
    app = emulator()
    app.emulator.faults.add(Fault("stall_before", function="cron.add", seconds=held))
    async with (
        paced(app, timeout=10.0, coalesce=coalesce) as api,
        client_of(app, scheduler=virtual(1.0)) as other,
    ):
        with anyio.move_on_after(3) as scope:
            await api.cron.ensure(name="nightly", url=URL)
        assert scope.cancelled_caught
        await other.cron.ensure(name="nightly", url=URL)
    assert names(app) == ["nightly"]


@pytest.mark.crowd
async def test_ensure_reads_every_page():
    """A name that is found on the second page only is found."""
    app = emulator(rates={"fastcron": None})
    async with client_of(app, scheduler=virtual(1000.0)) as api:
        await api.cron.add_many(
            [{"url": f"{URL}/{n}", "name": f"nightly {n}"} for n in range(1100)]
        )
        job = await api.cron.add(url=URL, name="nightly")
        before = sent(app)
        assert (await api.cron.ensure(name="nightly", url=URL)).id == job.id
        assert sent(app) - before == 2  # reading ends where it is found


async def test_ensure_takes_no_error_for_absence():
    """Where the list cannot be read, the error comes out and nothing is made."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("outage", function="cron.list", times=None))
        with pytest.raises(ServiceUnavailableError):
            await api.cron.ensure(name="nightly", url=URL)
        with pytest.raises(ConfigurationError, match="name"):
            await api.cron.ensure(url=URL)
    assert app.emulator.created("fastcron") == 0
