"""Many calls as one: what comes out, what it costs, and how it shares the rate with others."""

from __future__ import annotations

import anyio
import pytest

from cronapi import (
    APIError,
    ConfigurationError,
    CronJob,
    NotFoundError,
    UnsupportedFunctionError,
)
from cronapi.emulator import Fault
from tests.support.bulks import LATER, added
from tests.support.emulated import (
    BOTH,
    RATES,
    URL,
    client_of,
    emulator,
    fill,
    paced,
    specs,
    virtual,
)
from tests.support.seen import names, sent

pytestmark = pytest.mark.virtual_clock

# --- what comes out ------------------------------------------------------------------------------


@pytest.mark.few(1)
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


@pytest.mark.few(1)
@BOTH
async def test_every_other_bulk_does_what_its_single_does(provider):
    """Edits, enables, disables, pauses, runs, reads and deletes reach each job once and come back
    in order.
    """
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
    """Groups are deleted one by one, their jobs stay, and one that is not there is a NotFoundError
    in its outcome.
    """
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
    """With `batch=True`, jobs that are changed alike cost one request on a FastCron that still has
    batch_edit.
    """
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
    """Of many ids one that does not exist fails in its own outcome, with the error of the single
    call; the others are done.
    """
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 30)
        for bulk in (api.cron.get_many, api.cron.disable_many, api.cron.delete_many):
            report = await bulk([*ids[:10], 4711, *ids[10:]])
            assert [outcome.index for outcome in report if outcome.status != "done"] == [10]
            assert isinstance(report[10].error, NotFoundError)
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


# --- what it costs -------------------------------------------------------------------------------


@pytest.mark.crowd
async def test_a_thousand_jobs_are_made_read_and_deleted_with_22_requests():
    """1,000 adds, reads and deletes on FastCron take 22 requests, as many as `cost` said before,
    at the whole rate.
    """
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
    assert sent(app) == 22
    assert app.emulator.created("fastcron") == 1000
    assert app.emulator.jobs("fastcron") == []


@pytest.mark.proof
async def test_ten_thousand_adds_take_a_hundred_and_ten_requests():
    """10,000 adds on FastCron take at most 110 requests."""
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(10_000))
        assert bulk.cost().requests <= 110
        assert len((await bulk).done) == 10_000
    assert sent(app) == bulk.cost().requests
    assert len(app.emulator.jobs("fastcron")) == 10_000


@pytest.mark.few(2)
@BOTH
@pytest.mark.parametrize("count", [1, 2, 100, 101])
async def test_a_bulk_costs_what_it_says(provider, count):
    """`cost()` before the start is the number of requests that are then made, for every kind of
    bulk.
    """
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


@pytest.mark.crowd
async def test_reads_use_pages_while_they_are_cheaper():
    """Two jobs of an account cost one page; two jobs behind two full pages are asked for one by
    one, the next time at once.
    """
    app = emulator(rates={"fastcron": None})
    async with client_of(app, scheduler=virtual(1000.0)) as api:
        ids = fill(app, "fastcron", 2500)

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


@pytest.mark.crowd
async def test_a_service_without_batches_gets_single_calls_at_its_rate():
    """On SetCronJob 100 adds are 100 requests and one look before, sent as fast as the limit allows
    and no faster.
    """
    app = emulator()
    async with paced(app, "setcronjob") as api:
        began = anyio.current_time()
        await added(api, 100)
    assert sent(app) == 101
    assert app.emulator.limiters["setcronjob"].refused == 0
    assert 100 / 10 <= anyio.current_time() - began <= 100 / 10 / 0.95


# --- progress ------------------------------------------------------------------------------------


@pytest.mark.few(1)
@BOTH
async def test_progress_counts_up_and_the_rest_falls_to_nothing(provider):
    """`progress` hears each outcome: how many, of how many, and seconds left that end at 0 and are
    right in the middle.
    """
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


@pytest.mark.each_loop
async def test_an_error_in_progress_leaves_the_report():
    """What is known when `progress` raises is in the report, also what it has not heard of yet: the
    whole batch.
    """

    def progress(done, total, eta):
        if done == 7:
            raise KeyError("mine")

    async with paced(emulator()) as api:
        bulk = api.cron.add_many(specs(50), progress=progress)
        with pytest.raises(KeyError):
            await bulk
        assert len(bulk.report.done) == 50


# --- beside others -------------------------------------------------------------------------------


@pytest.mark.crowd
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


@pytest.mark.crowd
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


@pytest.mark.crowd
async def test_max_wait_is_for_single_calls():
    """A client whose calls may wait for a second carries out a bulk of minutes."""
    app = emulator()
    async with paced(app) as api:
        report = await api.with_options(max_wait=1.0).cron.add_many(specs(1000))
    assert len(report.done) == 1000
