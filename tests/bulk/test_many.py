"""Many calls as one under a virtual clock: what comes out, what it costs, and what stays behind. The emulator's state is the judge."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from datetime import UTC, datetime

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint

from cronapi import (
    APIError,
    AuthenticationError,
    BulkError,
    ConfigurationError,
    CronJob,
    NotFoundError,
    ServiceUnavailableError,
    UnsupportedFunctionError,
)
from cronapi.emulator import Fault, create_app
from tests.support.emulated import BOTH, RATES, URL, client_of, emulator, paced, specs, virtual

pytestmark = pytest.mark.virtual_clock

LATER = datetime(2100, 5, 24, 2, 44, 25, tzinfo=UTC)


def names(app, provider="fastcron"):
    return [job["name"] for job in app.emulator.jobs(provider)]


def sent(app, function=None):
    return sum(function in (None, seen.function) for seen in app.emulator.requests)


async def added(api, count):
    report = await api.cron.add_many(specs(count))
    report.raise_for_failures()
    return [outcome.value.id for outcome in report]


async def is_idle(api):
    """Let what was let go of end, and say whether the scheduler has nothing left to do."""
    for _ in range(20):
        await checkpoint()
    stats = api.scheduler.stats
    return stats.in_flight == 0 and not any(stats.waiting.values())


# --- what comes out ----------------------------------------------------------------------------------------------------------------


@BOTH
async def test_jobs_come_back_in_the_order_in_which_they_were_given(provider):
    """Every spec gets the job that was made of it, with a value of its own, in input order."""
    app = emulator()
    async with paced(app, provider) as api:
        report = await api.cron.add_many(specs(230))
    assert [outcome.index for outcome in report] == list(range(230))
    assert all(
        isinstance(outcome.value, CronJob) and outcome.status == "done" for outcome in report
    )
    assert [outcome.value.name for outcome in report] == [spec["name"] for spec in specs(230)]
    assert {row["id"]: row["url"] for row in app.emulator.jobs(provider)} == {
        job.id: job.url for job in report.values
    }
    assert [outcome.given for outcome in report] == specs(230)


@BOTH
async def test_every_other_bulk_does_what_its_single_does(provider):
    """Edits, enables, disables, pauses, runs, reads and deletes reach each job once and come back in order."""
    app = emulator()
    async with paced(app, provider) as api:
        ids = await added(api, 12)
        back = list(reversed(ids))
        edited = await api.cron.edit_many([(number, {"name": f"e{number}"}) for number in back])
        assert [job.name for job in edited.values] == [f"e{number}" for number in back]
        for bulk, status in ((api.cron.disable_many(back), 1), (api.cron.enable_many(back), 0)):
            assert [(job.id, job.status) for job in (await bulk).values] == [
                (number, status) for number in back
            ]
        assert [
            job.id for job in (await api.cron.pause_many(back, for_="15 minutes")).values
        ] == back
        assert all(row["resumes"] for row in app.emulator.jobs(provider))
        await api.cron.enable_many(ids)
        assert (await api.cron.run_many(back, time=LATER)).values == [LATER] * 12
        assert [[run["time"] for run in row["queued"]] for row in app.emulator.jobs(provider)] == [
            [int(LATER.timestamp())]
        ] * 12
        assert [job.id for job in (await api.cron.get_many(back)).values] == back
        assert [job.id for job in (await api.cron.delete_many(back)).values] == back
    assert app.emulator.jobs(provider) == []


@BOTH
async def test_many_groups_are_deleted(provider):
    """Groups are deleted one by one, their jobs stay, and one that is not there is a NotFoundError in its outcome."""
    app = emulator()
    async with paced(app, provider) as api:
        ids = [(await api.group.add(f"g{n}")).id for n in range(3)]
        job = await api.cron.add(url=URL, group=ids[0])
        report = await api.group.delete_many([ids[0], 4711, ids[1]])
        assert [outcome.status for outcome in report] == ["done", "failed", "done"]
        assert isinstance(report[1].error, NotFoundError)
        assert [row["id"] for row in app.emulator.groups(provider)] == [ids[2]]
        assert [row["id"] for row in app.emulator.jobs(provider)] == [job.id]


async def test_edits_may_be_a_mapping_and_none_clears_a_field():
    """`edit_many` takes pairs or a mapping of ids, and None empties what can be emptied."""
    app = emulator()
    async with paced(app, "setcronjob") as api:
        ids = await added(api, 2)
        report = await api.cron.edit_many({ids[0]: {"name": None}, ids[1]: {"url": f"{URL}/new"}})
        assert [job.id for job in report.values] == ids
    assert [(row["name"], row["url"]) for row in app.emulator.jobs("setcronjob")] == [
        ("", f"{URL}/0"),
        ("n1", f"{URL}/new"),
    ]


async def test_equal_edits_share_a_request_where_the_service_can():
    """With `batch=True`, jobs that are changed alike cost one request on a FastCron that still has batch_edit."""
    app = emulator(era="seed")
    async with paced(app) as api:
        ids = await added(api, 6)
        before = sent(app)
        report = await api.cron.edit_many(
            [(n, {"timeout": 10 if n % 2 else 20}) for n in ids], batch=True
        )
        assert [job.timeout for job in report.values] == [10 if n % 2 else 20 for n in ids]
        assert sent(app) - before == 2
        app.emulator.faults.add(Fault("lose", function="cron.batch_edit"))
        report = await api.cron.edit_many(
            [*((n, {"name": "x"}) for n in ids), (4711, {"name": "x"})], batch=True
        )
        assert [outcome.status for outcome in report] == ["done"] * 6 + ["failed"]
        assert isinstance(report[6].error, APIError)
    assert names(app) == ["x"] * 6


async def test_equal_edits_cannot_share_a_request_where_the_service_cannot():
    """`batch=True` on a service without batch_edit says so at once."""
    app = emulator()
    async with paced(app, "setcronjob") as api:
        with pytest.raises(UnsupportedFunctionError):
            api.cron.edit_many([(1, {"name": "x"})], batch=True)
    assert sent(app) == 0


async def test_an_unknown_id_fails_alone():
    """Of many ids one that does not exist fails in its own outcome, with the error of the single call; the others are done."""
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 30)
        for bulk in (api.cron.get_many, api.cron.disable_many, api.cron.delete_many):
            report = await bulk([*ids[:10], 4711, *ids[10:]])
            assert [outcome.index for outcome in report if outcome.status != "done"] == [10]
            assert isinstance(
                report[10].error, APIError if bulk == api.cron.disable_many else NotFoundError
            )
            assert report[10].error.function in ("cron.get", "cron.disable", "cron.delete")
    assert app.emulator.jobs("fastcron") == []


async def test_an_id_may_be_read_twice():
    """`get_many` answers an id that is given twice in both places, with one request."""
    app = emulator()
    async with paced(app) as api:
        (number,) = await added(api, 1)
        before = sent(app)
        bulk = api.cron.get_many([number, number])
        assert bulk.cost().requests == 1
        assert [job.id for job in (await bulk).values] == [number, number]
        assert sent(app) - before == 1


# --- what it costs -----------------------------------------------------------------------------------------------------------------


async def test_a_thousand_jobs_are_made_read_and_deleted_with_sixty_requests():
    """1,000 adds, reads and deletes on FastCron take at most 60 requests, the number that `cost` had named, at the whole rate."""
    app = emulator()
    async with paced(app) as api:

        async def checked(bulk):
            cost, before, began = bulk.cost(), sent(app), anyio.current_time()
            report = await bulk
            report.raise_for_failures()
            assert sent(app) - before == cost.requests
            assert anyio.current_time() - began <= cost.seconds / 0.9 + 1
            return [outcome.value.id for outcome in report]

        ids = await checked(api.cron.add_many(specs(1000)))
        assert await checked(api.cron.get_many(ids)) == ids
        assert await checked(api.cron.delete_many(ids)) == ids
    assert sent(app) <= 60
    assert app.emulator.created("fastcron") == 1000
    assert app.emulator.jobs("fastcron") == []


async def test_ten_thousand_adds_take_a_hundred_and_ten_requests():
    """10,000 adds on FastCron take at most 110 requests."""
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(10_000))
        assert bulk.cost().requests <= 110
        assert len((await bulk).done) == 10_000
    assert sent(app) == bulk.cost().requests
    assert len(app.emulator.jobs("fastcron")) == 10_000


@BOTH
@pytest.mark.parametrize("count", [1, 2, 100, 101])
async def test_a_bulk_costs_what_it_says(provider, count):
    """`cost()` before the start is the number of requests that are then made, for every kind of bulk."""
    app = emulator()
    async with paced(app, provider) as api:

        async def checked(bulk):
            before, cost = sent(app), bulk.cost()
            report = await bulk
            report.raise_for_failures()
            assert sent(app) - before == cost.requests, report
            assert cost.seconds == pytest.approx(cost.requests / RATES[provider])
            return [outcome.value.id for outcome in report]

        ids = await checked(api.cron.add_many(specs(count)))
        await checked(api.cron.edit_many([(number, {"name": "x"}) for number in ids]))
        await checked(api.cron.disable_many(ids))
        await checked(api.cron.get_many(ids))
        await checked(api.cron.delete_many(ids))


async def test_an_input_of_unknown_length_has_no_cost():
    """A generator does not tell how long it is, so `cost` says that it cannot know."""
    async with paced(emulator()) as api:
        with pytest.raises(ConfigurationError, match="no length"):
            api.cron.add_many(spec for spec in specs(3)).cost()


async def test_reads_use_pages_while_they_are_cheaper():
    """Two jobs of an account cost one page; two jobs behind two full pages are asked for one by one, the next time at once."""
    app = emulator(rates={"fastcron": None})
    async with client_of(app, scheduler=virtual(1000.0)) as api:
        ids = await added(api, 2500)

        async def cost(wanted):
            before = sent(app)
            assert [job.id for job in (await api.cron.get_many(wanted)).values] == wanted
            return sent(app) - before

        assert await cost(ids[:2]) == 1
        assert await cost(ids[-1:]) == 1
        assert await cost(ids[-2:]) <= 4
        assert await cost(list(reversed(ids))) == 3
        assert await cost(ids[-2:]) == 2
        assert await cost(ids[:1000:100]) == 1
        report = await api.cron.get_many([*ids, 4711])
        assert isinstance(report[2500].error, NotFoundError)


async def test_a_service_without_batches_gets_single_calls_at_its_rate():
    """On SetCronJob 100 adds are 100 requests and one look before, sent as fast as the limit allows and no faster."""
    app = emulator()
    async with paced(app, "setcronjob") as api:
        began = anyio.current_time()
        await added(api, 100)
    assert sent(app) == 101
    assert app.emulator.limiters["setcronjob"].refused == 0
    assert 100 / 10 <= anyio.current_time() - began <= 100 / 10 / 0.95


# --- as they come ------------------------------------------------------------------------------------------------------------------


@BOTH
async def test_a_long_generator_is_read_no_further_than_needed(provider):
    """Of thousands of generated specs a bounded number is read ahead of the outcomes that have been taken."""
    app, read = emulator(rates={provider: None}), [0]

    def generate():
        for spec in specs(6_000 if provider == "fastcron" else 2_000):
            read[0] += 1
            yield spec

    furthest = taken = 0
    async with client_of(app, provider, scheduler=virtual(10_000.0)) as api:
        async for outcome in api.cron.add_many(generate()):
            taken += 1
            furthest = max(furthest, read[0] - taken)
            assert outcome.status == "done"
    assert taken == read[0] == len(app.emulator.jobs(provider))
    assert furthest <= 1_500


async def test_who_takes_no_outcomes_holds_the_bulk_back():
    """While nobody takes outcomes, no more than a bounded number of items is sent."""
    app = emulator(rates={"fastcron": None})
    async with client_of(app, scheduler=virtual(10_000.0)) as api:
        outcomes = aiter(api.cron.add_many(spec for spec in specs(5000)))
        await anext(outcomes)
        await anyio.sleep(3600)
        made = len(app.emulator.jobs("fastcron"))
        assert made <= 1500
        await outcomes.aclose()
        await anyio.sleep(3600)
        assert len(app.emulator.jobs("fastcron")) == made
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)


@BOTH
@pytest.mark.parametrize("way", ["break", "raise", "progress"])
async def test_who_breaks_out_sends_nothing_more(provider, way):
    """After a `break`, an error in the loop or one in `progress` nothing more is sent and nothing is left running."""
    app = emulator()
    tasks = len(asyncio.all_tasks()) if is_asyncio() else 0

    async def leave(api):
        def progress(done, total, eta):
            if way == "progress" and done == 20:
                raise KeyError("mine")

        async for outcome in api.cron.add_many((spec for spec in specs(1000)), progress=progress):
            if way == "raise" and outcome.index == 20:
                raise KeyError("mine")
            if outcome.index == 20:
                break

    async with paced(app, provider) as api:
        if way == "break":
            await leave(api)
        else:
            with pytest.raises(KeyError, match="mine"):
                await leave(api)
        assert await is_idle(api)
        made = len(app.emulator.jobs(provider))
        assert made < 150
        await anyio.sleep(60)
        assert len(app.emulator.jobs(provider)) == made
        if is_asyncio():
            assert len(asyncio.all_tasks()) == tasks
        assert await api.cron.list()


def is_asyncio():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@BOTH
async def test_a_bulk_that_is_cancelled_sends_nothing_more(provider):
    """A cancelled bulk drops what waits, lets what is under way end, and leaves the client whole."""
    app = emulator()
    async with paced(app, provider) as api:
        with anyio.move_on_after(3.5) as scope:
            await api.cron.add_many(specs(1000))
        assert scope.cancelled_caught
        assert await is_idle(api)
        made = len(app.emulator.jobs(provider))
        await anyio.sleep(60)
        assert 0 < len(app.emulator.jobs(provider)) == made < 500
        assert (await api.cron.add(url=URL)).id


async def test_a_task_that_is_cancelled_takes_its_bulk_along():
    """Cancelling the task that awaits a bulk, in asyncio's own way too, ends the bulk."""
    app = emulator()
    async with paced(app) as api:

        async def work():
            await api.cron.add_many(specs(1000))

        if is_asyncio():
            task = asyncio.create_task(work())
            await anyio.sleep(2.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with anyio.create_task_group() as group:
                group.start_soon(work)
                await anyio.sleep(2.5)
                group.cancel_scope.cancel()
        assert await is_idle(api)
        made = len(app.emulator.jobs("fastcron"))
        await anyio.sleep(60)
        assert len(app.emulator.jobs("fastcron")) == made < 500


async def test_a_bulk_cancelled_in_the_middle_of_a_request_lets_it_end():
    """What was sent when a bulk is cancelled ends by itself, and the seat comes free."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("stall", function="cron.batch_add", seconds=5.0))
        with anyio.move_on_after(2):
            await api.cron.add_many(specs(500))
        await anyio.sleep(10)
        assert await is_idle(api)
        assert len(app.emulator.jobs("fastcron")) == 100


async def test_outcomes_dropped_in_another_thread_end_the_bulk():
    """Where the outcomes are let go of by another thread, the bulk ends all the same."""
    app = emulator()
    async with paced(app) as api:
        held = [aiter(api.cron.add_many(iter(specs(1000))))]
        await anext(held[0])
        await anyio.to_thread.run_sync(held.clear)
        await anyio.sleep(0.1)
        assert await is_idle(api)
        await anyio.sleep(60)
    assert len(app.emulator.jobs("fastcron")) < 500


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_outcomes_dropped_after_their_loop_are_no_mistake(backend):
    """Whoever keeps the outcomes longer than the event loop that made them can let go of them in peace."""

    async def begin():
        api = client_of(create_app(rates={"fastcron": None}))
        outcomes = aiter(api.cron.add_many(iter(specs(2000))))
        await anext(outcomes)
        return outcomes

    outcomes = anyio.run(begin, backend=backend)
    del outcomes
    gc.collect()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_bulk_on_another_event_loop_is_refused(backend):
    """A client that was used on one loop says so on the next, whatever bulk it is asked for, and nothing is sent."""
    app = create_app(rates={"fastcron": None})
    api, said = client_of(app), "belongs to another event loop"

    async def first():
        assert len((await api.cron.add_many(specs(2))).done) == 2

    async def second():
        with pytest.raises(ConfigurationError, match=said):
            await api.cron.add_many(specs(300))
        for bulk in (
            api.cron.add_many(specs(1)),
            api.cron.delete_many(iter(range(300))),
            api.cron.get_many([1, 2]),
            api.cron.enable_many([1]),
        ):
            report = await bulk
            assert report.failed
            assert not report.done + report.unknown
            assert all(
                isinstance(outcome.error, ConfigurationError) and said in str(outcome.error)
                for outcome in report.failed
            )

    anyio.run(first, backend=backend)
    before = sent(app)
    anyio.run(second, backend=backend)
    assert sent(app) == before


@pytest.mark.parametrize("way", ["break", "cancel", "end", "wrong token"])
@pytest.mark.parametrize("kind", ["generator", "async generator"])
async def test_the_input_is_closed(way, kind):
    """However a bulk ends, the generator that it reads is closed, so that files and connections in it are."""
    app, closed = emulator(), []

    def generate():
        try:
            yield from specs(500)
        finally:
            closed.append("generator")

    async def generate_async():
        try:
            for spec in specs(500):
                yield spec
        finally:
            await checkpoint()
            closed.append("async generator")

    async with paced(app, **({"token": "f" * 32} if way == "wrong token" else {})) as api:
        with anyio.move_on_after(3 if way == "cancel" else 1000):
            async for _ in api.cron.add_many(
                generate() if kind == "generator" else generate_async()
            ):
                if way == "break":
                    break
        await anyio.sleep(1)
        assert closed == [kind]


async def test_a_page_that_cannot_be_read_fails_what_it_would_have_shown():
    """Where the list fails, the reads that were to come from it fail with its error and not as if there were no such job."""
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 50)
        app.emulator.faults.add(Fault("outage", function="cron.list", times=None))
        report = await api.cron.get_many(ids)
    assert {type(outcome.error) for outcome in report} == {ServiceUnavailableError}


async def test_a_bulk_that_nobody_begins_does_nothing():
    """Making a bulk sends nothing, and whoever forgets to await it is warned as with a coroutine."""
    app = emulator()
    async with paced(app) as api:
        with pytest.warns(
            RuntimeWarning, match=r"cron\.add_many was never awaited: nothing was sent"
        ):
            api.cron.add_many(specs(10))
        aiter(api.cron.add_many(specs(10)))
        gc.collect()
        await anyio.sleep(10)
    assert sent(app) == 0


async def test_a_bulk_that_was_used_is_dropped_without_a_word():
    """One that was only asked for its cost, one that could not be made, and one that was carried out cause no warning."""
    async with paced(emulator()) as api:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert api.cron.add_many(specs(200)).cost().requests == 3
            with pytest.raises(ConfigurationError, match="at least one"):
                api.cron.add_many([])
            await api.cron.add_many(specs(2))
            gc.collect()
    assert [
        str(warning.message) for warning in caught if issubclass(warning.category, RuntimeWarning)
    ] == []


async def test_a_bulk_is_carried_out_once():
    """Awaiting or iterating a second time is refused, whatever the first was."""
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(3))
        await bulk
        with pytest.raises(ConfigurationError, match="once"):
            await bulk
        with pytest.raises(ConfigurationError, match="once"):
            async for _ in bulk:
                pass
        assert len(bulk.report.done) == 3
    assert len(app.emulator.jobs("fastcron")) == 3


# --- inputs ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["list", "generator", "async generator"])
async def test_any_iterable_is_an_input(kind):
    """Lists, generators and async generators give the same report."""
    app = emulator()

    async def generate():
        for spec in specs(250):
            await checkpoint()
            yield spec

    given = {"list": specs(250), "generator": iter(specs(250)), "async generator": generate()}[kind]
    async with paced(app) as api:
        report = await api.cron.add_many(given)
    assert (
        [job.name for job in report.values] == names(app) == [spec["name"] for spec in specs(250)]
    )


async def test_an_input_that_raises_in_the_middle_says_where():
    """The error names the index, and the report has what was read before, all of it carried out."""
    app = emulator()

    def generate():
        yield from specs(150)
        raise ZeroDivisionError

    async with paced(app) as api:
        bulk = api.cron.add_many(generate())
        with pytest.raises(ConfigurationError, match="150") as broken:
            await bulk
        assert isinstance(broken.value.__cause__, ZeroDivisionError)
        assert [outcome.index for outcome in bulk.report.done] == list(range(150))
    assert len(app.emulator.jobs("fastcron")) == 150


@pytest.mark.parametrize("count", [0, 50, 150, 350])
async def test_an_input_that_awaits_something_cancelled_says_where(count):
    """A CancelledError of the input's own breaks it off like any error: what was read before is done, and the report has it."""
    app = emulator()

    async def generate():
        for spec in specs(count):
            yield spec
        raise asyncio.CancelledError  # as does `await task` of a task that somebody has cancelled

    async with paced(app) as api:
        bulk = api.cron.add_many(generate())
        with pytest.raises(ConfigurationError, match=f"cancelled at item {count}"):
            await bulk
        assert sorted(outcome.index for outcome in bulk.report.done) == list(range(count))
        assert len(bulk.report) == count
        assert await is_idle(api)
    assert len(app.emulator.jobs("fastcron")) == count


async def test_an_input_that_awaits_something_cancelled_breaks_off_what_is_resumed_too(tmp_path):
    """Where the input fails so while a journal is gone through, the bulk says it and does not seem to have ended well."""
    app, journal = emulator(), tmp_path / "journal.jsonl"

    async def generate(count):
        for spec in specs(count):
            yield spec
        raise asyncio.CancelledError

    async with paced(app) as api:
        await api.cron.add_many(specs(20), journal=journal)
        with pytest.raises(ConfigurationError):
            await api.cron.add_many(generate(10), journal=journal)
    assert len(app.emulator.jobs("fastcron")) == 20


async def test_the_rest_of_an_input_that_awaits_something_cancelled_is_not_tried():
    """Where a wrong token stops a bulk and its input fails so afterwards, all that could be read has an outcome."""

    async def generate():
        for spec in specs(700):
            yield spec
        raise asyncio.CancelledError

    async with paced(emulator(), token="f" * 32) as api:
        report = await api.cron.add_many(generate())
    assert len(report) == 700
    assert report.failed
    assert report.not_tried


@pytest.mark.parametrize(
    "bad", [{"name": "no url"}, 7, {"url": URL, "urrl": "x"}, {"url": URL, "timeout": b"x"}, None]
)
async def test_a_bad_spec_is_named_by_its_index(bad):
    """In a list nothing is sent where one item cannot be used; in a generator what comes before it is carried out."""
    app = emulator()
    async with paced(app) as api:
        with pytest.raises(ConfigurationError, match=r"^cron\.add_many: item 120: "):
            api.cron.add_many([*specs(120), bad, *specs(3)])
        assert sent(app) == 0
        bulk = api.cron.add_many(spec for spec in [*specs(120), bad, *specs(3)])
        with pytest.raises(ConfigurationError, match=r"^cron\.add_many: item 120: "):
            await bulk
        assert [outcome.index for outcome in bulk.report] == list(range(120))
    assert len(app.emulator.jobs("fastcron")) == 120


async def test_an_empty_input_is_refused():
    """A bulk of nothing is a mistake, whether the input shows it before it begins or not."""
    async with paced(emulator()) as api:
        for make in (
            api.cron.add_many,
            api.cron.get_many,
            api.cron.delete_many,
            api.cron.edit_many,
            api.group.delete_many,
        ):
            with pytest.raises(ConfigurationError, match="at least one"):
                make([])
            with pytest.raises(ConfigurationError, match="at least one"):
                await make(iter([]))


async def test_an_id_that_is_deleted_twice_is_refused():
    """`delete_many` names the second place of an id that is given twice, and anything that is no id."""
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 3)
        with pytest.raises(
            ConfigurationError, match=r"^cron\.delete_many: item 3: It is the same id as item 1"
        ):
            api.cron.delete_many([*ids, ids[1]])
        for bad in ("1", True, 1.0, None):
            with pytest.raises(ConfigurationError, match=r"^cron\.delete_many: item 1: "):
                api.cron.delete_many([ids[0], bad])
        with pytest.raises(ConfigurationError, match=r"^cron\.edit_many: item 0: "):
            api.cron.edit_many([(ids[0],)])
        with pytest.raises(ConfigurationError, match=r"^cron\.edit_many: item 1: "):
            api.cron.edit_many({ids[0]: {"name": "x"}, ids[1]: {"nam": "x"}})
        bulk = api.cron.delete_many(iter([*ids, ids[1]]))
        with pytest.raises(
            ConfigurationError, match=r"^cron\.delete_many: item 3: It is the same id as item 1"
        ):
            await bulk
        assert len(bulk.report.done) == 3
    assert app.emulator.jobs("fastcron") == []


# --- what stops it -----------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("count", [3, 250])
async def test_a_wrong_token_stops_it_all(provider, count):
    """A wrong token fails what was tried, the rest is not tried, and a handful of requests is made."""
    app = emulator()
    async with paced(app, provider, token="f" * 32) as api:
        report = await api.cron.add_many(specs(count))
        assert len(report) == count
        assert report.failed
        assert {type(outcome.error) for outcome in report.failed} == {AuthenticationError}
        assert len(report.failed) + len(report.not_tried) == count
        assert sent(app) <= 12
        ids = await api.cron.disable_many(range(1, 51))
        assert len(ids.failed) + len(ids.not_tried) == 50
        assert len(ids.failed) <= 10
        with pytest.raises(BulkError) as failures:
            report.raise_for_failures()
        assert failures.value.report is report


async def test_an_outage_longer_than_the_patience_stops_it():
    """While the service refuses everything for longer than a call is repeated, what was tried failed and the rest is not tried."""
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(1000))
        async with anyio.create_task_group() as group:

            async def outage():
                await anyio.sleep(3.2)
                app.emulator.faults.add(Fault("outage", times=None))

            group.start_soon(outage)
            report = await bulk
    assert len(report) == 1000
    assert {type(outcome.error) for outcome in report.failed} == {ServiceUnavailableError}
    assert {outcome.index for outcome in report.done} == {int(name[1:]) for name in names(app)}
    assert len(report.not_tried) >= 400
    assert not report.unknown


async def test_closing_the_client_stops_a_bulk():
    """A client that is closed while a bulk runs lets what is under way end; the rest failed or was not tried, and nothing is lost."""
    app = emulator()
    api = paced(app)
    async with anyio.create_task_group() as group:

        async def close():
            await anyio.sleep(3.5)
            await api.aclose()

        group.start_soon(close)
        report = await api.cron.add_many(specs(1000))
    assert len(report) == 1000
    assert {type(outcome.error) for outcome in report.failed} == {ConfigurationError}
    assert {outcome.index for outcome in report.done} == {int(name[1:]) for name in names(app)}
    assert report.not_tried


# --- progress ----------------------------------------------------------------------------------------------------------------------


@BOTH
async def test_progress_counts_up_and_the_rest_falls_to_nothing(provider):
    """`progress` hears each outcome: how many, of how many, and seconds left that end at 0 and are right in the middle."""
    app, heard = emulator(), []
    async with paced(app, provider) as api:
        began = anyio.current_time()
        await api.cron.add_many(
            specs(500), progress=lambda *facts: heard.append((anyio.current_time() - began, *facts))
        )
        took = anyio.current_time() - began
    assert [done for _, done, _, _ in heard] == list(range(1, 501))
    assert {total for _, _, total, _ in heard} == {500}
    assert heard[-1][3] == 0
    assert all(eta >= 0 for _, _, _, eta in heard)
    at, _, _, eta = heard[299]
    assert at + eta == pytest.approx(took, rel=0.25)


async def test_progress_of_a_generator_knows_no_end():
    """Where the input does not tell its length, neither the total nor the seconds are known."""
    heard = []
    async with paced(emulator()) as api:
        await api.cron.add_many(iter(specs(20)), progress=lambda *facts: heard.append(facts))
    assert heard == [(count, None, None) for count in range(1, 21)]


async def test_an_error_in_progress_leaves_the_report():
    """What is known when `progress` raises is in the report, also what it has not heard of yet: the whole batch."""

    def progress(done, total, eta):
        if done == 7:
            raise KeyError("mine")

    async with paced(emulator()) as api:
        bulk = api.cron.add_many(specs(50), progress=progress)
        with pytest.raises(KeyError):
            await bulk
        assert len(bulk.report.done) == 50


# --- beside others -----------------------------------------------------------------------------------------------------------------


async def test_an_interactive_call_gets_the_next_slot():
    """While a bulk of 2,000 runs, a single call waits for no more than the next slots."""
    app, waits = emulator(), []
    async with paced(app) as api, anyio.create_task_group() as group:
        group.start_soon(finish, api.cron.add_many(specs(2000)))
        await anyio.sleep(3.3)
        for _ in range(3):
            began = anyio.current_time()
            await api.cron.list()
            waits.append(anyio.current_time() - began)
            await anyio.sleep(1.5)
    assert max(waits) <= 1.1
    assert len(app.emulator.jobs("fastcron")) == 2000


async def finish(bulk):
    (await bulk).raise_for_failures()


async def test_two_bulks_at_once_share_fairly():
    """Two bulks of one client both finish, side by side and not one after the other."""
    app, ends = emulator(), []
    async with paced(app) as api:

        async def run(word):
            report = await api.cron.add_many([{"url": f"{URL}/{word}/{n}"} for n in range(1000)])
            ends.append(anyio.current_time())
            assert len(report.done) == 1000

        async with anyio.create_task_group() as group:
            group.start_soon(run, "a")
            group.start_soon(run, "b")
    assert len(app.emulator.jobs("fastcron")) == 2000
    assert ends[1] - ends[0] <= 4


async def test_max_wait_is_for_single_calls():
    """A client whose calls may wait for a second carries out a bulk of minutes."""
    app = emulator()
    async with paced(app) as api:
        report = await api.with_options(max_wait=1.0).cron.add_many(specs(1000))
    assert len(report.done) == 1000


# --- ensure ------------------------------------------------------------------------------------------------------------------------


async def test_ensure_makes_a_job_once_and_edits_what_differs():
    """The first call adds, an equal one changes nothing, and a different one edits that very job."""
    app = emulator()
    async with paced(app) as api:
        first = await api.cron.ensure(
            name="nightly", url=URL, timeout=20, http_headers={"X-A": "1"}, notify=False
        )
        again = await api.cron.ensure(
            name="nightly", url=URL, timeout=20, http_headers={"X-A": "1"}, notify=False
        )
        assert again == first
        assert sent(app, "cron.edit") == 0
        other = await api.cron.ensure(name="nightly", url=URL, timeout=25)
        assert (other.id, other.timeout, other.http_headers) == (first.id, 25, first.http_headers)
        assert (sent(app, "cron.add"), sent(app, "cron.edit")) == (1, 1)


class Empty(httpx.AsyncBaseTransport):
    """Shows an empty password in every row of a list, as the services' documentation does."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request):
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("/cron_list"):
            return response
        body = json.loads(await response.aread())
        return httpx.Response(
            200, json=body | {"data": [row | {"password": ""} for row in body["data"]]}
        )


@pytest.mark.parametrize("shows", [httpx.ASGITransport, Empty])
async def test_ensure_always_sends_a_password(shows):
    """Services show no password or an empty one, so nobody can tell whether it is the right one: each call sets it."""
    app = emulator()
    async with paced(app, transport=shows(app)) as api:
        await api.cron.ensure(name="nightly", url=URL, password="old")
        for password in ("new", "new", ""):
            before = sent(app, "cron.edit")
            await api.cron.ensure(name="nightly", url=URL, password=password)
            assert sent(app, "cron.edit") - before == 1
        before = sent(app, "cron.edit")
        await api.cron.ensure(name="nightly", url=URL)
        assert sent(app, "cron.edit") == before


async def test_ensure_takes_only_the_exact_name():
    """A job whose name or url only contains the name is another job; of several of the name it is the oldest."""
    app = emulator()
    async with paced(app) as api:
        await api.cron.add_many(
            [
                {"url": URL, "name": "nightly 2"},
                {"url": f"{URL}/nightly"},
                {"url": URL, "name": "Nightly"},
            ]
        )
        job = await api.cron.ensure(name="nightly", url=URL)
        twin = await api.cron.add(name="nightly", url=URL)
        assert (await api.cron.ensure(name="nightly", url=URL)).id == job.id != twin.id
    assert len(app.emulator.jobs("fastcron")) == 5


async def test_ensure_from_several_tasks_makes_one_job():
    """Ten tasks that ensure the same name at once get the same job."""
    app, ids = emulator(), []

    async def ensure(api):
        ids.append((await api.cron.ensure(name="nightly", url=URL)).id)

    async with paced(app) as api, anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(ensure, api)
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == list(set(ids))


async def test_ensure_that_is_cancelled_while_it_waits_lets_the_others_on():
    """A task that goes away while another ensures the same name keeps nobody waiting."""
    app = emulator()
    async with paced(app) as api, anyio.create_task_group() as group:
        app.emulator.faults.add(Fault("stall", function="cron.list", seconds=5.0))
        group.start_soon(lambda: api.cron.ensure(name="nightly", url=URL))
        await anyio.sleep(1)
        with anyio.move_on_after(1) as scope:
            await api.cron.ensure(name="nightly", url=URL)
        assert scope.cancelled_caught
        await api.cron.ensure(name="nightly", url=URL)
    assert names(app) == ["nightly"]


@pytest.mark.parametrize("coalesce", [False, True])
@pytest.mark.parametrize("held", [5.0, 12.0])
async def test_ensure_that_is_cancelled_while_its_add_is_under_way_makes_no_second_job(
    held, coalesce
):
    """Whoever ensures a name that another has just left waits for what is on its way, also where that comes after the timeout of 10 s."""
    app = emulator()
    app.emulator.faults.add(Fault("stall_before", function="cron.add", seconds=held))
    async with (
        paced(app, timeout=10.0, coalesce=coalesce) as api,
        client_of(app, scheduler=virtual(1.0)) as other,
    ):
        with anyio.move_on_after(3) as scope:
            await api.cron.ensure(name="nightly", url=URL)
        assert scope.cancelled_caught
        await other.cron.ensure(name="nightly", url=URL)
    assert names(app) == ["nightly"]


async def test_ensure_reads_every_page():
    """A name that is found on the second page only is found."""
    app = emulator(rates={"fastcron": None})
    async with client_of(app, scheduler=virtual(1000.0)) as api:
        await api.cron.add_many(
            [{"url": f"{URL}/{n}", "name": f"nightly {n}"} for n in range(1100)]
        )
        job = await api.cron.add(url=URL, name="nightly")
        before = sent(app)
        assert (await api.cron.ensure(name="nightly", url=URL)).id == job.id
        assert (
            sent(app) - before == 3
        )  # down the pages and up again, past which no delete can move a job


async def test_ensure_takes_no_error_for_absence():
    """Where the list cannot be read, the error comes out and nothing is made."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("outage", function="cron.list", times=None))
        with pytest.raises(ServiceUnavailableError):
            await api.cron.ensure(name="nightly", url=URL)
        with pytest.raises(ConfigurationError, match="name"):
            await api.cron.ensure(url=URL)
    assert app.emulator.created("fastcron") == 0
