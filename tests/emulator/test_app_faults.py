"""The faults of the app in process, through httpx."""

from __future__ import annotations

import json

import anyio
import pytest

from cronapi.emulator import ConnectionLost, Fault, create_app

from .conftest import UNLIMITED, calling

JOB = {"url": "https://example.com/ping"}


@pytest.mark.parametrize(("kind", "seconds"), [("stall", 30.0), ("stall_before", 30.0)])
def test_a_stall_holds_the_answer_back(virtual_backend, kind, seconds):
    """A stall delays the answer, and applies the request before or after the wait."""

    async def main():
        app = create_app(rates=UNLIMITED)
        app.emulator.faults.add(Fault(kind, seconds=seconds))
        async with calling(app) as caller:
            began = anyio.current_time()
            with anyio.move_on_after(1.0):
                await caller.fastcron("cron.add", **JOB)
            assert app.emulator.created("fastcron") == (kind == "stall")
            app.emulator.faults.add(Fault(kind, seconds=seconds))
            assert (await caller.fastcron("cron.add", **JOB)).json()["code"] == 0
            assert anyio.current_time() - began == pytest.approx(1.0 + seconds)

    anyio.run(main, **virtual_backend)


@pytest.mark.parametrize(("kind", "applied"), [("lose", True), ("reset", False), ("cut", True)])
async def test_a_lost_connection_is_an_exception_in_process(caller, kind, applied):
    """In process, a lost connection raises ConnectionLost, with the job made or not."""
    caller.app.emulator.faults.add(Fault(kind))
    with pytest.raises(ConnectionLost):
        await caller.fastcron("cron.add", **JOB)
    assert caller.app.emulator.created("fastcron") == applied


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [
        ("error", 500, False),
        ("bad_gateway", 502, True),
        ("redirect", 302, False),
        ("outage", 503, False),
    ],
)
async def test_a_web_servers_page_can_come_instead(caller, kind, status, applied):
    """These faults answer an HTML page with their status, with the job made or not."""
    caller.app.emulator.faults.add(Fault(kind))
    response = await caller.fastcron("cron.add", **JOB)
    assert (response.status_code, response.headers["content-type"]) == (status, "text/html")
    assert ("location" in response.headers) == (kind == "redirect")
    assert caller.app.emulator.created("fastcron") == applied


@pytest.mark.parametrize("kind", ["garbage", "truncated", "empty"])
async def test_an_applied_call_can_have_a_spoiled_answer(caller, kind):
    """After these faults the job exists, but the answer is not JSON."""
    caller.app.emulator.faults.add(Fault(kind))
    response = await caller.fastcron("cron.add", **JOB)
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(response.content)
    with pytest.raises(json.JSONDecodeError):
        response.json()
    assert caller.app.emulator.created("fastcron") == 1


async def test_half_a_batch_can_be_applied(caller):
    """This fault applies the first half of a batch and then loses the connection."""
    faults = caller.app.emulator.faults
    faults.add(Fault("half", times=None))
    with pytest.raises(ConnectionLost):
        await caller.fastcron("cron.batch_add", data=[{**JOB, "name": name} for name in "abcde"])
    jobs = caller.app.emulator.jobs("fastcron")
    assert [job["name"] for job in jobs] == ["a", "b"]
    with pytest.raises(ConnectionLost):
        await caller.fastcron("cron.batch_delete", id=[job["id"] for job in jobs])
    assert [job["name"] for job in caller.app.emulator.jobs("fastcron")] == ["b"]


async def test_gate_faults_do_not_count_in_the_limiter(clock):
    """An outage or a reset does not use up the rate, but an error does."""
    app = create_app(clock=clock)
    app.emulator.faults.add(Fault("outage"), Fault("reset"), Fault("error"))
    async with calling(app) as caller:
        assert (await caller.fastcron("cron.list")).status_code == 503
        with pytest.raises(ConnectionLost):
            await caller.fastcron("cron.list")
        assert (await caller.fastcron("cron.list")).status_code == 500
        assert (await caller.fastcron("cron.list")).status_code == 503
    assert [seen.accepted for seen in app.emulator.requests] == [False, False, True, False]


async def test_a_refused_request_does_not_use_up_a_fault(clock):
    """A fault behind the limiter waits for a request that the limiter lets through."""
    app = create_app(clock=clock)
    async with calling(app) as caller:
        await caller.fastcron("cron.list")
        app.emulator.faults.add(Fault("error"))
        assert (await caller.fastcron("cron.list")).status_code == 503
        clock.advance(1)
        assert (await caller.fastcron("cron.list")).status_code == 500


async def test_half_of_a_batch_over_the_limit_is_refused_too(clock):
    """The fault that applies half of a batch does not let a batch over the limit pass."""
    async with calling(create_app(clock=clock, rates=UNLIMITED, max_batch=2)) as caller:
        caller.app.emulator.faults.add(Fault("half"))
        with pytest.raises(ConnectionLost):
            await caller.fastcron("cron.batch_add", data=[JOB] * 3)
        assert caller.app.emulator.jobs("fastcron") == []
