"""The corners where a wait, an absence or a connection could be taken for another."""

from __future__ import annotations

import itertools

import anyio
import httpx
import pytest

from cronapi import (
    ConfigurationError,
    CronAPIError,
    NotFoundError,
)
from tests.support.emulated import URL, emulator, paced, virtual

pytestmark = pytest.mark.virtual_clock


@pytest.mark.each_loop
async def test_a_call_in_a_cancelled_scope_is_never_sent():
    """Whoever is cancelled already sends nothing,
    also where no queue would have held the call up.
    """
    app = emulator()
    async with paced(app) as api:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await api.cron.delete(5)
        assert scope.cancelled_caught
    assert not app.emulator.requests


@pytest.mark.parametrize("method", ["get", "delete", "enable"])
async def test_an_id_of_none_is_refused_before_anything_is_sent(method):
    """A missing id is a ConfigurationError, not the news that there is no such job."""
    app = emulator()
    async with paced(app) as api:
        with pytest.raises(ConfigurationError):
            await getattr(api.cron, method)(None)
        with pytest.raises(CronAPIError) as refused:
            await api.call("cron.get")
        assert not isinstance(refused.value, NotFoundError)


async def test_an_error_about_a_job_that_a_search_by_id_would_miss_is_not_its_absence():
    """A service whose keyword does not search ids, and that is busy, does not make a job look
    deleted.
    """

    def answer(request):
        if "cron.list" not in request.url.path:
            return httpx.Response(200, json={"status": "error", "code": 1, "message": "busy"})
        rows = [] if b"keyword" in request.content else [{"id": 7, "url": URL}]
        return httpx.Response(200, json={"status": "success", "code": 0, "data": rows})

    async with paced(None, "setcronjob", transport=httpx.MockTransport(answer)) as api:
        with pytest.raises(CronAPIError) as refused:
            await api.cron.delete(7)
    assert not isinstance(refused.value, NotFoundError)


async def test_a_service_that_knows_no_pages_is_read_once():
    """A listing of a thousand jobs that comes back for every page ends after the second."""
    rows = [{"id": number, "url": URL} for number in range(1, 1001)]
    page = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"status": "success", "code": 0, "data": rows})
    )
    async with paced(None, "setcronjob", transport=page) as api:
        assert len([job async for job in api.cron.iterate()]) == 1000


@pytest.mark.each_loop
async def test_connections_that_get_ready_together_do_not_send_together():
    """Requests whose connections took long to make go out spaced all the same."""
    scheduler, sent = virtual(10), []

    async def call(handshake):
        async with scheduler.slot() as slot:
            await anyio.sleep(handshake)
            await slot.ready()
            sent.append(anyio.current_time())

    async with anyio.create_task_group() as group:
        for handshake in (0.3, 0.15, 0.05, 0.02, 0.0):
            group.start_soon(call, handshake)
    sent.sort()
    assert min(later - earlier for earlier, later in itertools.pairwise(sent)) >= 0.1


@pytest.mark.each_loop
async def test_a_request_that_waits_for_its_turn_on_the_wire_can_be_cancelled():
    """Cancelled between connection and sending, a request leaves the seat free."""
    scheduler = virtual(1)
    async with scheduler.slot() as first:
        await first.ready()
    second = await scheduler.acquire()
    third = await scheduler.acquire()
    await second.ready()
    with anyio.move_on_after(0.1) as scope:
        await third.ready()
    second.close()
    third.close()
    assert scope.cancelled_caught
    assert scheduler.stats.in_flight == 0


@pytest.mark.each_loop
async def test_requests_cut_off_at_last_leave_no_client_behind():
    """Exchanges that outlive every timeout do not pile up HTTP clients."""
    made = []

    class Stuck(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            made.append(request)
            await anyio.sleep_forever()

    async with paced(None, transport=Stuck(), timeout=1.0, retry=None) as api:
        for _ in range(5):
            with pytest.raises(CronAPIError):
                await api.cron.list()
            await anyio.sleep(5)
        assert len(made) == 5
        assert not api._transport._using


@pytest.mark.each_loop
async def test_a_transport_that_cannot_be_closed_does_not_stop_the_closing(caplog):
    """An error of a transport's own closing is logged and stays inside."""

    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            return httpx.Response(200, json={"status": "success", "code": 0, "data": []})

        async def aclose(self):
            raise OSError("cannot")

    async with paced(None, transport=Broken()) as api:
        await api.cron.list()
    assert "could not be closed" in caplog.text


async def test_a_wrapper_of_the_users_own_is_not_taken_for_httpxs_transport():
    """A transport that wraps another and tries again by itself may raise ConnectTimeout after a
    request was carried out.
    """
    app = emulator()

    class Retrying(httpx.AsyncBaseTransport):
        def __init__(self):
            self.inner = httpx.AsyncHTTPTransport()
            self.app = httpx.ASGITransport(app)
            self.broken = True

        async def handle_async_request(self, request):
            answer = await self.app.handle_async_request(request)
            if self.broken and request.url.path.endswith("cron_add"):
                self.broken = False
                raise httpx.ConnectTimeout("the second try")
            return answer

    async with (
        httpx.AsyncClient(transport=Retrying()) as http,
        paced(app, http_client=http, transport=None) as api,
    ):
        job = await api.cron.add(url=URL, name="once")
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]
