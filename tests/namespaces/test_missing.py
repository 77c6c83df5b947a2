"""A job or group that is not there is told apart from a bad parameter, whichever call names it."""

from __future__ import annotations

import httpx
import pytest

from cronapi import APIError, Applied, NotFoundError
from cronapi.emulator import Fault, create_app
from tests.support.emulated import BOTH, FAST, URL, Hurry, client_of, fill

CALLS = {
    "cron.edit": lambda api, number: api.cron.edit(number, name="x"),
    "cron.enable": lambda api, number: api.cron.enable(number),
    "cron.disable": lambda api, number: api.cron.disable(number),
    "cron.pause": lambda api, number: api.cron.pause(number, for_="1 hour"),
    "cron.run": lambda api, number: api.cron.run(number),
    "cron.logs": lambda api, number: api.cron.logs(number),
    "cron.failures": lambda api, number: api.cron.failures(number),
    "cron.next": lambda api, number: api.cron.next(number),
    "cron.group_edit": lambda api, number: api.cron.group_edit(number, timeout=20),
    "group.edit": lambda api, number: api.group.edit(number, name="x"),
    "group.items": lambda api, number: api.group.items(number),
    "group.empty": lambda api, number: api.group.empty(number),
    "group.vanish": lambda api, number: api.group.vanish(number),
}
FASTCRON_ALONE = {"cron.next", "cron.group_edit"}
"""Of these calls, those that SetCronJob has not."""


@pytest.fixture
async def desk(desk_of):
    return await desk_of()


def proof_of(function):
    """Return the requests that confirm that the job, or the group, is not there."""
    return ["group.list"] if "group" in function else ["cron.get", *["cron.list"] * 3]


@BOTH
async def test_a_call_that_names_what_is_not_there_is_not_found(desk_of, provider):
    """Each call of an id that does not exist is a NotFoundError: a web application answers 404."""
    for function in CALLS.keys() - (FASTCRON_ALONE if provider == "setcronjob" else set()):
        desk = await desk_of(provider)
        with pytest.raises(NotFoundError) as missing:
            await CALLS[function](desk.api, 424242)
        error = missing.value
        assert (error.provider, error.function, error.code) == (provider, function, 1)
        assert (error.attempts, error.applied) == (1, Applied.NO)
        assert "ot found" in error.message
        assert desk.asked() == [function, *proof_of(function)], function


async def test_a_bad_parameter_is_told_with_one_request_more(desk):
    """The job is read, and is there, so it is the service's word: no list is read for it."""
    for call in (
        lambda api, number: api.cron.edit(number, expression="whenever"),
        lambda api, number: api.cron.edit(number, timezone="Nowhere/Land"),
        lambda api, number: api.cron.pause(number, for_="sometime"),
    ):
        desk.emulator.requests.clear()
        with pytest.raises(APIError) as refused:
            await call(desk.api, desk.job.id)
        assert type(refused.value) is APIError
        assert desk.asked()[1:] == ["cron.get"]


async def test_without_retries_the_services_word_is_all(desk):
    """With `retry=None` nothing is looked up, so nothing is certain."""
    for call in CALLS.values():
        with pytest.raises(APIError) as refused:
            await call(desk.api.with_options(retry=None), 424242)
        assert type(refused.value) is APIError
    assert desk.asked() == list(CALLS)


async def test_a_look_that_fails_leaves_the_services_word(desk_of):
    """An outage while the job is looked for proves nothing, and hides nothing either."""
    desk = await desk_of()
    desk.emulator.faults.add(Fault("redirect", function="cron.get", times=None))
    with pytest.raises(APIError, match="not found") as refused:
        await desk.api.cron.edit(424242, name="x")
    assert type(refused.value) is APIError


async def test_an_edit_that_also_runs_the_job_is_told_too(desk):
    """An edit with `run` is never repeated, and its missing job is one all the same."""
    with pytest.raises(NotFoundError):
        await desk.api.cron.edit(424242, run=True)


async def test_an_edit_that_may_have_happened_before_the_job_went_says_so():
    """Its first answer was lost, another program deleted the job, and the repeat found nothing."""
    app = create_app(rates=FAST)
    (number,) = fill(app, "fastcron", 1)
    wire, lost = httpx.ASGITransport(app), []

    async def delete_in_between(request):
        response = await wire.handle_async_request(request)
        if request.url.path.endswith("/cron_edit") and not lost:
            lost.append(request)
            async with client_of(app) as other:
                await other.cron.delete(number)
            raise httpx.ReadError("lost", request=request)
        return httpx.Response(response.status_code, content=await response.aread())

    transport = httpx.MockTransport(delete_in_between)
    async with client_of(None, transport=transport, scheduler=Hurry(10_000.0)) as api:
        with pytest.raises(NotFoundError) as missing:
            await api.cron.edit(number, name="x")
    assert (missing.value.applied, missing.value.attempts) == (Applied.UNKNOWN, 2)


async def test_a_raw_call_is_told_too(desk):
    """`api.call` has the errors of the methods, also with an id that is text."""
    with pytest.raises(NotFoundError):
        await desk.api.call("cron.edit", id="424242", name="x")


@pytest.mark.parametrize("coalesce", [False, True])
async def test_bulks_and_merged_calls_tell_it_too(coalesce):
    """In a bulk the missing job's outcome has a NotFoundError, and a bad one's an APIError."""
    app = create_app(rates=FAST)
    async with client_of(app, coalesce=coalesce) as api:
        job = await api.cron.add(url=URL)
        edits = [(424242, {"name": "x"}), (job, {"expression": "whenever"})]
        for batch in (False, True):
            report = await api.cron.edit_many(edits, batch=batch)
            assert [type(one.error) for one in report] == [NotFoundError, APIError]
        report = await api.cron.disable_many([job, 424242])
        assert [type(one.error) for one in report] == [type(None), NotFoundError]
        with pytest.raises(NotFoundError):
            await api.cron.logs(424242)


async def test_a_missing_job_is_not_taken_for_deleted_by_a_later_delete(desk):
    """That a call did not find it is no delete: deleting it says NotFoundError again."""
    for call in (CALLS["cron.edit"], lambda api, number: api.cron.delete(number)):
        with pytest.raises(NotFoundError):
            await call(desk.api, 424242)
