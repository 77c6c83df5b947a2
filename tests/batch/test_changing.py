"""Batches of deletes, edits and runs when answers get lost or batches are refused."""

from __future__ import annotations

from functools import partial

import pytest

from cronapi import (
    NotFoundError,
    RetryPolicy,
)
from cronapi._calls.retry import MOST_GARBLED
from cronapi.emulator import Fault
from tests.support.bulks import LATER, HalfThenNo, added
from tests.support.emulated import (
    BOTH,
    LOST,
    emulator,
    paced,
    specs,
    together,
)
from tests.support.seen import sent

pytestmark = pytest.mark.virtual_clock


@pytest.mark.few(5)
@pytest.mark.parametrize("kind", LOST)
async def test_deletes_whose_answer_is_lost_are_done(kind):
    """However the answer to a batch of deletes gets lost, every job is gone and every item done."""
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 250)
        app.emulator.faults.add(Fault(kind, function="cron.batch_delete", times=2))
        report = await api.cron.delete_many(ids[:240])
    assert [job.id for job in report.values] == ids[:240]
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == ids[240:]


@pytest.mark.parametrize("coalesce", [False, True])
async def test_deletes_whose_answer_cannot_be_read_are_sent_once_more(coalesce):
    """A batch of deletes that gave up on answers that nobody can read is sent once more before its
    items would be unknown.
    """
    app = emulator()
    async with paced(app, coalesce=coalesce) as api:
        ids = await added(api, 250)
        app.emulator.faults.add(Fault("garbage", function="cron.batch_delete", times=MOST_GARBLED))
        if coalesce:
            assert [
                job.id
                for job in await together(
                    *(partial(api.cron.delete, number) for number in ids[:80])
                )
            ] == ids[:80]
        else:
            assert [job.id for job in (await api.cron.delete_many(ids[:80])).values] == ids[:80]
    assert len(app.emulator.faults.fired) == MOST_GARBLED
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == ids[80:]


async def test_edits_whose_answer_cannot_be_read_are_sent_once_more():
    """A batch of edits that gave up on answers that nobody can read is sent once more; where that
    is in vain, too, it is unknown.
    """
    app = emulator(era="seed")
    async with paced(app) as api:
        ids = await added(api, 20)
        app.emulator.faults.add(Fault("garbage", function="cron.batch_edit", times=MOST_GARBLED))
        report = await api.cron.edit_many([(number, {"timeout": 20}) for number in ids], batch=True)
        assert [job.timeout for job in report.values] == [20] * 20
        app.emulator.faults.add(Fault("garbage", function="cron.batch_edit", times=None))
        report = await api.cron.edit_many([(number, {"timeout": 30}) for number in ids], batch=True)
    assert len(report.unknown) == 20
    assert sent(app, "cron.batch_edit") == MOST_GARBLED + 1 + 2 * MOST_GARBLED


async def test_without_retry_lost_deletes_are_unknown():
    """With `retry=None` the items of a batch of deletes whose answer is lost, or which is refused,
    are unknown.
    """
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 150)
        app.emulator.faults.add(Fault("half", function="cron.batch_delete"))
        once = api.with_options(retry=None)
        report = await once.cron.delete_many(ids)
        assert (len(report.unknown), len(report.done)) == (100, 50)
        assert len(app.emulator.jobs("fastcron")) == 50
        report = await once.cron.delete_many([*ids[50:100], 4711])
        assert len(report.unknown) == 51
    assert len(app.emulator.jobs("fastcron")) == 50


@pytest.mark.crowd
async def test_an_unknown_id_costs_a_batch_of_deletes_little():
    """A batch of a hundred with an id that does not exist deletes the others, with five requests:
    the list is read once, with its end, and its page again.
    """
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 99)
        before = sent(app)
        report = await api.cron.delete_many([*ids[:50], 4711, *ids[50:]])
        assert sent(app) - before == 5
    assert [outcome.index for outcome in report.failed] == [50]
    assert isinstance(report[50].error, NotFoundError)
    assert app.emulator.jobs("fastcron") == []


@pytest.mark.each_value
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("listed", ["added", "listed"])
async def test_what_a_refused_batch_of_deletes_did_is_done(times, listed):
    """Where a refused batch was half carried out, jobs that this client had seen are done; ids that
    never were there fail.
    """
    app = emulator()
    async with paced(app) as api:
        ids = await added(api, 40)
    async with paced(app, transport=HalfThenNo(app, times)) as api:
        if listed == "listed":
            await api.cron.list()
        else:
            ids = [job.id for job in (await api.cron.add_many(specs(40, "more"))).values]
        report = await api.cron.delete_many([*ids[:30], 4711, *ids[30:]])
    assert [outcome.index for outcome in report.failed] == [30]
    assert isinstance(report[30].error, NotFoundError)
    assert len(report.done) == 40
    assert not {row["id"] for row in app.emulator.jobs("fastcron")} & set(ids)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_refused_batch_of_deletes_that_cannot_be_looked_at(lost):
    """Where the jobs cannot be listed after a refusal, the items are unknown: nothing tells if the
    batch was carried out in part.
    """
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=3)) as api:
        ids = await added(api, 20)
        if lost:
            app.emulator.faults.add(Fault("half", function="cron.batch_delete"))
        app.emulator.faults.add(Fault("reset", function="cron.list", times=None))
        report = await api.cron.delete_many([*ids, 4711])
    assert {outcome.status for outcome in report} == {"unknown"}
    assert len(app.emulator.jobs("fastcron")) == (10 if lost else 20)


@pytest.mark.crowd
async def test_a_batch_of_deletes_that_is_too_large_is_halved():
    """A client that has not learnt how many items a batch may have deletes them all,
    and learns it.
    """
    app = emulator(max_batch=30)
    async with paced(app) as api:
        ids = await added(api, 150)
    async with paced(app) as api:
        assert len((await api.cron.delete_many(ids[:100])).done) == 100
        before = sent(app)
        assert len((await api.cron.delete_many(ids[100:])).done) == 50
        assert sent(app) - before == 2
    assert app.emulator.jobs("fastcron") == []


async def test_jobs_that_were_deleted_before_are_not_there_to_delete():
    """A job that this client has deleted, or found gone, is a NotFoundError in a later batch,
    though it had seen it once.
    """
    app = emulator()
    async with paced(app) as api, paced(app) as other:
        ids = await added(api, 6)
        await api.cron.delete(ids[0])
        await api.cron.batch_delete(ids[1:2])
        await api.cron.delete_many(ids[2:4])
        await other.cron.delete(ids[4])
        with pytest.raises(NotFoundError):
            await api.cron.get(ids[4])
        report = await api.cron.delete_many(ids)
    assert [outcome.status for outcome in report] == ["failed"] * 5 + ["done"]
    assert {type(outcome.error) for outcome in report.failed} == {NotFoundError}


@pytest.mark.each_value
@BOTH
@pytest.mark.parametrize("kind", ["lose", "reset", "garbage", "error"])
async def test_edits_and_reads_are_repeated(provider, kind):
    """Lost answers of edits, reads, groups' deletes and runs at a time are no news to the
    caller.
    """
    app = emulator()
    async with paced(app, provider) as api:
        ids = await added(api, 6)
        groups = [(await api.group.add(f"g{n}")).id for n in range(3)]
        app.emulator.faults.add(
            *[
                Fault(kind, function=name, times=2)
                for name in ("cron.edit", "cron.list", "group.delete")
            ]
        )
        (await api.cron.edit_many([(number, {"name": "x"}) for number in ids])).raise_for_failures()
        assert [job.name for job in (await api.cron.get_many(ids)).values] == ["x"] * 6
        (await api.group.delete_many(groups)).raise_for_failures()
        assert app.emulator.groups(provider) == []


async def test_runs_are_queued_once():
    """Of runs at a time whose answers are lost each is queued once; a run without a time is unknown
    and not repeated.
    """
    app = emulator()
    async with paced(app) as api:
        ids = [
            job.id
            for job in (
                await api.cron.add_many([spec | {"expression": "manual"} for spec in specs(6)])
            ).values
        ]
        app.emulator.faults.add(
            Fault("lose", function="cron.run", times=2), Fault("reset", function="cron.run")
        )
        assert (await api.cron.run_many(ids, time=LATER)).values == [LATER] * 6
        app.emulator.faults.add(Fault("lose", function="cron.run"))
        report = await api.cron.run_many(ids)
        assert (len(report.unknown), len(report.done)) == (1, 5)
    assert [len(row["queued"]) for row in app.emulator.jobs("fastcron")] == [2] * 6
