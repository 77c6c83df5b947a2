"""Merged calls among others on the same job, when something fails, and when callers go away. The emulator is the judge."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from functools import partial
from types import MappingProxyType

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
    ResponseError,
    ServiceUnavailableError,
    StatusError,
    WaitTooLongError,
)
from cronapi._coalesce.order import Order
from cronapi.emulator import Fault
from tests.support.emulated import TOKEN, URL, client_of, emulator, together, virtual

pytestmark = pytest.mark.virtual_clock


class Wire(httpx.ASGITransport):
    """The way to the emulator: each request is `slow` seconds under way, and what `broken` names gets that `answer`."""

    slow = 0.0
    broken = None
    answer = MappingProxyType({"status": "error", "code": 1, "message": "Not today"})

    async def handle_async_request(self, request):
        await anyio.sleep(self.slow)
        if self.broken is not None and request.url.path.endswith(self.broken):
            return httpx.Response(200, json=dict(self.answer))
        return await super().handle_async_request(request)


def merging(app, rate=1.0, **options):
    return client_of(app, scheduler=virtual(rate), coalesce=True, **options)


def functions(app):
    return [request.function for request in app.emulator.requests]


def named(count):
    return [{"url": URL, "name": f"job {n}"} for n in range(count)]


async def made(api, count):
    return [job.id for job in await api.cron.batch_add(named(count))]


# --- order -------------------------------------------------------------------------------------------------------------------------


async def test_a_raw_change_is_not_overtaken():
    """A delete that was asked for after `api.call("cron.edit", ...)` on the same job does not overtake it by joining an older batch."""
    app = emulator()
    async with merging(app) as api:
        first, second = await made(api, 2)
        results = await together(
            lambda: api.cron.delete(first),
            lambda: api.call("cron.edit", id=second, name="changed"),
            lambda: api.cron.delete(second),
        )
    assert results[1]["name"] == "changed"
    assert functions(app)[1:] == ["cron.delete", "cron.edit", "cron.delete"]


async def test_raw_calls_share_requests_too():
    """Thirty raw gets and ten raw adds that wait together cost no more than two requests of each kind."""
    app = emulator()
    async with merging(app) as api:
        ids = await made(api, 30)
        gets = [lambda number=number: api.call("cron.get", id=number) for number in ids]
        rows = await together(
            *gets, *[lambda n=n: api.call("cron.add", url=URL, name=f"raw {n}") for n in range(10)]
        )
    assert [row["id"] for row in rows[:30]] == ids
    assert [row["name"] for row in rows[30:]] == [f"raw {n}" for n in range(10)]
    assert len(functions(app)) <= 6


async def test_a_raw_call_keeps_every_parameter():
    """What a raw call sends beside the id reaches the service: such a call goes alone."""
    app = emulator()
    async with merging(app) as api:
        ids = await made(api, 3)
        results = await together(
            *[lambda number=number: api.call("cron.get", id=number, verbose=1) for number in ids]
        )
    assert {type(result) for result in results} == {
        APIError
    }  # the strict emulator knows no such parameter


async def test_reads_about_one_job_are_not_sent_before_what_changes_it():
    """The next runs that are asked for after an edit of the schedule are those of the new one, though an equal read waits already."""
    app = emulator()
    async with merging(app) as api:
        (number,) = await made(api, 1)
        before, _, after = await together(
            lambda: api.cron.next(number),
            lambda: api.cron.edit(number, expression="0 3 1 1 *"),
            lambda: api.cron.next(number),
        )
    assert functions(app)[1:] == ["cron.next", "cron.edit", "cron.next"]
    assert before != after


async def test_a_change_of_a_whole_group_is_not_overtaken():
    """A job that is added to a group after `group.empty` was asked for is there, though other adds were waiting before."""
    app = emulator()
    async with merging(app) as api:
        group = await api.group.add("team")
        await together(
            lambda: api.cron.add(url=URL, name="before", group=group.id),
            lambda: api.group.empty(group.id),
            lambda: api.cron.add(url=URL, name="after", group=group.id),
        )
    assert [row["name"] for row in app.emulator.jobs("fastcron")] == ["after"]


async def test_calls_after_a_change_share_a_request():
    """Ten tasks that read a job which waits to be changed share one read, and all see the change."""
    app = emulator()
    async with merging(app) as api:
        (number,) = await made(api, 1)
        results = await together(
            lambda: api.cron.edit(number, name="changed"), *[lambda: api.cron.get(number)] * 10
        )
    assert {job.name for job in results} == {"changed"}
    assert functions(app)[1:] == ["cron.edit", "cron.get"]


@pytest.mark.parametrize(
    "kinds", ["delete edit edit", "get delete edit", "edit delete edit", "edit get delete add"]
)
async def test_calls_of_one_moment_are_sent_as_they_were_made(kinds):
    """Tasks that begin together and use one job make their requests in the order in which they called, whoever runs first."""
    params = {"edit": {"name": "x"}, "add": {"url": URL, "name": "other"}}
    for _ in range(20):
        app, called = emulator(rates={"fastcron": None}), []
        async with merging(app, rate=1000.0) as api:
            (number,) = await made(api, 1)

            async def use(kind, api=api, called=called, number=number):
                called.append(f"cron.{kind}")
                with suppress(APIError):  # where it was deleted before
                    await getattr(api.cron, kind)(
                        *[number] * (kind != "add"), **params.get(kind, {})
                    )

            async with anyio.create_task_group() as group:
                for kind in kinds.split():
                    group.start_soon(use, kind)
        assert [function for function in functions(app)[1:] if function != "cron.list"] == called


async def test_who_leaves_the_line_lets_the_next_go_on():
    """A call that is cancelled while it lines up for its place does not keep those behind it from theirs."""
    order = Order()
    first, second, third = (order.line_up() for _ in range(3))
    with anyio.move_on_after(1.0) as waited:
        await second.move_up()
    assert waited.cancelled_caught
    with anyio.fail_after(1.0):
        await third.move_up()
        await first.move_up()
        await order.line_up().move_up()


# --- reads that fall back ----------------------------------------------------------------------------------------------------------


async def test_jobs_that_no_cheap_page_shows_are_asked_for_together():
    """Three jobs of a long account are asked for one by one, but several at a time where the service takes long to answer."""
    app = emulator(rates={"fastcron": None})
    wire = Wire(app)
    async with merging(app, rate=100.0, transport=wire) as api:
        ids = [outcome.value.id for outcome in await api.cron.add_many(named(2100))]
        await api.cron.get_many(ids)  # learns how many pages there are
        wire.slow, begun = 10.0, anyio.current_time()
        found = await together(*[lambda number=number: api.cron.get(number) for number in ids[-3:]])
        assert [job.id for job in found] == ids[-3:]
        assert anyio.current_time() - begun < 25
        begun = anyio.current_time()
        assert len((await api.cron.get_many(ids[-3:])).done) == 3
        assert anyio.current_time() - begun < 15


async def test_gets_at_a_time_are_no_more_than_the_scheduler_seats():
    """However many jobs are asked for one by one, no more requests are under way than the scheduler has seats."""
    app = emulator(rates={"fastcron": None})
    wire = Wire(app)
    async with client_of(app, scheduler=virtual(1000.0, max_in_flight=3), transport=wire) as api:
        ids = await made(api, 12)
        wire.broken, wire.slow = "cron_list", 10.0
        begun = anyio.current_time()
        outcomes = [
            (outcome.given, round(anyio.current_time() - begun))
            async for outcome in api.cron.get_many(ids)
        ]
    assert sorted(given for given, _ in outcomes) == ids
    assert Counter(when for _, when in outcomes) == {20: 3, 30: 3, 40: 3, 50: 3}


async def test_a_page_without_an_answer_is_everybodys_error():
    """Where the service is down, callers that share a page get its error after the patience of one call, and nothing more is sent."""
    app = emulator()
    async with merging(app) as api:
        ids = await made(api, 20)
        app.emulator.faults.add(Fault("error", function="cron.list", times=None))
        results = await together(*[lambda number=number: api.cron.get(number) for number in ids])
    assert {type(result) for result in results} == {StatusError}
    assert len({id(result) for result in results}) == 20
    assert Counter(functions(app)) == {"cron.batch_add": 1, "cron.list": 8}


async def test_a_page_that_the_service_refuses_is_nobodys_error():
    """Where the service says no to the list, each caller still gets the job that it asked for, or its own error."""
    app = emulator()
    wire = Wire(app)
    async with merging(app, transport=wire) as api:
        ids = await made(api, 5)
        wire.broken = "cron_list"
        results = await together(
            *[lambda number=number: api.cron.get(number) for number in [*ids, 999_999]]
        )
    assert [job.id for job in results[:5]] == ids
    assert type(results[5]) is APIError  # no listing could confirm that there is no such job


async def test_an_outage_amid_single_reads_ends_them():
    """Where the service goes away while jobs are asked for one by one, the rest is not tried one by one with a long patience each."""
    app = emulator()
    wire = Wire(app)
    async with merging(app, transport=wire) as api:
        ids = await made(api, 30)
        wire.broken = "cron_list"
        app.emulator.faults.add(Fault("outage", function="cron.get", times=None))
        begun = anyio.current_time()
        report = await api.cron.get_many(ids)
        assert anyio.current_time() - begun < 200
    assert {type(outcome.error) for outcome in report} == {ServiceUnavailableError}


# --- what belongs to whom ----------------------------------------------------------------------------------------------------------


async def test_what_one_caller_does_to_its_data_is_its_own():
    """Callers of one shared raw read may change what they get: the others do not see it."""
    app = emulator()
    async with merging(app) as api:
        (number,) = await made(api, 1)
        pages, rows = [], []

        async def spoil(call, kept):
            data = await call()
            kept.append(json.dumps(data))
            (data[0] if isinstance(data, list) else data).clear()

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(spoil, lambda: api.call("cron.list"), pages)
                group.start_soon(spoil, lambda: api.call("cron.get", id=number), rows)
    assert len(set(pages)) == 1
    assert len(set(rows)) == 1


async def test_an_answer_of_another_shape_tells_how_often_the_call_was_sent():
    """Each caller's error about a shared answer that it cannot use names the attempts that were made."""
    app = emulator()
    wire = Wire(app)
    async with merging(app, transport=wire) as api:
        wire.broken, wire.answer = "cron_list", {"status": "success", "data": [{"id": "odd"}]}
        results = await together(*[api.cron.list] * 3)
    assert [(type(result), result.attempts) for result in results] == [(ResponseError, 1)] * 3


# --- callers that go away ----------------------------------------------------------------------------------------------------------


async def test_a_caller_that_left_is_not_sent_again_after_a_refusal():
    """A caller that goes away while a batch is under way takes its item along where the rate limit then refuses the batch."""
    app = emulator()
    wire = Wire(app)
    async with merging(app, transport=wire) as api:
        await api.cron.list()
        wire.slow = 2.0
        app.emulator.faults.add(Fault("outage", function="cron.batch_add"))
        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(lambda n=n: api.cron.add(url=URL, name=f"job {n}"))
            with anyio.move_on_after(2.0):  # sent after 1 s, refused after 3 s
                await api.cron.add(url=URL, name="left")
    assert sorted(row["name"] for row in app.emulator.jobs("fastcron")) == [
        "job 0",
        "job 1",
        "job 2",
    ]


@pytest.mark.parametrize("count", [1, 4])
async def test_nothing_is_repeated_for_callers_that_have_all_left(count):
    """When the last caller goes away after the answer was lost, nobody looks the request up or sends it again, as without merging."""
    app = emulator()
    async with merging(app) as api:
        await api.cron.list()
        app.emulator.faults.add(Fault("reset", times=None))
        with anyio.move_on_after(1.3):
            async with anyio.create_task_group() as group:
                for n in range(count):
                    group.start_soon(lambda n=n: api.cron.add(url=URL, name=f"job {n}"))
        app.emulator.faults.clear()
        await anyio.sleep(100)
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert app.emulator.jobs("fastcron") == []
    assert functions(app) == ["cron.list", "cron.add" if count == 1 else "cron.batch_add"]


async def test_a_token_function_that_fails_is_every_callers_error():
    """What a token function raises reaches every caller of the shared request, and the next call is served."""
    app = emulator()
    broken = [False]

    def token():
        if broken[0]:
            raise LookupError("no vault")
        return TOKEN

    async with merging(app, token=token) as api:
        ids = await made(api, 3)
        broken[0] = True
        adds = [lambda: api.cron.add(url=URL, name="never")] * 3
        results = await together(
            *adds,
            *[lambda number=number: api.cron.get(number) for number in ids],
            lambda: api.cron.delete(ids[0]),
        )
        assert {type(result) for result in results} == {LookupError}
        broken[0] = False
        assert (await api.cron.get(ids[0])).id == ids[0]


async def test_a_token_function_that_fails_amid_single_reads_is_told():
    """What a token function raises while jobs are asked for one by one comes out of the bulk."""
    app = emulator()
    wire = Wire(app)
    left = [4]

    def token():
        left[0] -= 1
        if left[0] < 0:
            raise LookupError("no vault")
        return TOKEN

    async with client_of(app, scheduler=virtual(1.0), transport=wire, token=token) as api:
        ids = await made(api, 12)
        wire.broken = "cron_list"
        with pytest.raises(LookupError, match="no vault"):
            await api.cron.get_many(ids)


async def test_leaving_single_reads_takes_them_out_of_the_queue():
    """Breaking out of `get_many` while jobs are asked for one by one leaves no request waiting."""
    app = emulator()
    wire = Wire(app)
    async with client_of(app, scheduler=virtual(1.0), transport=wire) as api:
        ids = await made(api, 12)
        wire.broken = "cron_list"
        async for _ in api.cron.get_many(ids):
            break
        await anyio.sleep(10)
        assert sum(api.scheduler.stats.waiting.values()) == 0
        assert len(functions(app)) < 5


async def test_closing_the_client_is_every_getters_error():
    """Gets that wait for a shared page when the client is closed are told so, and nothing is sent."""
    app = emulator()
    api = merging(app)
    ids = await made(api, 3)

    async def close():
        await api.aclose()

    results = await together(
        *[lambda number=number: api.cron.get(number) for number in ids],
        lambda: api.cron.delete(ids[0]),
        close,
    )
    assert {type(result) for result in results[:4]} == {ConfigurationError}
    assert functions(app) == ["cron.batch_add"]


async def test_without_retries_each_getter_has_its_own_answer():
    """With `retry=None` a job that is not there is an error for its caller alone, and the others have theirs."""
    app = emulator()
    async with merging(app, retry=None) as api:
        ids = await made(api, 4)
        results = await together(
            *[lambda number=number: api.cron.get(number) for number in [*ids, 999_999]]
        )
    assert [job.id for job in results[:4]] == ids
    assert isinstance(results[4], NotFoundError)


async def test_runs_of_a_job_are_not_overtaken_by_its_delete():
    """Two runs of a job asked for at once, and then its delete, are sent in this order."""
    app = emulator()
    async with merging(app) as api:
        (job,) = await made(api, 1)
        results = await together(
            lambda: api.cron.run(job), lambda: api.cron.run(job), lambda: api.cron.delete(job)
        )
    assert functions(app)[1:] == ["cron.run", "cron.run", "cron.delete"]
    assert not [result for result in results if isinstance(result, Exception)]


class HalfDone(Wire):
    """A service that refuses a batch of deletes after it has carried out the first."""

    async def handle_async_request(self, request):
        if request.url.path.endswith("cron_batch_delete"):
            sent = json.loads(request.content)
            url = str(request.url).replace("batch_delete", "delete")
            await super().handle_async_request(
                httpx.Request("POST", url, json={**sent, "id": sent["id"][0]})
            )
            return httpx.Response(200, json=dict(self.answer))
        return await super().handle_async_request(request)


async def test_a_merged_delete_that_was_done_before_the_batch_was_refused_is_done():
    """A batch is refused that had deleted one caller's job: that caller is told so, and the list is read once."""
    app = emulator()
    async with merging(app, transport=HalfDone(app)) as api:
        (job,) = await made(api, 1)
        _, deleted, missing = await together(
            api.cron.list, lambda: api.cron.delete(job), lambda: api.cron.delete(999_999)
        )
    assert deleted.id == job
    assert isinstance(missing, NotFoundError)
    assert functions(app)[-2:] == ["cron.delete", "cron.list"]


@pytest.mark.parametrize("fault", ["error", "reset"])
async def test_an_ensured_name_is_nobody_elses_to_make_again(fault):
    """Who ensures a name beside other adds that are merged, and leaves, leaves no add behind that others send again."""
    app = emulator()
    app.emulator.faults.add(Fault(fault, function="cron.batch_add", times=1))
    leaving = anyio.CancelScope()
    async with merging(app) as api, anyio.create_task_group() as group:

        async def ensure():
            with leaving:
                await api.cron.ensure(name="nightly", url=URL)

        async def leave_and_ensure_again():
            with anyio.move_on_after(5):
                while "cron.batch_add" not in functions(app):  # noqa: ASYNC110 -- what the service was asked can only be looked up
                    await anyio.sleep(0.05)
            leaving.cancel()
            await api.cron.ensure(name="nightly", url=URL)

        group.start_soon(ensure)
        group.start_soon(leave_and_ensure_again)
        await anyio.sleep(0.5)
        group.start_soon(lambda: api.cron.add(url=URL, name="other"))
    assert sorted(job["name"] for job in app.emulator.jobs("fastcron")) == ["nightly", "other"]


# --- a batch that is refused -------------------------------------------------------------------------------------------------------


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
    """Make calls right after each other while no slot is free, and return what each was told, in their order.

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
    """Let a client learn that a refused batch has done nothing, which it looks up the first time."""
    await timed(api, some(api, 2, bad=[0, 1]))
    await anyio.sleep(5.0)


@pytest.mark.parametrize("bad", [0, 7, 15, 29])
async def test_one_bad_item_holds_up_only_those_beside_it(bad):
    """Of thirty adds with a bad one half is done with the next request or two, and nine in ten in 9 s, in no more requests than ever."""
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
    """However many of thirty adds are bad, each good one gets the job that it asked for, and each bad one an error."""
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
    """Whose batch was refused waits for its next slot no longer than max_wait, and gives up with nothing made."""
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


async def test_max_wait_that_ended_while_a_batch_was_refused_ends_the_wait():
    """Callers whose max_wait was over when their batch had been sent learn of the refusal at once, and nothing is sent again."""
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


async def test_who_is_looked_up_is_waited_for():
    """While nobody knows what a refused batch has done its callers wait beyond max_wait; when it is known they are told."""
    app = emulator()
    async with merging(app) as api:
        found = await timed(api, some(api.with_options(max_wait=1.2), 30, [7]))
        await anyio.sleep(60)
    assert {round(caller.after) for caller in late(found).values()} == {2}
    assert len(late(found)) == 30
    assert functions(app) == ["cron.list", "cron.batch_add", "cron.list"]
    assert app.emulator.jobs("fastcron") == []


@pytest.mark.parametrize("moment", [0.0, 0.7, 1.6, 2.3, 3.3, 4.3])
async def test_cancelled_after_a_refusal_takes_its_item_along(moment):
    """Callers that go away before a half is sent have no job, wherever they are when it parts; the others have theirs."""
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


async def test_a_half_goes_with_its_last_caller():
    """When all callers of one half are cancelled it gives up its place in the queue, and the other half is sent."""
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


async def test_nothing_is_sent_after_a_refusal_for_callers_that_have_all_left():
    """When all callers are cancelled after their batch was refused, nothing more is sent."""
    app = emulator()
    async with merging(app) as api:
        assert await timed(api, some(api, 30, [7]), dict.fromkeys(range(30), 2.5)) == {}
        await anyio.sleep(60)
        assert sum(api.scheduler.stats.waiting.values()) == 0
    assert functions(app) == ["cron.list", "cron.batch_add", "cron.list"]


async def test_a_bad_item_whose_caller_leaves_says_nothing_of_the_size():
    """After a batch was refused for an item that was then cancelled, as many are sent together as before."""
    app = emulator()
    async with merging(app) as api:
        await timed(api, some(api, 30, [7]), {7: 2.5})
        before = len(functions(app))
        await timed(api, some(api, 60))
    assert len(app.emulator.jobs("fastcron")) == 89
    assert functions(app)[before:] == ["cron.list", "cron.batch_add"]


async def test_how_many_a_batch_may_have_is_learnt_from_merged_adds():
    """Where the service takes ten at a time all jobs are made, and from then on no batch is refused."""
    app = emulator()
    wire = Small(app)
    async with merging(app, transport=wire) as api:
        assert len(good(await timed(api, some(api, 40)))) == 40
        refused = wire.refused
        assert len(good(await timed(api, some(api, 40)))) == 40
    assert wire.refused == refused > 0
    assert len(app.emulator.jobs("fastcron")) == 80


async def test_an_error_that_is_everybodys_ends_all_that_wait():
    """Where the token is refused when the first half is sent, the second is not sent, and all are told."""
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


@pytest.mark.parametrize("kind", ["lose", "cut", "garbage", "half", "reset", "error"])
@pytest.mark.parametrize("bad", [7, 29])
async def test_a_half_whose_answer_is_lost_makes_each_job_once(kind, bad):
    """Whatever happens to the first half, every good caller has its own job and there are no others."""
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


async def test_closing_the_client_ends_halves_that_wait():
    """Callers whose half waits for its slot when the client is closed are told so, and nothing more is sent."""
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
    """Whose job is not there is told when the list has shown it; the others are deleted with the next request."""
    app = emulator()
    async with merging(app) as api:
        ids = await made(api, 30)
        await anyio.sleep(5)
        found = await timed(api, deletes(api, [*ids[:20], 999_999]))
    assert {type(found[20].what), round(found[20].after)} == {NotFoundError, 2}
    assert {round(found[place].after) for place in range(20)} == {3}
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == ids[20:]
    assert functions(app)[2:] == ["cron.batch_delete", "cron.list", "cron.batch_delete"]


@pytest.mark.parametrize(("leaves", "max_wait"), [(range(3), None), (range(20), None), ((), 2.5)])
async def test_who_leaves_after_a_refused_delete_keeps_its_job(leaves, max_wait):
    """Callers that go away, or whose max_wait is over, before their delete is sent again have deleted nothing."""
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
        {2.5} if max_wait else set()
    )
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == [
        number for place, number in enumerate(ids) if place not in deleted
    ]
