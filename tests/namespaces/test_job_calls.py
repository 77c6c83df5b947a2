"""Calls on jobs: lists and searches, what parameters become, and what is not there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import attrs
import httpx
import pytest

from cronapi import (
    APIError,
    NotFoundError,
    Notify,
)
from cronapi._functions import PAGE
from tests.support.emulated import BOTH, START, URL, WAYS, client_of

# --- lists and searches --------------------------------------------------------------------------


@pytest.mark.few(1)
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
    """Put copies of the first job into the emulator's store, which is quicker than a request for
    each.
    """
    provider, store = desk.api.provider.name, desk.emulator.store
    (account,) = store._run("SELECT DISTINCT account FROM documents WHERE kind = 'job'")[0]
    document = {name: value for name, value in desk.stored(desk.job.id).items() if name != "id"}
    with store.transaction():
        for _ in range(count):
            store.add("job", provider, account, document)


@pytest.mark.parametrize(("count", "pages"), [(PAGE - 1, 2), (PAGE, 2), (PAGE + 1, 2)])
async def test_iterate_ends_at_an_empty_page_or_a_shorter_one(desk_of, count, pages):
    """A list ends at an empty page, or at one that is shorter than an earlier one."""
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
    """A job is found by its whole name only, the oldest if there are several,
    and absence is None.
    """
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


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "time",
    [
        datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC),
        1905821065,
        datetime(2030, 5, 24, 4, 44, 25, 999_999, timezone(timedelta(hours=2))),
    ],
)
async def test_times_are_datetimes_or_unix_seconds(desk_of, time):
    """A moment is the same whether it is given as a datetime of any zone or as a number, and comes
    back in UTC.
    """
    desk = await desk_of()
    when = await desk.api.cron.run(desk.job.id, time=time)
    assert (when, when.tzinfo) == (datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC), UTC)
    assert [run["time"] for run in desk.stored(desk.job.id)["queued"]] == [1905821065]


@pytest.mark.parametrize("run", [True, 1, datetime(2030, 5, 24, 2, 44, 25, tzinfo=UTC), 1905821065])
async def test_a_job_can_run_as_it_is_added_or_edited(desk_of, run):
    """`run` takes True for now, or a moment, with a payload."""
    desk = await desk_of(era="latest")
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
    """FastCron takes booleans, SetCronJob codes,
    and either may be given where it means the same.
    """
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


# --- what is not there ---------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("call", ["get", "delete"])
@pytest.mark.parametrize("target", ["cron", "group"])
async def test_what_is_not_there_is_not_found_where_that_is_certain(
    desk_of, provider, target, call
):
    """The services have no code for it, so a listing confirms that there is no such job or group
    before NotFoundError says so.
    """
    desk = await desk_of(provider)
    with pytest.raises(NotFoundError) as missing:
        await getattr(getattr(desk.api, target), call)(424242)
    error = missing.value
    assert (error.provider, error.function, error.code) == (provider, f"{target}.{call}", 1)
    looks = 3 if target == "cron" else 1  # the page, the empty one after it, and it again
    assert desk.asked() == [f"{target}.{call}", *[f"{target}.list"] * looks]


@BOTH
@pytest.mark.parametrize("status", [200, 404])
async def test_an_edit_of_nothing_is_not_found(desk_of, provider, status):
    """The HTTP status 404 says it at once. Otherwise the job is looked for, alone and then in a
    listing.
    """
    desk = await desk_of(provider, error_status=status)
    with pytest.raises(NotFoundError, match="Cronjob not found"):
        await desk.api.cron.edit(424242, name="x")
    looks = [] if status == 404 else ["cron.get", *["cron.list"] * 3]
    assert desk.asked() == ["cron.edit", *looks]


@pytest.mark.parametrize("shape", ["object", "flat", "list", "string"])
@BOTH
async def test_logs_read_alike_in_every_shape(desk_of, provider, shape):
    """Whichever shape the service gives its log rows, a run shows its status and its output."""
    desk = await desk_of(provider, log_shape=shape)
    desk.clock.advance(600)
    runs = await desk.api.cron.logs(desk.job.id)
    assert [(run.succeeded, "OK" in run.output) for run in runs] == [(True, True)] * 2


async def test_the_latest_era_is_read_too(desk_of):
    """What FastCron answers today, with other members than at first,
    is read by the same classes.
    """
    desk = await desk_of(era="latest")
    assert (await desk.api.group.get(desk.group.id)).job_count == 1
    assert (await desk.api.cron.get(desk.job.id)).priority == 0
    assert (await desk.api.account.get()).cron == 1_000_000
