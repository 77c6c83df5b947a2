"""Batches that a service refuses in the middle, answers in part, or carries out too late."""

from __future__ import annotations

import json
from functools import partial

import httpx
import pytest

from cronapi import APIError, OutcomeUnknownError
from cronapi.emulator import Fault
from tests.support.emulated import TOKEN, URL, emulator, paced, specs, together
from tests.support.seen import ids

pytestmark = pytest.mark.virtual_clock
BAD = {"timeout": 99_999_999}


def refusal(text):
    return httpx.Response(200, json={"status": "error", "code": 1, "message": text})


class InOrder(httpx.ASGITransport):
    """A service that makes the jobs of a batch one by one, up to the first bad one."""

    async def handle_async_request(self, request):
        data = json.loads(request.content).get("data", [])
        bad = [n for n, spec in enumerate(data) if spec.get("timeout") == BAD["timeout"]]
        if not bad:
            return await super().handle_async_request(request)
        if bad[0]:
            await super().handle_async_request(with_data(request, data[: bad[0]]))
        return refusal(f"data[{bad[0]}]: Invalid timeout")


def with_data(request, data):
    """Return a request to make these jobs."""
    url = request.url if len(data) > 1 else request.url.copy_with(path="/api/v1/cron_add")
    body = {"token": TOKEN, **({"data": data} if len(data) > 1 else data[0])}
    return httpx.Request("POST", url, json=body)


@pytest.mark.few(3)
@pytest.mark.parametrize("bad", [[0, 9], [9], [0, 1, 5], [2, 3, 11], [0], [11]], ids=str)
@pytest.mark.parametrize("coalesce", [False, True])
async def test_a_service_that_refuses_in_the_middle_makes_no_job_twice(bad, coalesce):
    """However often it refuses, what it made before a refusal is found and not sent again."""
    app = emulator()
    given = [spec | (BAD if n in bad else {}) for n, spec in enumerate(specs(12))]
    async with paced(app, transport=InOrder(app), coalesce=coalesce) as api:
        for _ in range(2):
            if coalesce:
                await together(*(partial(made, api, spec) for spec in given))
            else:
                report = await api.cron.add_many(given)
                assert [outcome.index for outcome in report.failed] == bad
            names = sorted(row["name"] for row in app.emulator.jobs("fastcron"))
            assert names == sorted(spec["name"] for n, spec in enumerate(given) if n not in bad)
            await api.cron.delete_many(ids(app))


async def made(api, spec):
    """Return the id of a job that is added, or None if it is refused."""
    try:
        return (await api.cron.add(**spec)).id
    except APIError:
        return None


class Short(httpx.ASGITransport):
    """A service that makes and shows the first job of a batch alone."""

    async def handle_async_request(self, request):
        data = json.loads(request.content).get("data")
        if data is None:
            return await super().handle_async_request(request)
        answer = await super().handle_async_request(with_data(request, data[:1]))
        row = json.loads(await answer.aread())["data"]
        return httpx.Response(200, json={"status": "success", "code": 0, "data": [row]})


async def test_a_short_answer_is_told_once():
    """Of two equal jobs only one of which is answered, each caller gets one of its own."""
    app = emulator()
    async with paced(app, transport=Short(app)) as api:
        report = await api.cron.add_many([{"url": URL, "name": "equal"}] * 2)
    assert sorted(job.id for job in report.values) == ids(app)
    assert len(report.values) == 2
    assert [outcome.twin for outcome in report] == [None, None]


class Late(httpx.ASGITransport):
    """A service that carries out lost creates only when they are sent again, and then refuses that:
    there is no room for more jobs.
    """

    lost = 0

    async def handle_async_request(self, request):
        if not request.url.path.endswith(("cron_add", "cron_batch_add")):
            return await super().handle_async_request(request)
        self.lost += 1
        data = json.loads(request.content)
        if self.lost == 1:
            raise httpx.ReadError("gone")
        if "data" in data:
            return refusal("Too many")
        answer = await super().handle_async_request(request)
        return answer if data["name"] == "first" else refusal("There is no room for more jobs.")


@pytest.mark.each_loop
async def test_a_create_that_took_the_last_room_itself_is_found():
    """A refused repeat is no proof: the first request may have come late, and be the reason."""
    app = emulator()
    async with paced(app, transport=Late(app)) as api:
        job = await api.cron.add(url=URL, name="second")
    assert ids(app) == [job.id]


@pytest.mark.each_loop
async def test_jobs_of_a_batch_that_took_the_last_room_are_found():
    """The same holds for the jobs of a batch that was lost and sent again."""
    app = emulator()
    jobs = [{"url": URL, "name": name} for name in ("first", "second")]
    async with paced(app, transport=Late(app)) as api:
        report = await api.cron.add_many(jobs)
    assert [outcome.status for outcome in report] == ["done", "done"]
    assert sorted(job.id for job in report.values) == ids(app)


@pytest.mark.each_value
@pytest.mark.parametrize(("kind", "status"), [("lose", "unknown"), ("reset", "done")])
@pytest.mark.parametrize("function", ["cron.add", "cron.batch_add"])
async def test_a_token_function_that_fails_in_a_lookup_loses_no_answer(kind, status, function):
    """An answer that is there is returned, and one that is not leaves the outcome unknown."""
    app = emulator()

    def token():
        if app.emulator.jobs("fastcron"):
            raise OSError("the vault is away")
        return TOKEN

    app.emulator.faults.add(Fault(kind, function=function))
    async with paced(app, token=token) as api:
        if function == "cron.batch_add":
            report = await api.cron.add_many(specs(2))
            assert [outcome.status for outcome in report] == [status] * 2
        elif status == "done":
            assert [(await api.cron.add(url=URL, name="a")).id] == ids(app)
        else:
            with pytest.raises(OutcomeUnknownError):
                await api.cron.add(url=URL, name="a")
