"""Merged calls keep their order among others on the same job, and reads fall back."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress

import anyio
import pytest

from cronapi import (
    APIError,
    ResponseError,
    ServiceUnavailableError,
    StatusError,
)
from cronapi._coalesce.order import Order
from cronapi.emulator import Fault
from tests.support.emulated import URL, client_of, emulator, together, virtual
from tests.support.merged import Wire, made, merging, named
from tests.support.seen import functions

pytestmark = pytest.mark.virtual_clock


# --- order ---------------------------------------------------------------------------------------


@pytest.mark.each_loop
async def test_a_raw_change_is_not_overtaken():
    """A delete that was asked for after `api.call("cron.edit", ...)` on the same job does not
    overtake it by joining an older batch.
    """
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
    """Thirty raw gets and ten raw adds that wait together cost no more than two requests of each
    kind.
    """
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
    """The next runs that are asked for after an edit of the schedule are those of the new one,
    though an equal read waits already.
    """
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


@pytest.mark.each_loop
async def test_a_change_of_a_whole_group_is_not_overtaken():
    """A job that is added to a group after `group.empty` was asked for is there, though other adds
    were waiting before.
    """
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
    """Ten tasks that read a job which waits to be changed share one read,
    and all see the change.
    """
    app = emulator()
    async with merging(app) as api:
        (number,) = await made(api, 1)
        results = await together(
            lambda: api.cron.edit(number, name="changed"), *[lambda: api.cron.get(number)] * 10
        )
    assert {job.name for job in results} == {"changed"}
    assert functions(app)[1:] == ["cron.edit", "cron.get"]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "kinds", ["delete edit edit", "get delete edit", "edit delete edit", "edit get delete add"]
)
async def test_calls_of_one_moment_are_sent_as_they_were_made(kinds):
    """Tasks that begin together and use one job make their requests in the order in which they
    called, whoever runs first.
    """
    params = {"edit": {"name": "x"}, "add": {"url": URL, "name": "other"}}
    for _ in range(20):
        app, called = emulator(rates={"fastcron": None}), []
        # Without retries, so that no look for a job that is gone is among the requests.
        async with merging(app, rate=1000.0, retry=None) as api:
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
        assert functions(app)[1:] == called


@pytest.mark.each_loop
async def test_who_leaves_the_line_lets_the_next_go_on():
    """A call that is cancelled while it lines up for its place does not keep those behind it from
    theirs. They go on when the one before it has.
    """
    order = Order()
    first, second, third, fourth = (order.line_up() for _ in range(4))
    moved = []

    async def move_up(line, name):
        await line.move_up()
        moved.append(name)

    async with anyio.create_task_group() as group:
        for line in (second, third):
            with anyio.move_on_after(1.0) as waited:
                await line.move_up()
            assert waited.cancelled_caught
        group.start_soon(move_up, fourth, "fourth")
        group.start_soon(move_up, order.line_up(), "fifth")
        await anyio.wait_all_tasks_blocked()
        assert moved == []
        await move_up(first, "first")
        with anyio.fail_after(1.0):
            await order.line_up().move_up()
    assert moved == ["first", "fourth", "fifth"]


# --- reads that fall back ------------------------------------------------------------------------


@pytest.mark.crowd
async def test_jobs_that_no_cheap_page_shows_are_asked_for_together():
    """Three jobs of a long account are asked for one by one, but several at a time where the
    service takes long to answer.
    """
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


@pytest.mark.each_loop
async def test_gets_at_a_time_are_no_more_than_the_scheduler_seats():
    """However many jobs are asked for one by one, no more requests are under way than the scheduler
    has seats.
    """
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
    """Where the service is down, callers that share a page get its error after the patience of one
    call, and nothing more is sent.
    """
    app = emulator()
    async with merging(app) as api:
        ids = await made(api, 20)
        app.emulator.faults.add(Fault("error", function="cron.list", times=None))
        results = await together(*[lambda number=number: api.cron.get(number) for number in ids])
    assert {type(result) for result in results} == {StatusError}
    assert len({id(result) for result in results}) == 20
    assert Counter(functions(app)) == {"cron.batch_add": 1, "cron.list": 8}


async def test_a_page_that_the_service_refuses_is_nobodys_error():
    """Where the service says no to the list, each caller still gets the job that it asked for, or
    its own error.
    """
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


@pytest.mark.each_loop
async def test_an_outage_amid_single_reads_ends_them():
    """Where the service goes away while jobs are asked for one by one, the rest is not tried one by
    one with a long patience each.
    """
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


# --- what belongs to whom ------------------------------------------------------------------------


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
    """Each caller's error about a shared answer that it cannot use names the attempts that were
    made.
    """
    app = emulator()
    wire = Wire(app)
    async with merging(app, transport=wire) as api:
        wire.broken, wire.answer = "cron_list", {"status": "success", "data": [{"id": "odd"}]}
        results = await together(*[api.cron.list] * 3)
    assert [(type(result), result.attempts) for result in results] == [(ResponseError, 1)] * 3
