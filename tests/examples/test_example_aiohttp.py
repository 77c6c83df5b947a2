"""examples/aiohttp_app.py: the client lives as long as the app."""

from __future__ import annotations

import asyncio
import importlib

import pytest
from aiohttp.test_utils import TestClient, TestServer

from cronapi import Scheduler
from cronapi.emulator import Fault

NEW = {"url": "https://example.com/ping", "expression": "*/5 * * * *", "name": "ping"}


@pytest.fixture
def example(examples):
    return importlib.import_module("aiohttp_app")


@pytest.fixture
async def started(example, service):
    """Return a function that starts the app and a browser.

    An `api` takes the place of the app's own client.
    """
    browsers = []

    async def start(api=None):
        app = example.make_app([])
        if api is not None:
            app.cleanup_ctx.append(use(example, api))
        browsers.append(TestClient(TestServer(app)))
        await browsers[-1].start_server()
        return browsers[-1]

    yield start
    for browser in browsers:
        await browser.close()


def use(example, api):
    async def replace(app):
        app[example.API] = api
        yield
        await api.aclose()

    return replace


async def test_the_app_takes_its_client_from_the_environment(started, service):
    """With a token and an address in the environment a job can be added at the service."""
    browser = await started()
    answer = await browser.post("/jobs", json=NEW)
    made = await answer.json()
    assert (answer.status, made["id"], made["name"]) == (201, 100001, "ping")
    assert [job["name"] for job in service.emulator.jobs("fastcron")] == ["ping"]


async def test_a_job_can_be_added_read_and_deleted(started, hurried, service):
    """The three endpoints do what they say."""
    browser = await started(hurried())
    made = await (await browser.post("/jobs", json=NEW)).json()
    assert await (await browser.get(f"/jobs/{made['id']}")).json() == made
    assert (await browser.delete(f"/jobs/{made['id']}")).status == 204
    assert service.emulator.jobs("fastcron") == []


async def test_the_client_is_closed_with_the_app(started, example):
    """After the app has ended its client refuses further calls."""
    browser = await started()
    api = browser.app[example.API]
    await browser.close()
    with pytest.raises(ValueError, match="closed"):
        await api.cron.list()


async def test_a_job_that_is_not_there_is_404(started, hurried):
    """An id that the listing does not have is not found."""
    browser = await started(hurried())
    assert (await browser.get("/jobs/7")).status == 404


async def test_a_queue_that_is_too_long_is_503_with_the_time_to_come_back(
    started, hurried, example
):
    """A user is not left waiting longer than max_wait."""
    api = hurried(scheduler=Scheduler(1 / 60))
    browser = await started(api.with_options(max_wait=example.MAX_WAIT))
    await api.cron.list()
    answer = await browser.post("/jobs", json=NEW)
    assert answer.status == 503
    assert 50 < int(answer.headers["Retry-After"]) <= 63 + example.SPREAD


async def test_twenty_users_who_come_at_once_are_all_served(started, service):
    """They share requests at FastCron's rate of 1 a second, so the wait is short for all."""
    browser = await started()
    answers = await asyncio.gather(*(browser.post("/jobs", json=NEW) for _ in range(20)))
    assert [answer.status for answer in answers] == [201] * 20
    assert service.emulator.created("fastcron") == 20


async def test_users_are_told_to_come_back_at_different_times(started, hurried, service):
    """An outage has a time to come back that differs, so that they do not all meet."""
    service.emulator.faults.add(Fault("outage", times=None))
    browser = await started(hurried(retry=None))
    answers = [await browser.get("/jobs/7") for _ in range(20)]
    assert {answer.status for answer in answers} == {503}
    told = {int(answer.headers["Retry-After"]) for answer in answers}
    assert 30 <= min(told) <= max(told) <= 40
    assert len(told) > 3


async def test_a_body_or_an_id_that_cannot_be_used_is_the_users_fault(started, hurried, service):
    """What is no JSON object is 400, and what is no job is 422, with a reason; nothing is made."""
    browser = await started(hurried())
    for body in (b"", b"{", b"[]", b"7", b"[" * 100_000, b"\xff"):
        assert (await browser.post("/jobs", data=body)).status == 400, body[:10]
    odd = {"Content-Type": "application/json; charset=nonsense"}
    assert (await browser.post("/jobs", data=b"{}", headers=odd)).status == 400
    for bad, reason in [
        ({"url": None}, "cron.add needs a url."),
        ({"url": ""}, "cron.add needs a url."),
        ({"url": 5}, "url cannot be a int"),
        ({"name": {"a": 1}}, "name cannot be a dict"),
        ({"name": "\ud800"}, "surrogate"),
        ({"expression": "whenever"}, "Invalid expression"),
    ]:
        answer = await browser.post("/jobs", json={**NEW, **bad})
        assert answer.status == 422, bad
        assert reason in (await answer.json())["detail"]
    answer = await browser.post("/jobs", json={"name": "no url"})
    assert (answer.status, await answer.json()) == (422, {"detail": "cron.add needs a url."})
    assert (await browser.get(f"/jobs/{'9' * 5000}")).status == 404
    assert service.emulator.jobs("fastcron") == []


async def test_a_wrong_token_is_our_fault_and_nothing_is_said_of_it(started, hurried):
    """The user gets a 500 without details: neither the token nor the service's words."""
    browser = await started(hurried("wrong-token"))
    answer = await browser.get("/jobs/1")
    assert (answer.status, await answer.json()) == (500, {"detail": "Internal Server Error"})


async def test_any_other_error_is_502(started, hurried, service):
    """The user is not told what went wrong between us and the service."""
    service.emulator.faults.add(Fault("redirect"))
    browser = await started(hurried())
    assert (await browser.get("/jobs/7")).status == 502
