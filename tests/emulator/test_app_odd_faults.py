"""Faults by which a service or a network differs from what its documentation lets one expect."""

from __future__ import annotations

import asyncio

import anyio
import httpx
import pytest

from cronapi.emulator import ConnectionLost, Fault, create_app, serve
from cronapi.emulator.pages import FRONT_PAGES
from tests.support.line import pass_time

from .conftest import TOKEN, UNLIMITED, calling

JOB = {"url": "https://example.com/ping"}
WORDS = "503 Service Temporarily Unavailable"


def created(caller):
    return caller.app.emulator.created("fastcron")


@pytest.mark.parametrize("page", sorted(FRONT_PAGES))
@pytest.mark.parametrize(("kind", "applied"), [("front", 1), ("front_before", 0)])
async def test_a_load_balancer_answers_its_own_503(caller, kind, applied, page):
    """A load balancer's page comes with a 503, without nginx's words, with the job made or not."""
    caller.app.emulator.faults.add(Fault(kind, page=page))
    response = await caller.fastcron("cron.add", **JOB)
    assert (response.status_code, response.content) == (503, FRONT_PAGES[page])
    assert response.headers["content-type"].startswith("text/")
    assert WORDS not in response.text
    assert created(caller) == applied


async def test_the_seed_draws_the_page_of_a_load_balancer():
    """Without a name the pages are drawn, the same ones for one seed."""

    async def pages(seed):
        app = create_app(rates=UNLIMITED, seed=seed)
        app.emulator.faults.add(Fault("front", times=None))
        async with calling(app) as caller:
            return [(await caller.fastcron("cron.list")).content for _ in range(20)]

    assert await pages(1) == await pages(1) != await pages(2)
    assert len(set(await pages(1))) > 3


async def test_a_load_balancer_in_front_does_not_count_in_the_limiter(clock):
    """A 503 of front_before uses up no rate, and one of front does."""
    app = create_app(clock=clock)
    app.emulator.faults.add(Fault("front_before"), Fault("front"))
    async with calling(app) as caller:
        answers = [(await caller.fastcron("cron.list")).text for _ in range(3)]
    assert [WORDS in text for text in answers] == [False, False, True]
    assert [seen.accepted for seen in app.emulator.requests] == [False, True, False]


@pytest.mark.parametrize(
    ("kind", "status", "message", "applied"),
    [
        ("busy", 200, "Server is busy, try again.", 0),
        ("envelope_503", 503, "Service unavailable.", 1),
        ("envelope_503_before", 503, "Service unavailable.", 0),
        ("envelope_429", 429, "Too many requests.", 1),
        ("envelope_429_before", 429, "Too many requests.", 0),
    ],
)
async def test_an_envelope_can_tell_of_a_passing_error(caller, kind, status, message, applied):
    """These faults answer an API error with code 1 and their status, with the job made or not."""
    caller.app.emulator.faults.add(Fault(kind))
    response = await caller.fastcron("cron.add", **JOB)
    assert response.status_code == status
    assert response.json() == {"message": message, "status": "error", "code": 1}
    assert created(caller) == applied


async def test_a_request_can_time_out_at_the_server(caller):
    """This fault makes the job and answers nginx's page for a 408."""
    caller.app.emulator.faults.add(Fault("timeout_408"))
    response = await caller.fastcron("cron.add", **JOB)
    assert (response.status_code, created(caller)) == (408, 1)
    assert "408 Request Time-out" in response.text


def test_the_words_of_a_refusal_can_come_late(virtual_backend):
    """This fault makes the job at once, and after its seconds answers as the limiter refuses."""

    async def main():
        app = create_app(rates=UNLIMITED)
        app.emulator.faults.add(Fault("slow_503", seconds=20.0))
        async with calling(app) as caller:
            began = anyio.current_time()
            with anyio.move_on_after(1.0):
                await caller.fastcron("cron.add", **JOB)
            assert created(caller) == 1
            app.emulator.faults.add(Fault("slow_503", seconds=20.0))
            response = await caller.fastcron("cron.add", **JOB)
        assert (response.status_code, WORDS in response.text) == (503, True)
        assert anyio.current_time() - began == pytest.approx(21.0)

    anyio.run(main, **virtual_backend)


async def test_a_request_can_be_applied_twice(caller):
    """This fault makes two jobs of one request and answers the second."""
    caller.app.emulator.faults.add(Fault("twice"))
    answer = (await caller.fastcron("cron.add", **JOB)).json()
    assert [job["id"] for job in caller.app.emulator.jobs("fastcron")] == [100001, 100002]
    assert answer["data"]["id"] == 100002


async def test_an_answer_can_be_repeated(caller):
    """This fault answers with the last envelope before, and makes the job all the same."""
    first = (await caller.fastcron("cron.add", **JOB, name="a")).json()
    await caller.setcronjob("cron.add", **JOB)
    caller.app.emulator.faults.add(Fault("repeat"))
    assert (await caller.fastcron("cron.add", **JOB, name="b")).json() == first
    assert [job["name"] for job in caller.app.emulator.jobs("fastcron")] == ["a", "b"]
    caller.app.emulator.faults.add(Fault("repeat"))
    answer = (await caller.fastcron("cron.list")).json()
    assert answer["data"]["name"] == "b"


async def test_a_repeat_without_a_predecessor_is_the_answer_itself(caller):
    """The first request of a provider has no answer before it and gets its own."""
    caller.app.emulator.faults.add(Fault("repeat"))
    assert (await caller.fastcron("cron.add", **JOB, name="a")).json()["data"]["name"] == "a"


def test_a_late_request_is_applied_while_nobody_asks(virtual_backend):
    """This fault loses the connection, and makes the job after its seconds without a request."""

    async def main():
        app = create_app(rates=UNLIMITED)
        app.emulator.faults.add(Fault("late", seconds=5.0))
        async with calling(app) as caller:
            with pytest.raises(ConnectionLost):
                await caller.fastcron("cron.add", **JOB)
            await anyio.sleep(4.9)
            assert (created(caller), app.late) == (0, 1)
            await anyio.sleep(0.2)
            assert (created(caller), app.late) == (1, 0)

    anyio.run(main, **virtual_backend)


def test_a_late_request_sees_what_was_done_meanwhile(virtual_backend):
    """A late edit replaces a later one, and a late edit of a deleted job is refused unseen."""

    async def main():
        app = create_app(rates=UNLIMITED)
        async with calling(app) as caller:
            job = (await caller.fastcron("cron.add", **JOB)).json()["data"]["id"]
            app.emulator.faults.add(Fault("late", seconds=5.0), Fault("late", seconds=9.0))
            for name in ("late", "too late"):
                with pytest.raises(ConnectionLost):
                    await caller.fastcron("cron.edit", id=job, name=name)
            await caller.fastcron("cron.edit", id=job, name="prompt")
            await anyio.sleep(6)
            assert [job["name"] for job in app.emulator.jobs("fastcron")] == ["late"]
            await caller.fastcron("cron.delete", id=job)
            await anyio.sleep(4)
            assert (app.emulator.jobs("fastcron"), app.late) == ([], 0)

    anyio.run(main, **virtual_backend)


def test_a_late_request_of_a_closed_emulator_is_dropped(virtual_backend):
    """A request that is due after the store was closed is dropped without an error."""

    async def main():
        app = create_app(rates=UNLIMITED)
        app.emulator.faults.add(Fault("late", seconds=5.0))
        async with calling(app) as caller:
            with pytest.raises(ConnectionLost):
                await caller.fastcron("cron.add", **JOB)
            app.emulator.close()
            await anyio.sleep(6)
            assert app.late == 0

    anyio.run(main, **virtual_backend)


async def test_a_late_request_is_applied_on_a_real_server():
    """On a socket the connection is reset, and the job is made after that."""
    app = create_app(rates=UNLIMITED)
    app.emulator.faults.add(Fault("late", seconds=60.0))
    async with serve(app) as origin, httpx.AsyncClient(base_url=origin) as http:
        with pytest.raises(httpx.ReadError):
            await http.post("/api/v1/cron_add", json={"token": TOKEN, **JOB})
        assert app.emulator.created("fastcron") == 0
        pass_time(60.0)
        while app.late:  # noqa: ASYNC110 -- the emulator has no event to wait for
            await asyncio.sleep(0.01)
        assert app.emulator.created("fastcron") == 1
