"""examples/fastapi_app.py: one client for the app, and HTTP answers for the service's errors."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import asynccontextmanager

import httpx
import pytest

from cronapi import (
    OutcomeUnknownError,
    RequestTimeoutError,
    Scheduler,
    ServiceUnavailableError,
    UnsupportedFunctionError,
    WaitTooLongError,
)
from cronapi.emulator import Fault

NEW = {"url": "https://example.com/ping", "expression": "*/5 * * * *", "name": "ping"}


@pytest.fixture
def example(examples):
    return importlib.import_module("fastapi_app")


@asynccontextmanager
async def browser_of(example, api=None):
    """Start the app and yield a browser; an `api` takes the place of the app's own client."""
    if api is not None:
        example.app.dependency_overrides[example.get_api] = lambda: api
    transport = httpx.ASGITransport(example.app)
    async with (
        example.lifespan(example.app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as browser,
    ):
        yield browser


@pytest.fixture
async def web(example, hurried):
    """A browser at an app whose client hardly waits."""
    async with hurried() as api, browser_of(example, api) as browser:
        yield browser


async def test_the_app_takes_its_client_from_the_environment(example, service):
    """With a token and an address in the environment a job can be added at the service."""
    async with browser_of(example) as browser:
        answer = await browser.post("/jobs", json=NEW)
    assert answer.status_code == 201
    assert answer.json() == {"id": 100001, **NEW, "active": True}
    assert [job["name"] for job in service.emulator.jobs("fastcron")] == ["ping"]


async def test_the_client_is_closed_with_the_app(example, service):
    """After the app has ended its client refuses further calls."""
    async with browser_of(example):
        api = example.app.state.cron
    with pytest.raises(ValueError, match="closed"):
        await api.cron.list()


async def test_a_job_can_be_added_read_and_deleted(web, service):
    """The three endpoints do what they say."""
    made = (await web.post("/jobs", json=NEW)).json()
    read = await web.get(f"/jobs/{made['id']}")
    assert (read.status_code, read.json()) == (200, made)
    gone = await web.delete(f"/jobs/{made['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert service.emulator.jobs("fastcron") == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_job_that_is_not_there_is_404(web, method):
    """An id that the listing does not have is not found."""
    answer = await web.request(method, "/jobs/7")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such job."})


async def test_what_the_service_refuses_is_422_with_its_reason(web):
    """The user learns what is wrong with the job."""
    answer = await web.post("/jobs", json={**NEW, "expression": "whenever"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Invalid expression")


async def test_a_wrong_token_is_our_fault_and_nothing_is_said_of_it(example, hurried):
    """The user gets a 500 without details: neither the token nor the service's words."""
    async with hurried("wrong-token") as api, browser_of(example, api) as browser:
        answer = await browser.get("/jobs/1")
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal server error."})


async def test_a_queue_that_is_too_long_is_503_with_the_time_to_come_back(example, hurried):
    """A user is not left waiting longer than max_wait."""
    scheduler = Scheduler(1 / 60)
    async with hurried(scheduler=scheduler) as api:
        await api.cron.list()
        async with browser_of(example, api.with_options(max_wait=example.MAX_WAIT)) as browser:
            answer = await browser.post("/jobs", json=NEW)
    assert answer.status_code == 503
    assert 50 < int(answer.headers["Retry-After"]) <= 63 + example.SPREAD


async def test_twenty_users_who_come_at_once_are_all_served(example, service):
    """They share requests at FastCron's rate of 1 a second, so the wait is short for all."""
    async with browser_of(example) as browser:
        answers = await asyncio.gather(*(browser.post("/jobs", json=NEW) for _ in range(20)))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert service.emulator.created("fastcron") == 20


def test_users_are_told_to_come_back_at_different_times(example):
    """The time is never before a slot is expected, and it differs, so that they do not all meet."""
    told = [
        int(example.retry_after(WaitTooLongError("", wait=7.5))["Retry-After"]) for _ in "x" * 99
    ]
    assert min(told) >= 8
    assert max(told) <= 8 + example.SPREAD
    assert len(set(told)) > 5


async def test_an_outage_is_503_with_a_retry_after(example, hurried, service):
    """A service that refuses every call is told apart from a mistake of the user."""
    service.emulator.faults.add(Fault("outage", times=None))
    async with hurried(retry=None) as api, browser_of(example, api) as browser:
        answer = await browser.post("/jobs", json=NEW)
    assert answer.status_code == 503
    assert 30 <= int(answer.headers["Retry-After"]) <= 30 + example.SPREAD


async def test_an_add_that_may_have_happened_is_502_and_says_so(example, hurried, service):
    """The user is told to look before trying again."""
    service.emulator.faults.add(
        Fault("lose", "fastcron", "cron.add"),
        Fault("redirect", "fastcron", "cron.list", times=None),
    )
    async with hurried() as api, browser_of(example, api) as browser:
        answer = await browser.post("/jobs", json=NEW)
    assert answer.status_code == 502
    assert "may or may not have been made" in answer.json()["detail"]


async def test_an_answer_that_cannot_be_used_is_502(example, hurried, service):
    """Anything else that goes wrong is a bad gateway."""
    service.emulator.faults.add(Fault("redirect"))
    async with hurried() as api, browser_of(example, api) as browser:
        answer = await browser.get("/jobs/1")
    assert (answer.status_code, answer.json()) == (
        502,
        {"detail": "The scheduler gave no usable answer."},
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutcomeUnknownError("lost"), 502),
        (RequestTimeoutError("late"), 502),
        (UnsupportedFunctionError("no such function"), 501),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_status(example, error, status):
    """The mapping is a function of the error."""
    assert (example.describe(error)[0], example.retry_after(error)) == (status, {})


def test_an_outage_that_names_a_time_is_spread_too(example):
    """Nobody is told to come back before it, and not everybody in the same second."""
    error = ServiceUnavailableError("over the limit", retry_after=2.5)
    told = [int(example.retry_after(error)["Retry-After"]) for _ in "x" * 99]
    assert min(told) >= 3
    assert max(told) <= 3 + example.SPREAD
    assert len(set(told)) > 5


async def test_a_body_or_an_id_that_cannot_be_used_is_422(web, service):
    """Whatever a user sends, the fault is the user's, and nothing is made."""
    for body in (b"", b"{", b"[]", b"7", b"{}", b'{"url": null}', b'{"url": 5, "expression": "x"}'):
        assert (await web.post("/jobs", content=body)).status_code == 422, body
    for bad in ({"url": ""}, {"url": "http://"}, {"name": 5}, {"expression": "whenever"}):
        assert (await web.post("/jobs", json={**NEW, **bad})).status_code == 422, bad
    for number in ("9" * 30, "9" * 5000, "x", "1.5"):
        assert (await web.get(f"/jobs/{number}")).status_code == 422, number
    assert service.emulator.jobs("fastcron") == []
