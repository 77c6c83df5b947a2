"""Every function of both services in every way of asking, against the emulator: what is sent, and what comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import attrs
import httpx
import pytest

from cronapi import (
    APIError,
    Applied,
    CronJob,
    Execution,
    Group,
    JobSpec,
    JobStatus,
    NotFoundError,
    Notify,
    ServerAddress,
    UnsupportedFunctionError,
)
from cronapi._functions import PAGE, TABLE, offered_by
from cronapi.emulator import ManualClock, create_app
from tests.support.emulated import FAST, client_of

START = 1_800_000_000
NOW = datetime.fromtimestamp(START, UTC)
URL = "https://example.com/ping"
WAYS = [
    ("fastcron", "body", "json"),
    ("fastcron", "body", "form"),
    ("fastcron", "body", "query"),
    ("fastcron", "bearer", "json"),
    ("fastcron", "bearer", "form"),
    ("fastcron", "bearer", "query"),
    ("setcronjob", "body", "json"),
    ("setcronjob", "body", "form"),
    ("setcronjob", "body", "query"),
]
BOTH = pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])


@attrs.define
class Desk:
    """A client, the emulator it speaks to, its clock, and a job and a group to begin with."""

    api: object
    emulator: object
    clock: ManualClock
    job: CronJob
    group: Group

    def stored(self, number):
        """Return a job as the emulator remembers it, or None."""
        jobs = self.emulator.jobs(self.api.provider.name)
        return next((job for job in jobs if job["id"] == number), None)

    def asked(self):
        return [seen.function for seen in self.emulator.requests]


@pytest.fixture
async def desk_of(emulate):
    """Return a function that makes a desk for a provider and a way of asking."""

    async def make(provider="fastcron", auth="body", request_format="json", **options):
        clock = ManualClock(START)
        app, api = await emulate(
            provider,
            create_app(rates=FAST, clock=clock, **options),
            auth=auth,
            request_format=request_format,
        )
        group = await api.group.add("nightly")
        job = await api.cron.add(url=URL, name="ping", expression="*/5 * * * *", group=group.id)
        app.emulator.requests.clear()
        return Desk(api, app.emulator, clock, job, group)

    return make


# --- one check for each function -------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("provider", "auth", "request_format", "function"), CASES, ids=lambda value: value
)
async def test_every_function_in_every_way(desk_of, provider, auth, request_format, function):
    """Each function that a service has gives typed, plausible results, as JSON, form or query, with any place for the token."""
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
    """A function that only the other service has raises UnsupportedFunctionError, as a method and by name, and nothing is sent."""
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


# --- call ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "auth", "request_format"), WAYS)
async def test_call_gives_the_data_as_it_came(desk_of, provider, auth, request_format):
    """`api.call` takes any function by name, parameters in snake_case or camelCase, and returns raw data."""
    desk = await desk_of(provider, auth, request_format)
    job = await desk.api.call("cron.add", url=URL, http_method="POST", postData="a=1")
    assert isinstance(job, dict)
    assert (job["httpMethod"], job["postData"]) == ("POST", "a=1")
    assert await desk.api.call("cron.get", id=job["id"]) == job
    assert await desk.api.call("cron.list", page=5) == []
    assert (await desk.api.call("cron.delete", id=job["id"]))["id"] is None


async def test_call_reaches_functions_that_cronapi_does_not_know(desk_of):
    """A function that is not in the table is sent all the same, and the service's answer comes back."""
    desk = await desk_of()
    with pytest.raises(APIError, match="Unknown function") as refused:
        await desk.api.call("cron.teleport", id=desk.job.id)
    assert refused.value.function == "cron.teleport"
    assert len(desk.emulator.requests) == 1


# --- lists and searches ----------------------------------------------------------------------------------------------------------


@BOTH
async def test_iterate_reads_every_page_once(desk_of, provider):
    """2,300 jobs are three requests, and every job is seen once, in order."""
    desk = await desk_of(provider)
    _add_copies(desk, 2299)
    jobs = [job async for job in desk.api.cron.iterate()]
    assert len(jobs) == 2300
    assert [job.id for job in jobs] == sorted({job.id for job in jobs})
    assert desk.asked() == ["cron.list"] * 3


def _add_copies(desk, count):
    """Put copies of the first job into the emulator's store, which is quicker than a request for each."""
    provider, store = desk.api.provider.name, desk.emulator.store
    (account,) = store._run("SELECT DISTINCT account FROM documents WHERE kind = 'job'")[0]
    document = {name: value for name, value in desk.stored(desk.job.id).items() if name != "id"}
    with store.transaction():
        for _ in range(count):
            store.add("job", provider, account, document)


@pytest.mark.parametrize(("count", "pages"), [(PAGE - 1, 1), (PAGE, 2)])
async def test_iterate_stops_at_the_first_short_page(desk_of, count, pages):
    """A page with fewer than 1,000 jobs is the last; after a full one another is asked for."""
    desk = await desk_of()
    _add_copies(desk, count - 1)
    assert len([job async for job in desk.api.cron.iterate()]) == count
    assert desk.asked() == ["cron.list"] * pages


async def test_iterate_asks_for_no_page_before_it_is_needed(desk_of):
    """Leaving the loop early costs no further request."""
    desk = await desk_of()
    jobs = desk.api.cron.iterate(keyword="ping")
    assert (await anext(jobs)).id == desk.job.id
    await jobs.aclose()
    assert desk.asked() == ["cron.list"]


@BOTH
async def test_find_is_exact(desk_of, provider):
    """A job is found by its whole name only, the oldest if there are several, and absence is None."""
    desk = await desk_of(provider)
    await desk.api.cron.add(url="https://example.com/ping-and-more", name="ping pong")
    await desk.api.cron.add(url=URL, name="ping")
    await desk.api.cron.add(url=URL, name="Ping")
    assert await desk.api.cron.find("ping") == desk.job
    assert await desk.api.cron.find("pin") is None


async def test_find_takes_no_error_for_absence(emulate):
    """An error while searching is raised, not None."""
    _, api = await emulate(token="some-other-token")
    with pytest.raises(APIError):
        await api.cron.find("ping")


# --- parameters ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "time",
    [
        datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC),
        1905821065,
        datetime(2030, 5, 24, 4, 44, 25, 999_999, timezone(timedelta(hours=2))),
    ],
)
async def test_times_are_datetimes_or_unix_seconds(desk_of, time):
    """A moment is the same whether it is given as a datetime of any zone or as a number, and comes back in UTC."""
    desk = await desk_of()
    when = await desk.api.cron.run(desk.job.id, time=time)
    assert (when, when.tzinfo) == (datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC), UTC)
    assert [run["time"] for run in desk.stored(desk.job.id)["queued"]] == [1905821065]


@pytest.mark.parametrize("run", [True, 1, datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC), 1905821065])
async def test_a_job_can_run_as_it_is_added_or_edited(desk_of, run):
    """`run` takes True for now, or a moment, with a payload."""
    desk = await desk_of()
    for job in (
        await desk.api.cron.add(url=URL, run=run, payload="a=1"),
        await desk.api.cron.edit(desk.job.id, run=run, payload="a=1"),
    ):
        (queued,) = desk.stored(job.id)["queued"]
        assert queued["payload"] == "a=1"
        assert (
            queued["time"] == 1905821065
            if run not in (1, True)
            else START < queued["time"] <= START + 60
        )


@pytest.mark.parametrize(("provider", "auth", "request_format"), WAYS)
async def test_none_clears_on_an_edit(desk_of, provider, auth, request_format):
    """None empties what the service can empty, and what is left out stays."""
    desk = await desk_of(provider, auth, request_format)
    await desk.api.cron.edit(desk.job.id, post_data="x", http_headers={"X-A": "b"}, timeout=99)
    job = await desk.api.cron.edit(
        desk.job.id, name=None, group=None, post_data=None, http_headers=None
    )
    assert (job.name, job.group, job.post_data, job.http_headers) == ("", None, "", "")
    assert (job.timeout, job.url) == (99, URL)


@BOTH
async def test_none_is_not_sent_on_an_add(desk_of, provider):
    """None on a new job leaves the service its default."""
    desk = await desk_of(provider)
    plain = await desk.api.cron.add(url=URL)
    job = await desk.api.cron.add(
        url=URL, name=None, group=None, post_data=None, http_headers=None, timezone=None
    )
    assert attrs.evolve(job, id=plain.id) == plain


async def _seen(provider="fastcron", **params):
    """Return the JSON that `cron.add` sends."""
    bodies = []

    def note(request):
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"status": "success", "code": 0, "data": {"id": 1}})

    async with client_of(None, provider, transport=httpx.MockTransport(note)) as api:
        await api.cron.add(**params)
    return {name: value for name, value in bodies[0].items() if name != "token"}


async def test_nothing_is_sent_that_was_not_given():
    """A job that is described by its URL is sent as its URL."""
    assert await _seen(url=URL) == {"url": URL}


@pytest.mark.parametrize(
    "headers",
    [{"X-One": "1", "X-Two": "a: b"}, "X-One: 1\nX-Two: a: b", "X-One:1\r\nX-Two:a: b\r\n"],
)
async def test_headers_travel_as_lines(headers):
    """A mapping, or text with any line ends, arrives joined with CRLF."""
    assert await _seen(url=URL, http_headers=headers) == {
        "url": URL,
        "httpHeaders": "X-One: 1\r\nX-Two: a: b",
    }


@pytest.mark.parametrize(
    ("provider", "notify", "sent"),
    [
        ("fastcron", True, True),
        ("fastcron", Notify.NEVER, False),
        ("setcronjob", Notify.EVERY_RUN, 2),
        ("setcronjob", True, 1),
    ],
)
async def test_notify_is_what_each_service_understands(provider, notify, sent):
    """FastCron takes booleans, SetCronJob codes, and either may be given where it means the same."""
    found = (await _seen(provider, url=URL, notify=notify))["notify"]
    assert (found, type(found)) == (sent, type(sent))


async def test_value_lists_travel_as_lists():
    """SetCronJob's minutes and hours are sent as lists, from any sequence."""
    sent = await _seen(
        "setcronjob", url=URL, minute=("0", "30"), hour=["*"], dns_cache=False, retry_after=5
    )
    assert sent == {
        "url": URL,
        "minute": ["0", "30"],
        "hour": ["*"],
        "dnsCache": False,
        "retryAfter": 5,
    }


# --- what is not there -----------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("call", ["get", "delete"])
@pytest.mark.parametrize("target", ["cron", "group"])
async def test_what_is_not_there_is_not_found_where_that_is_certain(
    desk_of, provider, target, call
):
    """The services have no code for it, so a listing confirms that there is no such job or group before NotFoundError says so."""
    desk = await desk_of(provider)
    with pytest.raises(NotFoundError) as missing:
        await getattr(getattr(desk.api, target), call)(424242)
    error = missing.value
    assert (error.provider, error.function, error.code) == (provider, f"{target}.{call}", 1)
    assert desk.asked() == [f"{target}.{call}", f"{target}.list"]


@BOTH
@pytest.mark.parametrize("status", [200, 404])
async def test_an_edit_of_nothing_is_the_services_error(desk_of, provider, status):
    """For other functions the service's own error is raised; only its HTTP status 404 makes it a NotFoundError."""
    desk = await desk_of(provider, error_status=status)
    with pytest.raises(APIError) as refused:
        await desk.api.cron.edit(424242, name="x")
    assert type(refused.value) is (NotFoundError if status == 404 else APIError)
    assert "Cronjob not found." in str(refused.value)
    assert desk.asked() == ["cron.edit"]


@pytest.mark.parametrize("shape", ["object", "flat", "list", "string"])
@BOTH
async def test_logs_read_alike_in_every_shape(desk_of, provider, shape):
    """Whichever shape the service gives its log rows, a run shows its status and its output."""
    desk = await desk_of(provider, log_shape=shape)
    desk.clock.advance(600)
    runs = await desk.api.cron.logs(desk.job.id)
    assert [(run.succeeded, "OK" in run.output) for run in runs] == [(True, True)] * 2


async def test_the_latest_era_is_read_too(desk_of):
    """What FastCron answers today, with other members than at first, is read by the same classes."""
    desk = await desk_of(era="latest")
    assert (await desk.api.group.get(desk.group.id)).job_count == 1
    assert (await desk.api.cron.get(desk.job.id)).priority == 0
    assert (await desk.api.account.get()).cron == 1_000_000
