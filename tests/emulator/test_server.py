"""The emulator on a real socket: answers, refusals, and connections that break."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

import httpx
import pytest

from cronapi.emulator import Fault, create_app, run_in_thread, serve
from cronapi.emulator.server import origin_of

from .conftest import TOKEN, UNLIMITED

JOB = {"token": TOKEN, "url": "https://example.com/ping"}


def errors(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


async def collect(response, received):
    async for piece in response.aiter_raw():
        received += piece


@pytest.fixture
async def served():
    app = create_app(rates=UNLIMITED)
    async with serve(app) as origin, httpx.AsyncClient(base_url=origin) as http:
        yield app, http


async def test_the_api_is_served_on_loopback(served):
    """Two calls over one socket connection are answered as in process."""
    app, http = served
    assert str(http.base_url).startswith("http://127.0.0.1:")
    for count in (1, 2):
        answer = (await http.post("/api/v1/cron_add", json=JOB)).json()
        assert (answer["code"], app.emulator.created("fastcron")) == (0, count)


async def test_a_refusal_is_a_real_503():
    """The limiter's refusal is an HTTP 503 with nginx's page."""
    async with (
        serve(create_app(rates={"fastcron": 0.001})) as origin,
        httpx.AsyncClient(base_url=origin) as http,
    ):
        first = await http.get("/api/v1/cron_list", params={"token": TOKEN})
        second = await http.get("/api/v1/cron_list", params={"token": TOKEN})
    assert (first.status_code, second.status_code, second.reason_phrase) == (
        200,
        503,
        "Service Unavailable",
    )
    assert "503 Service Temporarily Unavailable" in second.text


@pytest.mark.parametrize(
    ("kind", "error", "applied"),
    [
        ("lose", httpx.ReadError, 1),
        ("reset", httpx.ReadError, 0),
        ("cut", httpx.RemoteProtocolError, 1),
    ],
)
async def test_a_lost_answer_is_a_transport_error(served, caplog, kind, error, applied):
    """The client gets a transport error, the server logs none, and the next call is answered."""
    app, http = served
    app.emulator.faults.add(Fault(kind))
    with pytest.raises(error):
        await http.post("/api/v1/cron_add", json=JOB)
    assert app.emulator.created("fastcron") == applied
    assert (await http.post("/api/v1/cron_list", json={"token": TOKEN})).json()["code"] == 0
    assert errors(caplog) == []


async def test_a_cut_answer_begins_like_a_whole_one(served):
    """The status, the full content-length and half of the body arrive before the break."""
    app, http = served
    app.emulator.faults.add(Fault("cut"))
    received = bytearray()
    async with http.stream("POST", "/api/v1/cron_add", json=JOB) as response:
        with pytest.raises(httpx.RemoteProtocolError):
            await collect(response, received)
    assert received.startswith(b'{"data":{"id":100001')
    assert len(received) == int(response.headers["content-length"]) // 2


async def test_a_stalled_answer_does_not_keep_the_server(caplog):
    """A server with a stalled answer stops at once and logs no error."""
    app = create_app()
    app.emulator.faults.add(Fault("stall", seconds=3600))
    async with httpx.AsyncClient(timeout=None) as http:
        async with serve(app) as origin:
            call = asyncio.create_task(
                http.get(f"{origin}/api/v1/cron_list", params={"token": TOKEN})
            )
            while not app.emulator.faults.fired:  # noqa: ASYNC110 -- another thread sets it
                await asyncio.sleep(0)  # the fault has no event to wait for
        with pytest.raises(httpx.TransportError):
            await call
    assert errors(caplog) == []


async def test_a_port_that_is_taken_is_an_error():
    """A port in use raises OSError instead of ending the process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serve(create_app(), port=port):
                pass


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:8765"),
        ("::1", "http://[::1]:8765"),
        ("localhost", "http://localhost:8765"),
        ("0.0.0.0", "http://127.0.0.1:8765"),
        ("::", "http://[::1]:8765"),
        ("fe80::1", "http://[fe80::1]:8765"),
    ],
)
def test_an_origin_is_one_that_can_be_called(host, expected):
    """An address of IPv6 is in brackets, and one that stands for all is this machine's."""
    assert origin_of(host, 8765) == expected


@pytest.mark.parametrize("host", ["::1", "0.0.0.0"])
async def test_the_origin_answers(host):
    """The origin that is given for an address can be called as it is."""
    async with serve(create_app(), host=host) as origin, httpx.AsyncClient() as http:
        answer = await http.get(f"{origin}/api/cron.list", params={"token": TOKEN})
    assert answer.json()["code"] == 0


def test_a_thread_serves_and_is_joined():
    """A server in a thread answers blocking clients, and its thread ends with the block."""
    before = threading.active_count()
    app = create_app()
    with run_in_thread(app) as origin:
        assert httpx.get(f"{origin}/api/cron.list", params={"token": TOKEN}).json()["code"] == 0
        assert len(app.emulator.jobs("setcronjob")) == 0
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(origin)


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_what_the_block_of_a_serving_thread_raises_is_raised(raised):
    """Ctrl-C ends a program that serves from a thread, and no group of exceptions is shown."""
    with pytest.raises(raised, match="own"), run_in_thread(create_app()):
        raise raised("own")


async def test_a_server_writes_no_access_log_and_leaves_that_of_others_alone(monkeypatch, caplog):
    """A web service tested beside it in one process still has its own access log."""
    log = logging.getLogger("uvicorn.access")
    monkeypatch.setattr(log, "propagate", True)
    caplog.set_level(logging.INFO, logger=log.name)
    async with serve(create_app()) as origin, httpx.AsyncClient(base_url=origin) as http:
        await http.get("/api/cron.list", params={"token": TOKEN})
        log.info("another service")
    told = [one.getMessage() for one in caplog.records if one.name == log.name]
    assert told == ["another service"]


async def test_what_the_block_of_a_server_raises_is_raised():
    """A failed assertion of a test that serves is that assertion, in no group of exceptions."""
    with pytest.raises(AssertionError, match="own"):
        async with serve(create_app()):
            raise AssertionError("own")
