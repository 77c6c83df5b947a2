"""A merged batch that is refused is taken apart: each caller gets an answer of its own."""

from __future__ import annotations

import json
from functools import partial

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint
from attrs import frozen

from cronapi import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    CronAPIError,
    NotFoundError,
    WaitTooLongError,
)
from cronapi.emulator import Fault
from tests.support.emulated import TOKEN, URL, emulator
from tests.support.merged import Wire, made, merging
from tests.support.seen import functions

pytestmark = pytest.mark.virtual_clock


class Small(Wire):
    """A service that refuses batches of more than `most` items."""

    most, refused = 10, 0

    async def handle_async_request(self, request):
        if (
            request.url.path.endswith("cron_batch_add")
            and len(json.loads(request.content)["data"]) > self.most
        ):
            self.refused += 1
            return httpx.Response(200, json={"status": "error", "code": 1, "message": "Too many"})
        return await super().handle_async_request(request)


def some(api, count, bad=()):
    """Return adds of so many jobs, of which the service refuses those whose places are `bad`."""
    return [
        partial(
            api.cron.add, url=URL, name=f"job {n}", expression="bad" if n in bad else "* * * * *"
        )
        for n in range(count)
    ]


def deletes(api, ids):
    return [partial(api.cron.delete, number) for number in ids]


def names(app):
    return {row["name"] for row in app.emulator.jobs("fastcron")}


@frozen
class Told:
    """What a caller got, and after how many seconds."""

    after: float
    what: object


async def timed(api, calls, leaving=None):
    """Make calls right after each other while no slot is free, and return what each was told, in
    their order.

    `leaving` says after which time a caller goes away.
    """
    found, leaving = {}, leaving or {}
    await api.cron.list()

    async def run(place, call):
        for _ in range(place):  # trio runs tasks that begin together in any order
            await checkpoint()
        begun = anyio.current_time()
        with anyio.move_on_after(leaving.get(place)):
            try:
                what = await call()
            except CronAPIError as error:
                what = error
            found[place] = Told(anyio.current_time() - begun, what)

    async with anyio.create_task_group() as group:
        for place, call in enumerate(calls):
            group.start_soon(run, place, call)
    return found


def good(found):
    return {
        place: caller
        for place, caller in found.items()
        if not isinstance(caller.what, CronAPIError)
    }


def late(found):
    return {
        place: caller
        for place, caller in found.items()
        if isinstance(caller.what, WaitTooLongError)
    }


async def know_batches(api):
    """Let a client learn that a refused batch has done nothing, not even for the items in front of
    the bad one. It looks that up the first time.
    """
    await timed(api, some(api, 2, bad=[1]))
    job = (await api.cron.list())[0]
    await api.cron.delete(job.id)
    await anyio.sleep(5.0)


@pytest.mark.parametrize("bad", [0, 7, 15, 29])
async def test_one_bad_item_holds_up_only_those_beside_it(bad):
    """Of thirty adds with a bad one half is done with the next request or two, and nine in ten in 9
    s, in no more requests than ever.
    """
    app = emulator()
    async with merging(app) as api:
        found = await timed(api, some(api, 30, [bad]))
    assert [place for place, caller in found.items() if type(caller.what) is APIError] == [bad]
    waits = sorted(caller.after for caller in good(found).values())
    assert len(waits) == len(app.emulator.jobs("fastcron")) == 29
    assert waits[14] < 4.5
    assert waits[25] < 9.0
    assert waits[-1] < 12.5
    assert len(functions(app)) <= 13


async def test_each_caller_of_a_refused_batch_gets_its_own():
    """However many of thirty adds are bad, each good one gets the job that it asked for, and each
    bad one an error.
    """
    app, bad = emulator(), {0, 3, 4, 17, 29}
    async with merging(app) as api:
        found = await timed(api, some(api, 30, bad))
    assert {place for place, caller in found.items() if type(caller.what) is APIError} == bad
    assert {place: caller.what.name for place, caller in good(found).items()} == {
        n: f"job {n}" for n in range(30) if n not in bad
    }
    assert len({id(found[place].what) for place in bad}) == len(bad)


@pytest.mark.parametrize("max_wait", [1.1, 2.0, 4.0, 6.0])
async def test_max_wait_holds_after_a_refusal(max_wait):
    """Whose batch was refused waits for its next slot no longer than max_wait, and gives up with
    nothing made.
    """
    app = emulator()
    wire = Wire(app)
    async with merging(app, transport=wire) as api:
        await know_batches(api)
        wire.slow = 0.6
        found = await timed(api, some(api.with_options(max_wait=max_wait), 30, [7]))
        wire.slow = 0.0
        await anyio.sleep(60)
    assert late(found)
    assert {caller.after <= max_wait + 0.6 for caller in found.values()} == {True}
    assert len(found) == len(late(found)) + len(good(found))
    assert names(app) == {f"job {place}" for place in good(found)}
    assert bool(good(found)) == (max_wait > 3)


@pytest.mark.each_loop
async def test_max_wait_that_ended_while_a_batch_was_refused_ends_the_wait():
    """Callers whose max_wait was over when their batch had been sent learn of the refusal at once,
    and nothing is sent again.
    """
    app = emulator()
    async with merging(app) as api:
        await know_batches(api)
        app.emulator.faults.add(Fault("stall_before", function="cron.batch_add", seconds=5.0))
        before = len(functions(app))
        found = await timed(api, some(api.with_options(max_wait=2.0), 30, [7]))
        await anyio.sleep(60)
    assert {round(caller.after) for caller in late(found).values()} == {6}
    assert len(late(found)) == 30
    assert functions(app)[before:] == ["cron.list", "cron.batch_add"]


@pytest.mark.each_loop
async def test_who_is_looked_up_is_waited_for():
    """While nobody knows what a refused batch has done its callers wait beyond max_wait; when it is
    known they are told.
    """
    app = emulator()
    async with merging(app) as api:
        found = await timed(api, some(api.with_options(max_wait=1.2), 30, [7]))
        await anyio.sleep(60)
    assert {round(caller.after) for caller in late(found).values()} == {2}
    assert len(late(found)) == 30
    assert functions(app) == ["cron.list", "cron.batch_add", "cron.list"]
    assert app.emulator.jobs("fastcron") == []


@pytest.mark.each_loop
@pytest.mark.parametrize("moment", [0.0, 0.7, 1.6, 2.3, 3.3, 4.3])
async def test_cancelled_after_a_refusal_takes_its_item_along(moment):
    """Callers that go away before a half is sent have no job, wherever they are when it parts; the
    others have theirs.
    """
    app, leaves = emulator(), {1, 6, 13, 14, 16, 28}
    async with merging(app) as api:
        found = await timed(api, some(api, 30, [7]), dict.fromkeys(leaves, moment))
        await anyio.sleep(60)
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert names(app) == {f"job {place}" for place in good(found)}
    assert set(good(found)) >= set(range(30)) - leaves - {7}
    assert type(found[7].what) is APIError
    if moment < 3:
        assert leaves.isdisjoint(found)


@pytest.mark.each_loop
async def test_a_half_goes_with_its_last_caller():
    """When all callers of one half are cancelled it gives up its place in the queue, and the other
    half is sent.
    """
    app = emulator()
    async with merging(app) as api:
        found = await timed(api, some(api, 30, [29]), dict.fromkeys(range(15), 2.5))
        await anyio.sleep(60)
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert (
        names(app)
        == {f"job {place}" for place in good(found)}
        == {f"job {n}" for n in range(15, 29)}
    )
    assert good(found)[15].after < 5.5


@pytest.mark.each_loop
async def test_nothing_is_sent_after_a_refusal_for_callers_that_have_all_left():
    """When all callers are cancelled after their batch was refused, nothing more is sent."""
    app = emulator()
    async with merging(app) as api:
        assert await timed(api, some(api, 30, [7]), dict.fromkeys(range(30), 2.5)) == {}
        await anyio.sleep(60)
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert functions(app) == ["cron.list", "cron.batch_add", "cron.list"]


@pytest.mark.each_loop
async def test_a_bad_item_whose_caller_leaves_says_nothing_of_the_size():
    """After a batch was refused for an item that was then cancelled, as many are sent together as
    before.
    """
    app = emulator()
    async with merging(app) as api:
        await timed(api, some(api, 30, [7]), {7: 2.5})
        before = len(functions(app))
        await timed(api, some(api, 60))
    assert len(app.emulator.jobs("fastcron")) == 89
    assert functions(app)[before:] == ["cron.list", "cron.batch_add"]


async def test_how_many_a_batch_may_have_is_learnt_from_merged_adds():
    """Where the service takes ten at a time all jobs are made, and from then on no batch is
    refused.
    """
    app = emulator()
    wire = Small(app)
    async with merging(app, transport=wire) as api:
        assert len(good(await timed(api, some(api, 40)))) == 40
        refused = wire.refused
        assert len(good(await timed(api, some(api, 40)))) == 40
    assert wire.refused == refused > 0
    assert len(app.emulator.jobs("fastcron")) == 80


@pytest.mark.each_loop
async def test_an_error_that_is_everybodys_ends_all_that_wait():
    """Where the token is refused when the first half is sent, the second is not sent, and all are
    told.
    """
    app, tokens = emulator(), [TOKEN]
    async with merging(app, token=lambda: tokens[0]) as api:
        await know_batches(api)
        before = len(functions(app))
        async with anyio.create_task_group() as group:
            group.start_soon(expire, tokens)
            found = await timed(api, some(api, 30, [7]))
        await anyio.sleep(60)
    assert {type(caller.what) for caller in found.values()} == {AuthenticationError}
    assert {round(caller.after) for caller in found.values()} == {2}
    assert len({id(caller.what) for caller in found.values()}) == 30
    assert functions(app)[before:] == ["cron.list", "cron.batch_add", "cron.batch_add"]


async def expire(tokens):
    await anyio.sleep(0.5)
    tokens[0] = "old"


@pytest.mark.few(3)
@pytest.mark.parametrize("kind", ["lose", "cut", "garbage", "half", "reset", "error"])
@pytest.mark.parametrize("bad", [7, 29])
async def test_a_half_whose_answer_is_lost_makes_each_job_once(kind, bad):
    """Whatever happens to the first half, every good caller has its own job and there are no
    others.
    """
    app = emulator()

    async def break_the_half():
        await anyio.sleep(2.5)
        app.emulator.faults.add(Fault(kind, function="cron.batch_add"))

    async with merging(app) as api, anyio.create_task_group() as group:
        group.start_soon(break_the_half)
        found = await timed(api, some(api, 30, [bad]))
    assert len(app.emulator.faults.fired) == 1
    assert [place for place, caller in found.items() if isinstance(caller.what, CronAPIError)] == [
        bad
    ]
    assert sorted(caller.what.id for caller in good(found).values()) == sorted(
        row["id"] for row in app.emulator.jobs("fastcron")
    )


@pytest.mark.each_loop
async def test_closing_the_client_ends_halves_that_wait():
    """Callers whose half waits for its slot when the client is closed are told so, and nothing more
    is sent.
    """
    app = emulator()
    api = merging(app)

    async def close():
        await anyio.sleep(1.5)
        await api.aclose()

    await know_batches(api)
    before = len(functions(app))
    async with anyio.create_task_group() as group:
        group.start_soon(close)
        found = await timed(api, some(api, 30, [7]))
    assert {type(caller.what) for caller in found.values()} == {ConfigurationError}
    assert functions(app)[before:] == ["cron.list", "cron.batch_add"]


async def test_an_unknown_id_holds_up_only_the_jobs_that_are_there():
    """Whose job is not there is told when the list has shown it; the others are deleted with the
    next request.
    """
    app = emulator()
    async with merging(app) as api:
        ids = await made(api, 30)
        await anyio.sleep(5)
        found = await timed(api, deletes(api, [*ids[:20], 999_999]))
    assert {type(found[20].what), round(found[20].after)} == {NotFoundError, 4}
    assert {round(found[place].after) for place in range(20)} == {5}
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == ids[20:]
    assert functions(app)[2:] == [
        "cron.batch_delete",
        "cron.list",
        "cron.list",
        "cron.list",
        "cron.batch_delete",
    ]


@pytest.mark.parametrize(("leaves", "max_wait"), [(range(3), None), (range(20), None), ((), 4.5)])
async def test_who_leaves_after_a_refused_delete_keeps_its_job(leaves, max_wait):
    """Callers that go away, or whose max_wait is over, before their delete is sent again have
    deleted nothing.
    """
    app = emulator()
    async with merging(app) as api:
        ids = await made(api, 20)
        await anyio.sleep(5)
        found = await timed(
            api,
            deletes(api.with_options(max_wait=max_wait), [*ids, 999_999]),
            dict.fromkeys(leaves, 2.5),
        )
        await anyio.sleep(60)
    assert isinstance(found[20].what, NotFoundError)
    deleted = set(good(found))
    assert deleted == (set() if max_wait else set(range(20)) - set(leaves))
    assert {round(caller.after, 1) for caller in late(found).values()} == (
        {max_wait} if max_wait else set()
    )
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == [
        number for place, number in enumerate(ids) if place not in deleted
    ]
