"""What an answer proves: `max_wait`, the service's words, and the price of a normal day."""

from __future__ import annotations

import anyio
import httpx
import pytest

from cronapi import (
    APIError,
    ConfigurationError,
    CronAPIError,
    NotFoundError,
    StatusError,
    WaitTooLongError,
)
from cronapi.emulator import Fault
from tests.support.emulated import (
    URL,
    client_of,
    emulator,
    fill,
    paced,
    spec_of,
    specs,
    together,
    virtual,
)
from tests.support.seen import ids, sent
from tests.support.told import WAYS, is_true

pytestmark = pytest.mark.virtual_clock


async def failure(call, kind=CronAPIError):
    with pytest.raises(kind) as caught:
        await call
    return caught.value


# --- an HTTP client with a raise-for-status hook -------------------------------------------------


async def raise_for_status(response):
    response.raise_for_status()


async def read_and_raise(response):
    await response.aread()
    response.raise_for_status()


async def raise_something(response):
    try:
        response.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise RuntimeError("our own") from error


HOOKS = [raise_for_status, read_and_raise, raise_something]


def hooked(transport, hook=raise_for_status):
    return httpx.AsyncClient(transport=transport, event_hooks={"response": [hook]})


@pytest.mark.crowd
async def test_a_503_that_a_hook_raises_is_learnt_from():
    """Sixty reads ten times too fast cost as many requests as without a hook, and none fails."""
    asked = []
    for hooks in ([], *([hook] for hook in HOOKS)):
        app = emulator()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), event_hooks={"response": hooks}
        ) as http:
            scheduler = virtual(10.0)
            async with client_of(app, transport=None, http_client=http, scheduler=scheduler) as api:
                assert await together(*(api.cron.list for _ in range(60))) == [[]] * 60
                assert api.scheduler.stats.refusals > 0
        asked.append(sent(app))
    assert max(asked[1:]) <= 1.1 * asked[0]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410])
async def test_a_status_that_a_repeat_would_not_change_is_asked_once(hook, status):
    """A status of 4xx that a hook raises ends the call at once, with that status."""
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(status, text="<h1>No</h1>")

    async with (
        hooked(httpx.MockTransport(answer), hook) as http,
        client_of(None, transport=None, http_client=http, scheduler=virtual(100.0)) as api,
    ):
        error = await failure(api.cron.list())
    assert len(asked) == 1
    assert isinstance(error, StatusError)
    assert error.status == status


@pytest.mark.each_value
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("kind", ["front", "bad_gateway", "timeout_408", "outage", "error"])
@pytest.mark.parametrize("way", WAYS)
async def test_creates_behind_a_hook_are_made_once(hook, kind, way):
    """A create whose answer a hook turns into an exception is made once."""
    app = emulator()
    names = ("cron.add", "cron.batch_add")
    app.emulator.faults.add(*(Fault(kind, function=name) for name in names))
    async with (
        hooked(httpx.ASGITransport(app), hook) as http,
        client_of(app, transport=None, http_client=http, scheduler=virtual(1.0)) as api,
    ):
        found = await WAYS[way](api, spec_of)
    assert is_true(found, app.emulator.jobs("fastcron"))
    assert found.done


# --- errors tell the reason ----------------------------------------------------------------------


REASONS = [
    httpx.ConnectError("name or service not known"),
    httpx.ConnectError("connection refused"),
    httpx.PoolTimeout("no connection free"),
    httpx.ReadTimeout("too slow"),
    httpx.RemoteProtocolError("the server disconnected"),
]


@pytest.mark.parametrize("max_wait", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("reason", REASONS, ids=str)
async def test_max_wait_does_not_hide_the_reason(max_wait, reason):
    """A call that fails until `max_wait` is over names the last real error and `max_wait`."""

    def fail(request):
        raise reason

    transport = httpx.MockTransport(fail)
    async with client_of(None, transport=transport, scheduler=virtual(1.0)) as api:
        error = await failure(api.with_options(max_wait=max_wait).cron.list())
    if isinstance(error, WaitTooLongError):
        assert f"{max_wait} s" in str(error)
        assert str(reason) in str(error.__cause__)
    assert str(reason) in str(error)


@pytest.mark.each_loop
async def test_a_queue_longer_than_max_wait_says_both_numbers():
    """A call that the queue is too long for says how long it is, and how long it may be."""
    app = emulator()
    async with paced(app) as api:
        calls = [api.with_options(max_wait=2.0).cron.list for _ in range(6)]
        results = await together(*calls)
    errors = [error for error in results if isinstance(error, Exception)]
    assert errors
    for error in errors:
        assert f"The queue is {error.wait:.1f} s long, max_wait is 2.0 s." in str(error)
    assert all(error.attempts == 0 for error in errors)


@pytest.mark.each_loop
async def test_calls_that_were_queued_when_the_client_was_closed_say_no_attempt():
    """A call that waits in the queue when the client is closed counts no attempt."""
    app, errors = emulator(), []

    async def ask(api):
        try:
            await api.cron.list()
        except CronAPIError as error:
            errors.append(error)

    api = paced(app)
    async with anyio.create_task_group() as group, api:
        await api.cron.list()
        for _ in range(5):
            group.start_soon(ask, api)
        await anyio.wait_all_tasks_blocked()
    queued = [error for error in errors if isinstance(error, ConfigurationError)]
    assert queued
    assert all(error.attempts == 0 for error in queued)


SAID = ["No such cronjob", "Cron job not found.", "id: unknown", "x" * 150, "Fehler \u00e4"]


@pytest.mark.parametrize("said", SAID)
async def test_the_services_words_stand_once_in_the_error(said):
    """`message` is the service's text alone, and the whole error has that text once."""

    def answer(request):
        if request.url.path.endswith("cron_list"):
            return httpx.Response(200, json={"status": "success", "code": 0, "data": []})
        return httpx.Response(200, json={"status": "error", "code": 7, "message": said})

    transport = httpx.MockTransport(answer)
    async with client_of(None, transport=transport, scheduler=virtual(100.0)) as api:
        absent = await failure(api.cron.get(7), NotFoundError)
        refused = await failure(api.cron.edit(7, name="a"), APIError)
    for error in (absent, refused):
        assert error.message == said
        assert error.code == 7
        assert str(error).count(said) == 1
    causes = [absent.__cause__, None if absent.__suppress_context__ else absent.__context__]
    assert not any(said in str(cause) for cause in causes if cause)


# --- the price of a normal day -------------------------------------------------------------------


@pytest.mark.crowd
async def test_a_thousand_adds_reads_and_deletes_cost_22_requests():
    """1,000 jobs added, read and deleted take 22 requests where nothing is lost."""
    app = emulator()
    async with paced(app) as api:
        made = (await api.cron.add_many(specs(1000))).values
        read = (await api.cron.get_many([job.id for job in made])).values
        report = await api.cron.delete_many([job.id for job in made])
    assert [job.id for job in read] == [job.id for job in made]
    assert len(report.done) == 1000
    assert ids(app) == []
    assert sent(app) == 22


@pytest.mark.parametrize("jobs", [0, 1, 999])
async def test_an_add_without_trouble_costs_one_request(jobs):
    """An add is one request, however many jobs the account has."""
    app = emulator()
    fill(app, "fastcron", jobs)
    async with paced(app) as api:
        await api.cron.add(url=URL, name="one")
    assert sent(app) == 1


@pytest.mark.few(2)
@pytest.mark.parametrize("jobs", [0, 1, 999, 2500])
async def test_ensuring_what_is_as_it_should_be_costs_one_request(jobs):
    """`ensure` of a job that is as it should be is one search."""
    app = emulator(rates={"fastcron": None})
    fill(app, "fastcron", jobs)
    async with paced(app) as api:
        await api.cron.ensure(name="nightly", url=URL)
    before = sent(app)
    async with paced(app) as api:
        await api.cron.ensure(name="nightly", url=URL)
    assert sent(app) == before + 1
