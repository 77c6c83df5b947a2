"""What is not there, and how few requests it takes to know:
judged by the emulator's own requests.
"""

from __future__ import annotations

from collections import Counter

import anyio
import httpx
import pytest

from cronapi import APIError, NotFoundError
from cronapi._calls.absence import Listing
from cronapi.emulator import Clock, Fault, create_app
from tests.support.emulated import BOTH, FAST, URL, fill, paced, together

pytestmark = pytest.mark.virtual_clock

NOT_THERE = range(1_000_000, 1_000_300)


def account(provider="fastcron", count=1100):
    """Return an emulator whose account has so many jobs, and their ids; the limit is that of the
    client.
    """
    app = create_app(clock=Clock(ticks=anyio.current_time), rates=FAST)
    return app, fill(app, provider, count)


def asked(app):
    return Counter(seen.function for seen in app.emulator.requests)


def is_absent(outcome):
    return isinstance(outcome.error, NotFoundError) and outcome.error.function == "cron.get"


# --- reads ---------------------------------------------------------------------------------------


@pytest.mark.few(2)
@pytest.mark.parametrize(("there", "gone"), [(0, 3), (0, 300), (100, 50), (1100, 1)])
async def test_many_that_are_gone_cost_the_pages_once_more(there, gone):
    """On an account of two pages, however many of the ids are gone, `get_many` reads the list down
    and up: three requests.
    """
    app, ids = account()
    async with paced(app) as api:
        report = await api.cron.get_many([*ids[:there], *NOT_THERE[:gone]])
    assert [outcome.status for outcome in report] == ["done"] * there + ["failed"] * gone
    assert all(is_absent(outcome) for outcome in report.failed)
    assert asked(app) == {"cron.list": 3}


@pytest.mark.crowd
async def test_merged_gets_of_what_is_gone_share_the_pages_too():
    """A hundred merged gets of jobs that are there and fifty of jobs that are gone read the list
    once down and up.
    """
    app, ids = account()
    async with paced(app, coalesce=True) as api:
        jobs = await together(*(lambda n=n: api.cron.get(n) for n in [*ids[:100], *NOT_THERE[:50]]))
    assert [job.id for job in jobs[:100]] == ids[:100]
    assert all(isinstance(error, NotFoundError) for error in jobs[100:])
    assert asked(app).total() <= 6


@pytest.mark.each_loop
async def test_who_leaves_while_pages_are_read_up_sends_nothing_more():
    """A `get_many` that is cancelled on its way up leaves no request behind, and the client is as
    good as before.
    """
    app, _ = account()
    async with paced(app) as api:
        with anyio.move_on_after(1.5) as scope:
            await api.cron.get_many(NOT_THERE)
        assert scope.cancelled_caught
        before = asked(app).total()
        await anyio.sleep(60)
        assert asked(app).total() == before == 2
        assert len((await api.cron.get_many(NOT_THERE)).failed) == 300


# --- one listing for many ------------------------------------------------------------------------


@pytest.mark.few(1)
@BOTH
async def test_deletes_one_by_one_share_listings(provider):
    """A hundred deletes of what is gone, one request each, share listings: 45 requests for pages at
    most, where one each would take 300.
    """
    app, _ = account(provider)
    async with paced(app, provider) as api:
        if provider == "fastcron":
            report = await together(*(lambda n=n: api.cron.delete(n) for n in NOT_THERE[:100]))
            assert all(isinstance(error, NotFoundError) for error in report)
        else:
            report = await api.cron.delete_many(NOT_THERE[:100])
            assert all(isinstance(outcome.error, NotFoundError) for outcome in report)
    assert asked(app)["cron.delete"] == 100
    assert asked(app)["cron.list"] <= 45


@pytest.mark.crowd
async def test_deletes_of_what_is_there_are_done_beside_those_of_what_is_not():
    """Of deletes on a service without batches those of jobs are done and take them away; only the
    others are NotFoundErrors.
    """
    app, ids = account("setcronjob", 60)
    mixed = [number for pair in zip(ids[:50], NOT_THERE[:50], strict=True) for number in pair]
    async with paced(app, "setcronjob") as api:
        report = await api.cron.delete_many(mixed)
    assert [outcome.status for outcome in report] == ["done", "failed"] * 50
    assert {row["id"] for row in app.emulator.jobs("setcronjob")} == set(ids[50:])


class Refusing(httpx.AsyncBaseTransport):
    """Passes everything on, but says an error of its own to any get of the jobs named here."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)
        self.refused = set()

    async def handle_async_request(self, request):
        body = (await request.aread()).decode()
        if request.url.path.endswith("/cron_get") and any(
            str(number) in body for number in self.refused
        ):
            return httpx.Response(
                200, json={"status": "error", "code": 1, "message": "Try again later."}
            )
        return await self._inner.handle_async_request(request)


@pytest.mark.crowd
async def test_a_listing_that_began_before_proves_nothing():
    """A job is made and its get refused while a listing is under way that cannot show it: it is
    there, so that is no NotFoundError.
    """
    app, _ = account()
    transport = Refusing(app)
    async with paced(app, transport=transport) as api, anyio.create_task_group() as group:
        failed = []

        async def get_what_is_gone():
            with pytest.raises(NotFoundError) as error:
                await api.cron.get(NOT_THERE[0])
            failed.append(error)

        app.emulator.faults.add(Fault("stall", function="cron.list", times=2, seconds=20.0))
        group.start_soon(get_what_is_gone)
        await anyio.sleep(5)  # the first page is on its way
        await anyio.sleep(18)  # and now the second, which cannot show it either
        job = await api.cron.add(url=URL, name="new")
        transport.refused.add(job.id)
        with pytest.raises(APIError) as refused:
            await api.cron.get(job.id)
        assert not isinstance(refused.value, NotFoundError)
    assert failed


# --- a listing, from inside ----------------------------------------------------------------------


class Looks:
    """Listings that take ten seconds, and begin after one."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.begun = []

    async def __call__(self, begin):
        await anyio.sleep(1)
        begin()
        self.begun.append(anyio.current_time())
        await anyio.sleep(9)
        return self.answers.pop(0)


@pytest.mark.each_loop
async def test_who_asks_before_a_listing_begins_shares_it_and_who_asks_later_does_not():
    """Three ask: two before the first listing has its slot, which both get; the third gets the
    next.
    """
    listing, looks, got = Listing(), Looks(frozenset("a"), frozenset("b")), {}

    async def ask(name, after):
        await anyio.sleep(after)
        got[name] = await listing.shown(looks)

    async with anyio.create_task_group() as group:
        for name, after in (("first", 0), ("second", 0.5), ("third", 1.5)):
            group.start_soon(ask, name, after)
    assert got == {"first": {"a"}, "second": {"a"}, "third": {"b"}}
    assert len(looks.begun) == 2


@pytest.mark.parametrize("leaves", ["who looks", "who waits"])
async def test_who_leaves_while_waiting_for_a_listing_takes_it_from_nobody(leaves):
    """Of three that wait for a listing one is cancelled, be it who reads it or who waits beside:
    the others get theirs.
    """
    listing, looks, got = Listing(), Looks(frozenset("a"), frozenset("b")), []
    scopes = [anyio.CancelScope() for _ in range(3)]

    async def ask(scope):
        with scope:
            got.append(await listing.shown(looks))

    async with anyio.create_task_group() as group:
        for scope in scopes:
            group.start_soon(ask, scope)
            await anyio.wait_all_tasks_blocked()
        await anyio.sleep(5)
        scopes[0 if leaves == "who looks" else 1].cancel()
    assert got == [{"a"}] * 2
    assert len(looks.begun) == (2 if leaves == "who looks" else 1)


async def test_a_listing_that_fails_fails_for_all_that_share_it():
    """Where the list cannot be read, ten that wait for it are told after one try, and who asks
    afterwards tries anew.
    """
    listing, looks = Listing(), Looks(None, frozenset("a"))
    begun = anyio.current_time()
    assert await together(*[lambda: listing.shown(looks)] * 10) == [None] * 10
    assert anyio.current_time() - begun == 10
    assert await listing.shown(looks) == {"a"}
