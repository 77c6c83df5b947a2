"""Every function of both services in every way of asking, against the emulator: what is sent, and
what comes back.
"""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import attrs
import pytest

from cronapi import (
    APIError,
    Applied,
    Execution,
    FastCron,
    JobSpec,
    JobStatus,
    Notify,
    ServerAddress,
    SetCronJob,
    UnsupportedFunctionError,
)
from cronapi._functions import TABLE, offered_by
from tests.support.emulated import BASE_URLS, BOTH, NOW, TOKEN, URL, WAYS

CLIENTS = {"fastcron": FastCron, "setcronjob": SetCronJob}

# --- one check for each function -----------------------------------------------------------------


async def cron_list(desk):
    assert await desk.api.cron.list() == [desk.job]
    assert await desk.api.cron.list(keyword="PIN") == [desk.job]
    assert await desk.api.cron.list(keyword="pong") == []
    assert await desk.api.cron.list(page=2) == []


async def cron_get(desk):
    job = await desk.api.cron.get(desk.job.id)
    assert job == desk.job
    assert (job.url, job.name, job.expression, job.group) == (
        URL,
        "ping",
        "*/5 * * * *",
        desk.group.id,
    )
    assert (job.status, job.is_active, job.fail) == (JobStatus.ACTIVE, True, 0)


async def cron_add(desk):
    params = {
        "url": "example.com/a?b=c&d=ü",
        "name": "a & b",
        "timeout": 60,
        "http_method": "POST",
        "post_data": '{"a": 1}',
        "instances": 1,
    }
    job = await desk.api.cron.add(
        **params,
        http_headers={"X-One": "1", "X-Two": "two words"},
        notify=False,
        username="u",
        password="hunter22",
    )
    assert (job.url, job.name, job.timeout, job.post_data) == (
        "http://example.com/a?b=c&d=ü",
        "a & b",
        60,
        '{"a": 1}',
    )
    assert job.http_headers == "X-One: 1\r\nX-Two: two words"
    assert job.notify is Notify.NEVER
    stored = desk.stored(job.id)
    assert (stored["instances"], stored["username"], stored["password"]) == (1, "u", "hunter22")


async def cron_edit(desk):
    job = await desk.api.cron.edit(desk.job.id, name="pong", notify=True, post_data="x=1&y=2")
    assert job == attrs.evolve(desk.job, name="pong", notify=Notify.ON_FAILURE, post_data="x=1&y=2")
    assert (await desk.api.cron.edit(desk.job.id)) == job


async def cron_enable(desk):
    await desk.api.cron.disable(desk.job.id)
    assert (await desk.api.cron.enable(desk.job.id)).is_active


async def cron_disable(desk):
    job = await desk.api.cron.disable(desk.job.id)
    assert (job.status, job.is_active) == (JobStatus.DISABLED, False)


async def cron_pause(desk):
    assert not (await desk.api.cron.pause(desk.job.id, for_="15 minutes")).is_active
    desk.clock.advance(14 * 60)
    assert not (await desk.api.cron.get(desk.job.id)).is_active
    assert not (await desk.api.cron.pause(desk.job.id, for_=timedelta(hours=1))).is_active
    desk.clock.advance(3600)
    assert (await desk.api.cron.get(desk.job.id)).is_active


async def cron_delete(desk):
    gone = await desk.api.cron.delete(desk.job.id)
    assert (gone.id, gone.name, gone.url) == (desk.job.id, "ping", URL)
    assert desk.stored(desk.job.id) is None


async def cron_run(desk):
    soon = await desk.api.cron.run(desk.job.id)
    assert NOW < soon <= NOW + timedelta(minutes=1)
    noon = datetime(2030, 5, 24, 14, 0, 0, tzinfo=timezone(timedelta(hours=2)))
    assert await desk.api.cron.run(desk.job.id, time=noon, payload="a=1&b=2") == noon
    assert await desk.api.cron.run(desk.job.id, time=int(noon.timestamp()) + 5) == noon + timedelta(
        seconds=5
    )
    queued = [(run["time"], run["payload"]) for run in desk.stored(desk.job.id)["queued"]]
    assert queued[1:] == [(noon.timestamp(), "a=1&b=2"), (noon.timestamp() + 5, None)]


async def cron_logs(desk):
    assert await desk.api.cron.logs(desk.job.id) == []
    desk.clock.advance(3600)
    runs = await desk.api.cron.logs(desk.job.id)
    assert len(runs) == 12
    assert all(
        isinstance(run, Execution) and run.succeeded and run.http_status == 200 for run in runs
    )
    assert runs[0].time - runs[1].time == timedelta(minutes=5)
    assert NOW < runs[-1].time < runs[0].time <= NOW + timedelta(hours=1)
    assert await desk.api.cron.logs(desk.job.id, limit=2) == runs[:2]
    assert await desk.api.cron.logs(desk.job.id, keyword="no such output") == []


async def cron_failures(desk):
    broken = await desk.api.cron.add(url="https://example.com/500", expression="*/5 * * * *")
    desk.clock.advance(3600)
    assert await desk.api.cron.failures(desk.job.id) == []
    runs = await desk.api.cron.failures()
    assert runs == await desk.api.cron.failures(broken.id)
    assert len(runs) == 12
    assert {(run.succeeded, run.http_status, run.error) for run in runs} == {
        (False, 500, "HTTP error 500")
    }
    assert await desk.api.cron.failures(broken.id, keyword="HTTP error", limit=3) == runs[:3]


async def cron_next(desk):
    times = await desk.api.cron.next(desk.job.id)
    assert len(times) == 100
    assert times[0] > NOW
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(minutes=5)}


async def cron_batch_add(desk):
    jobs = await desk.api.cron.batch_add(
        [JobSpec(url=URL, name="one", notify=True), {"url": URL, "name": "two", "group": None}]
    )
    assert [(job.name, job.notify, job.group) for job in jobs] == [
        ("one", Notify.ON_FAILURE, None),
        ("two", Notify.ON_FAILURE, None),
    ]
    assert jobs[0].id < jobs[1].id


async def cron_batch_edit(desk):
    other = await desk.api.cron.add(url=URL, name="other")
    jobs = await desk.api.cron.batch_edit([other.id, desk.job.id], name="same", timeout=77)
    assert [(job.id, job.name, job.timeout) for job in jobs] == [
        (other.id, "same", 77),
        (desk.job.id, "same", 77),
    ]


async def cron_batch_delete(desk):
    other = await desk.api.cron.add(url=URL, name="other")
    gone = await desk.api.cron.batch_delete((other.id, desk.job.id))
    assert [(job.id, job.name) for job in gone] == [(other.id, "other"), (desk.job.id, "ping")]
    assert desk.emulator.jobs("fastcron") == []


async def cron_group_edit(desk):
    other = await desk.api.cron.add(url=URL, name="other")
    jobs = await desk.api.cron.group_edit(desk.group.id, timeout=99, post_data=None)
    assert [(job.id, job.timeout) for job in jobs] == [(desk.job.id, 99)]
    assert (await desk.api.cron.get(other.id)).timeout == other.timeout


async def group_list(desk):
    assert await desk.api.group.list() == [desk.group]


async def group_get(desk):
    assert await desk.api.group.get(desk.group.id) == desk.group
    assert desk.group.name == "nightly"


async def group_lookup(desk):
    twin = await desk.api.group.add("nightly")
    assert await desk.api.group.lookup("nightly") == [desk.group, twin]
    assert await desk.api.group.lookup("night") == []


async def group_add(desk):
    extra = {"auto_delete": 3, "contacts": [1, 2]} if desk.api.provider.name == "setcronjob" else {}
    group = await desk.api.group.add("a & b = ü", **extra)
    assert (group.name, group.id > desk.group.id) == ("a & b = ü", True)
    stored = desk.emulator.groups(desk.api.provider.name)[-1]
    assert {name: stored.get(name) for name in ("autoDelete", "contacts")} == (
        {"autoDelete": 3, "contacts": [1, 2]} if extra else {"autoDelete": None, "contacts": None}
    )


async def group_edit(desk):
    assert (await desk.api.group.edit(desk.group.id, name="daily")) == attrs.evolve(
        desk.group, name="daily"
    )


async def group_delete(desk):
    gone = await desk.api.group.delete(desk.group.id)
    assert (gone.id, gone.name) == (desk.group.id, "nightly")
    assert (await desk.api.cron.get(desk.job.id)).group is None
    assert await desk.api.group.list() == []


async def group_vanish(desk):
    assert (await desk.api.group.vanish(desk.group.id)).id == desk.group.id
    assert await desk.api.group.list() == []
    assert await desk.api.cron.list() == []


async def group_empty(desk):
    assert await desk.api.group.empty(desk.group.id) == desk.group
    assert await desk.api.group.list() == [desk.group]
    assert await desk.api.cron.list() == []


async def group_items(desk):
    await desk.api.cron.add(url=URL, name="elsewhere")
    assert await desk.api.group.items(desk.group.id) == [desk.job]


async def account_get(desk):
    account = await desk.api.account.get()
    assert (account.id, account.timezone, account.plan) == (1, "UTC", "Business")
    assert account.expiry_date.year == 2099


async def account_edit(desk):
    assert (await desk.api.account.edit(timezone="Europe/London")).timezone == "Europe/London"
    assert (await desk.api.cron.add(url=URL)).timezone == "Europe/London"


async def account_secret(desk):
    account = await desk.api.account.secret("s3cret & more")
    assert "s3cret" not in json.dumps(account.to_wire())
    assert desk.emulator.store.all("account", "fastcron")[0]["secret"] == "s3cret & more"


async def server_time(desk):
    assert await desk.api.server.time() == NOW


async def server_timezones(desk):
    zones = await desk.api.server.timezones()
    assert {"UTC", "Europe/London", "Asia/Ho_Chi_Minh"} <= set(zones)
    assert all(type(zone) is str for zone in zones)


async def server_useragent(desk):
    assert "SetCronJob" in await desk.api.server.useragent()


async def server_ip(desk):
    addresses = await desk.api.server.ip()
    assert addresses["server1"] == ServerAddress(v4="198.51.100.7", v6="2001:db8::7")


CHECKS = {name: globals()[name.replace(".", "_")] for name in TABLE}
CASES = [(*way, function) for way in WAYS for function in sorted(offered_by(way[0]))]


@pytest.mark.each_value
@pytest.mark.parametrize(
    ("provider", "auth", "request_format", "function"), CASES, ids=lambda value: value
)
async def test_every_function_in_every_way(desk_of, provider, auth, request_format, function):
    """Each function that a service has gives typed, plausible results, as JSON, form or query, with
    any place for the token.
    """
    desk = await desk_of(provider, auth, request_format)
    await CHECKS[function](desk)
    assert function in desk.asked()
    assert all(seen.accepted for seen in desk.emulator.requests)


UNSUPPORTED = [
    (provider, function)
    for provider in ("fastcron", "setcronjob")
    for function in sorted(TABLE.keys() - offered_by(provider))
]
ARGUMENTS = {
    "cron.next": {"id": 1},
    "cron.batch_add": {"specs": [{"url": URL}]},
    "cron.batch_edit": {"ids": [1]},
    "cron.batch_delete": {"ids": [1]},
    "cron.group_edit": {"id": 1},
    "account.secret": {"secret": "s3cret"},
}


@pytest.mark.parametrize(("provider", "function"), UNSUPPORTED)
async def test_what_a_service_does_not_have_is_refused_here(emulate, provider, function):
    """A function that only the other service has raises UnsupportedFunctionError, as a method and
    by name, and nothing is sent.
    """
    app, api = await emulate(provider)
    target, action = function.split(".", 1)
    method = getattr(getattr(api, target), action)
    for call in (method(**ARGUMENTS.get(function, {})), api.call(function)):
        with pytest.raises(UnsupportedFunctionError) as refused:
            await call
        error = refused.value
        assert (error.provider, error.function, error.attempts, error.applied) == (
            provider,
            function,
            0,
            Applied.NO,
        )
    assert not app.emulator.requests


@BOTH
async def test_what_a_service_does_not_have_is_not_offered(provider):
    """A client of one service lists none of the other's functions, at a prompt or in an editor. A
    name that is no function at all is an AttributeError.
    """
    async with CLIENTS[provider](TOKEN, base_url=BASE_URLS[provider]) as own:
        for function in (name for service, name in UNSUPPORTED if service == provider):
            target, action = function.split(".", 1)
            assert action not in dir(getattr(own, target))
            with pytest.raises(UnsupportedFunctionError) as refused:
                await getattr(getattr(own, target), action)(1, name="x")
            assert (refused.value.provider, refused.value.function) == (provider, function)
            assert str(refused.value) == f"{provider} {function}: {provider} has no such function."
        for target in own._offers:
            assert not hasattr(getattr(own, target), "nexxt")
            assert copy.copy(getattr(own, target)) == getattr(own, target)
            with pytest.raises(AttributeError, match="object has no attribute 'nexxt'"):
                getattr(own, target).nexxt  # noqa: B018 -- looked up


# --- call ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "auth", "request_format"), WAYS)
async def test_call_gives_the_data_as_it_came(desk_of, provider, auth, request_format):
    """`api.call` takes any function by name, parameters in snake_case or camelCase, and returns raw
    data.
    """
    desk = await desk_of(provider, auth, request_format)
    job = await desk.api.call("cron.add", url=URL, http_method="POST", postData="a=1")
    assert isinstance(job, dict)
    assert (job["httpMethod"], job["postData"]) == ("POST", "a=1")
    assert await desk.api.call("cron.get", id=job["id"]) == job
    assert await desk.api.call("cron.list", page=5) == []
    assert (await desk.api.call("cron.delete", id=job["id"]))["id"] is None


async def test_call_reaches_functions_that_cronapi_does_not_know(desk_of):
    """A function that is not in the table is sent all the same, and the service's answer comes
    back.
    """
    desk = await desk_of()
    with pytest.raises(APIError, match="Unknown function") as refused:
        await desk.api.call("cron.teleport", id=desk.job.id)
    assert refused.value.function == "cron.teleport"
    assert len(desk.emulator.requests) == 1
