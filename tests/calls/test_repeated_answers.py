"""A proxy that sends an answer twice: no caller takes another request's answer for its own."""

from __future__ import annotations

import time

import httpx
import pytest

from cronapi import Applied, CronAPIError, ResponseError, RetryPolicy
from cronapi.emulator import Fault
from tests.support.emulated import URL, client_of, emulator, fill, paced, spec_of, virtual
from tests.support.seen import ids
from tests.support.told import WAYS, is_true

pytestmark = pytest.mark.virtual_clock


class Stuttering(httpx.AsyncBaseTransport):
    """Answers the chosen request with the answer to the one before it.

    Without `forwards` the service never sees the chosen request.
    """

    def __init__(self, app, *functions, forwards=True):
        self._inner, self._last = httpx.ASGITransport(app), b""
        self.functions, self.forwards = list(functions), forwards

    async def handle_async_request(self, request):
        name, last = request.url.path.rpartition("/")[2], self._last
        is_chosen = bool(last and self.functions and self.functions[0] == name)
        if is_chosen:
            self.functions.pop(0)
        if self.forwards or not is_chosen:
            response = await self._inner.handle_async_request(request)
            self._last = await response.aread()
        return httpx.Response(200, content=last if is_chosen else self._last)


@pytest.mark.parametrize("retry", [RetryPolicy(), None])
async def test_get_never_returns_another_job(retry):
    """A `get` that is answered with another job is asked again, or is a ResponseError."""
    app = emulator()
    first, second = fill(app, "fastcron", 2)
    transport = Stuttering(app, "cron_get")
    async with paced(app, transport=transport, retry=retry) as api:
        assert (await api.cron.get(first)).id == first
        try:
            assert (await api.cron.get(second)).id == second
        except ResponseError:
            assert retry is None


CHANGES = {
    "edit": lambda api, one: api.cron.edit(one, name="new"),
    "enable": lambda api, one: api.cron.enable(one),
    "disable": lambda api, one: api.cron.disable(one),
    "batch_edit": lambda api, one: api.cron.batch_edit([one], name="new"),
    "get": lambda api, one: api.cron.get(one),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_no_call_on_a_job_returns_another_one(name):
    """A call that is answered with another job is asked again, and returns its own."""
    app = emulator()
    first, second = fill(app, "fastcron", 2)
    transport = Stuttering(app, f"cron_{name}")
    async with paced(app, transport=transport) as api:
        await api.cron.get(first)
        result = await CHANGES[name](api, second)
        rows = result if isinstance(result, list) else [result]
        assert [row.id for row in rows] == [second]


@pytest.mark.parametrize("way", ["add", "batch_add", "add_many"])
async def test_a_create_that_is_answered_with_a_known_job_is_looked_up(way):
    """A create that is answered with another request's job returns the job that it made."""
    app = emulator()
    (old,) = fill(app, "fastcron", 1, "old")
    transport = Stuttering(app, "cron_add", "cron_batch_add")
    async with paced(app, transport=transport) as api:
        await api.cron.get(old)
        await api.cron.add(url=URL, name="first")
        known = ids(app)
        transport.functions[:] = [
            "cron_batch_add" if "many" in way or "batch" in way else "cron_add"
        ]
        await api.cron.get(known[-1])
        found = await WAYS[way](api, spec_of)
    assert found.done
    assert is_true(found, app.emulator.jobs("fastcron"), known=known)


async def test_the_emulators_repeated_answers_fool_no_read():
    """Each read returns its own job, though about a third of the answers are repeated ones."""
    app = emulator(seed=3)
    there = fill(app, "fastcron", 5)
    app.emulator.faults.add(Fault("repeat", function="cron.get", times=None, share=0.3))
    async with paced(app) as api:
        for id in there * 3:
            assert (await api.cron.get(id)).id == id


# --- an answer of another shape ------------------------------------------------------------------


async def groups(api, one):
    await api.group.add("other")
    return await api.group.list()


BEFORE = {
    "list": lambda api, one: api.cron.list(),
    "empty list": lambda api, one: api.cron.list(keyword="there is no such job"),
    "job": lambda api, one: api.cron.get(one),
    "times": lambda api, one: api.cron.next(one),
    "logs": lambda api, one: api.cron.logs(one),
    "run": lambda api, one: api.cron.run(one),
    "group": lambda api, one: api.group.add("other"),
    "groups": groups,
    "account": lambda api, one: api.account.get(),
}
"""Calls whose answers are repeated. Each has another shape, or other ids."""
EACH_HOUR = "0 * * * *"
"""A schedule of whole minutes. That of a job without one begins at the second of its creation."""
TOMORROW = int(time.time()) // 60 * 60 + 86_400 + 17
"""A second at which no schedule of minutes runs: such a run is known for one that was asked for."""
CREATED = {
    "cron_add": lambda api, one: api.cron.add(url=f"{URL}/mine", name="mine"),
    "cron_batch_add": lambda api, one: api.cron.batch_add([{"url": f"{URL}/mine"}]),
    "group_add": lambda api, one: api.group.add("mine"),
}


async def stuttered(before, function, call, *, forwards):
    """Return the emulator, a known job, and what a call returned after a repeated answer."""
    app = emulator(rates={"fastcron": None})
    (one,) = fill(app, "fastcron", 1, expression=EACH_HOUR)
    transport = Stuttering(app, function, forwards=forwards)
    async with client_of(app, transport=transport, scheduler=virtual(1000.0)) as api:
        await api.cron.list()
        await BEFORE[before](api, one)
        try:
            result = await call(api, one)
        except CronAPIError as error:
            result = error
    assert not transport.functions
    return app, one, result


@pytest.mark.each_value
@pytest.mark.parametrize("forwards", [True, False])
@pytest.mark.parametrize("function", CREATED)
async def test_a_create_takes_no_answer_of_another_shape_for_its_own(function, forwards):
    """A create that gets another answer is looked up, and made once."""
    for before in BEFORE:
        app, one, found = await stuttered(before, function, CREATED[function], forwards=forwards)
        rows = found if isinstance(found, list) else [found]
        made = (
            app.emulator.groups("fastcron")
            if "group" in function
            else app.emulator.jobs("fastcron")
        )
        mine = [row["id"] for row in made if row["id"] != one and row["name"] != "other"]
        assert [row.id for row in rows] == mine, before


@pytest.mark.parametrize("forwards", [True, False])
async def test_a_run_takes_no_answer_of_another_shape_for_its_own(forwards):
    """A run that gets another answer is looked up by its time."""
    for before in BEFORE.keys() - {"run"}:
        _, _, found = await stuttered(
            before, "cron_run", lambda api, one: api.cron.run(one, time=TOMORROW), forwards=forwards
        )
        assert int(found.timestamp()) == TOMORROW, before


ASKED = {
    "cron_list": lambda api, one: api.cron.list(keyword="n0"),
    "cron_get": lambda api, one: api.cron.get(one),
    "cron_edit": lambda api, one: api.cron.edit(one, name="n0"),
    "cron_enable": lambda api, one: api.cron.enable(one),
    "cron_pause": lambda api, one: api.cron.pause(one, for_="1 hour"),
    "cron_delete": lambda api, one: api.cron.delete(one),
}


@pytest.mark.few(3)
@pytest.mark.parametrize("function", ASKED)
async def test_no_call_takes_an_answer_of_another_shape_for_its_own(function):
    """A call that gets an answer of another shape is made again."""
    same = {"cron_list": {"list", "empty list", "logs"}}.get(function, {"job"})
    for before in BEFORE.keys() - same:
        app, one, found = await stuttered(before, function, ASKED[function], forwards=False)
        (row,) = found if isinstance(found, list) else [found]
        assert row.id == one, before
        assert (ids(app) == []) is (function == "cron_delete"), before


@pytest.mark.parametrize("data", [None, [], {}, 5, True, "made", {"jobId": 7}, [{"id": 7}]])
async def test_a_create_whose_own_answer_names_nothing_is_looked_up(data):
    """The service has made the job, and says so in a way of its own: the list has it."""
    app = emulator(rates={"fastcron": None})
    inner = httpx.ASGITransport(app)

    class Odd(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            response = await inner.handle_async_request(request)
            if request.url.path.endswith("cron_add"):
                return httpx.Response(200, json={"status": "success", "code": 0, "data": data})
            return httpx.Response(200, content=await response.aread())

    async with paced(app, transport=Odd()) as api:
        job = await api.cron.add(url=URL, name="mine")
    assert ids(app) == [job.id]


@pytest.mark.parametrize("wrong", [{"timeout": "soon"}, {"status": [1]}, {"id": "seven"}])
async def test_an_own_answer_that_cannot_be_read_says_that_the_job_was_made(wrong):
    """It has the shape of a job, so the job was made, though a field of it cannot be read."""
    data = {"id": 7, "url": URL, **wrong}
    answer = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"status": "success", "code": 0, "data": data})
    )
    async with paced(None, transport=answer) as api:
        with pytest.raises(ResponseError) as caught:
            await api.cron.add(url=URL, name="mine")
    assert caught.value.applied is Applied.YES
    assert caught.value.attempts == 1


@pytest.mark.parametrize("data", [{"id": 7, "url": URL, "name": "n"}, [{"id": 7}], 7, "x", None])
async def test_the_answer_of_a_function_that_the_library_does_not_know_is_not_judged(data):
    """Whatever a new function of a service answers is handed out as it came."""

    def answer(request):
        return httpx.Response(200, json={"status": "success", "code": 0, "data": data})

    options = {"transport": httpx.MockTransport(answer), "scheduler": virtual(1.0), "retry": None}
    async with client_of(None, **options) as api:
        assert await api.call("odd.one") == data
