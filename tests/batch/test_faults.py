"""What becomes of many calls when answers get lost, and when a run ends in the middle: judged by the emulator's own state."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from functools import partial

import anyio
import httpx
import pytest

from cronapi import (
    APIError,
    Applied,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    OutcomeUnknownError,
    ResponseError,
    RetryPolicy,
    Scheduler,
    TransportError,
)
from cronapi._calls.retry import MOST_GARBLED
from cronapi.emulator import Fault
from tests.support.emulated import (
    BOTH,
    TOKEN,
    URL,
    client_of,
    emulator,
    paced,
    specs,
    together,
    virtual,
)

pytestmark = pytest.mark.virtual_clock

LOST = [
    "lose",
    "cut",
    "truncated",
    "garbage",
    "empty",
    "bad_gateway",
    "half",
    "reset",
    "error",
    "outage",
]
LATER = datetime(2100, 5, 24, 2, 44, 25, tzinfo=UTC)


def sent(app, function=None):
    return sum(function in (None, seen.function) for seen in app.emulator.requests)


def names(app, provider="fastcron"):
    return sorted(job["name"] for job in app.emulator.jobs(provider))


def all_made_once(app, report, given, provider="fastcron"):
    """Every spec has exactly one job, which its outcome names."""
    assert [outcome.status for outcome in report] == ["done"] * len(given)
    rows = {row["id"]: (row["url"], row["name"]) for row in app.emulator.jobs(provider)}
    assert [rows.pop(outcome.value.id) for outcome in report] == [
        (spec["url"], spec.get("name", "")) for spec in given
    ]
    assert rows == {}


# --- batches of adds ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("count", [30, 250])
async def test_a_batch_whose_answer_is_lost_makes_each_job_once(kind, count):
    """However a batch's answer gets lost, and whatever of it was done: each spec gets its one job."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.batch_add", times=2))
        all_made_once(app, await api.cron.add_many(specs(count)), specs(count))
    assert len(app.emulator.faults.fired) >= 1


@pytest.mark.parametrize("kind", ["stall", "stall_before"])
@pytest.mark.parametrize("seconds", [6.0, 12.0, 40.0])
async def test_a_batch_that_takes_longer_than_the_timeout_is_waited_for(kind, seconds):
    """A batch that is answered, or carried out, only after the timeout makes each job once."""
    app = emulator()
    async with paced(app, timeout=5.0) as api:
        app.emulator.faults.add(Fault(kind, function="cron.batch_add", seconds=seconds))
        report = await api.cron.add_many(specs(250))
        await anyio.sleep(60)
    assert names(app) == sorted(spec["name"] for spec in specs(250))
    all_made_once(app, report, specs(250))


@BOTH
async def test_losses_all_over_lose_and_double_nothing(provider):
    """While a third of all answers goes wrong in every way there is, each of 600 specs gets its one job."""
    app, given = emulator(), specs(600 if provider == "fastcron" else 150)
    kinds = [Fault(kind, times=None, share=0.04) for kind in LOST]
    app.emulator.faults.add(*kinds)
    async with paced(app, provider) as api:
        report = await api.cron.add_many(given)
        app.emulator.faults.clear()
    assert app.emulator.faults.fired
    assert not report.failed + report.not_tried
    done = {outcome.value.id: outcome.index for outcome in report.done}
    rows = {row["id"]: row["name"] for row in app.emulator.jobs(provider)}
    assert {rows[number] for number in done} == {f"n{index}" for index in done.values()}
    assert len(rows) == len(set(rows.values()))
    assert {f"n{outcome.index}" for outcome in report.done} | {
        f"n{outcome.index}" for outcome in report.unknown
    } >= set(rows.values())
    assert len(report.unknown) <= 3


@pytest.mark.parametrize("kind", LOST)
async def test_equal_specs_are_as_many_jobs(kind):
    """Fifty equal specs make fifty jobs, with fifty ids, also where answers of theirs are lost."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.batch_add", times=3))
        report = await api.cron.add_many([{"url": URL}] * 250)
    all_made_once(app, report, [{"url": URL}] * 250)


@pytest.mark.parametrize("kind", ["lose", "reset", "half"])
@pytest.mark.parametrize("count", [2, 250])
async def test_a_look_alike_that_was_there_is_not_taken(kind, count):
    """Jobs of another client that look just like ours and were there before are never taken for ours."""
    app = emulator()
    async with paced(app) as other:
        old = {job.id for job in (await other.cron.add_many(specs(count))).values}
    app.emulator.faults.add(Fault(kind, function="cron.batch_add"))
    async with paced(app) as api:
        report = await api.cron.add_many(specs(count))
    assert len(report.done) == count
    assert not old & {job.id for job in report.values}
    assert len(app.emulator.jobs("fastcron")) == 2 * count


async def test_a_job_in_another_spelling_makes_its_item_unknown():
    """Where a new job has an item's name and url and yet differs, nobody can tell whose it is: that item is unknown, the others done."""
    app = emulator()
    async with paced(app) as api, paced(app) as other, anyio.create_task_group() as group:
        app.emulator.faults.add(Fault("reset", function="cron.batch_add"))

        async def meddle():
            await anyio.sleep(1.5)
            await other.with_options(retry=None).cron.add(url=f"{URL}/7", name="n7", timeout=11)

        group.start_soon(meddle)
        report = await api.cron.add_many([spec | {"timeout": 20} for spec in specs(50)])
    assert [outcome.index for outcome in report.unknown] == [7]
    assert isinstance(report[7].error, OutcomeUnknownError)
    assert report[7].error.applied is Applied.UNKNOWN
    assert len(report.done) == 49
    assert names(app).count("n7") == 1
    assert len(app.emulator.jobs("fastcron")) == 50


async def test_a_list_that_fails_while_a_loss_is_examined_makes_it_unknown():
    """Where the service cannot be asked what became of a lost batch, its items are unknown, are not sent again, and the others are done."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=2)) as api:
        bulk = aiter(api.cron.add_many(iter(specs(300))))
        outcomes = [await anext(bulk)]
        app.emulator.faults.add(
            Fault("lose", function="cron.batch_add"),
            Fault("reset", function="cron.list", times=None),
        )
        outcomes += [outcome async for outcome in bulk]
    unknown = [outcome for outcome in outcomes if outcome.status == "unknown"]
    assert len(unknown) == 100
    assert {type(outcome.error) for outcome in unknown} == {OutcomeUnknownError}
    assert len(app.emulator.jobs("fastcron")) == 300
    assert len({row["name"] for row in app.emulator.jobs("fastcron")}) == 300


async def test_a_list_that_fails_before_anything_is_sent_stops_it():
    """Where the service cannot say what is there, nothing is sent: the first items failed, the rest is not tried."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=2)) as api:
        app.emulator.faults.add(Fault("reset", function="cron.list", times=None))
        report = await api.cron.add_many(specs(250))
    assert report.failed
    assert len(report.failed) + len(report.not_tried) == 250
    assert app.emulator.created("fastcron") == 0


async def test_without_retry_a_lost_batch_is_unknown():
    """With `retry=None` nothing is looked up and nothing repeated: the items of a lost batch are unknown."""
    app = emulator()
    async with paced(app, retry=None) as api:
        app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
        report = await api.cron.add_many(specs(250))
    assert (len(report.unknown), len(report.done)) == (100, 150)
    assert names(app) == sorted(spec["name"] for spec in specs(250))
    assert sent(app, "cron.batch_add") == 3


# --- batches that are refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0, 37, 99])
async def test_a_bad_item_is_isolated(bad):
    """Of a hundred specs the one that the service refuses fails with its words; the others are done, with at most 18 requests."""
    app = emulator()
    given = [
        spec | ({"timeout": 99_999_999} if n == bad else {}) for n, spec in enumerate(specs(100))
    ]
    async with paced(app) as api:
        report = await api.cron.add_many(given)
    assert [outcome.index for outcome in report.failed] == [bad]
    assert isinstance(report[bad].error, APIError)
    assert report[bad].error.applied is Applied.NO
    assert "timeout" in str(report[bad].error)
    assert len(report.done) == 99
    assert len(app.emulator.jobs("fastcron")) == 99
    assert sent(app) <= 18


async def test_a_bad_item_teaches_nothing_wrong():
    """After a batch with a bad item, the next batches are as large as before."""
    app = emulator()
    async with paced(app) as api:
        await api.cron.add_many([*specs(99), {"url": URL, "timeout": 99_999_999}])
        before = sent(app)
        await api.cron.add_many(specs(300, "later"))
        assert sent(app) - before == 4


async def test_the_size_of_batches_is_learnt():
    """A service that takes 30 items at most is asked for fewer, at once by the next bulk of the same client."""
    app = emulator(max_batch=30)
    async with paced(app) as api:
        all_made_once(app, await api.cron.add_many(specs(200)), specs(200))
        assert sent(app) <= 2 + 8 + 6 + 3
        before = sent(app)
        bulk = api.cron.add_many(specs(100, "later"))
        report = await bulk
        assert len(report.done) == 100
        assert sent(app) - before == bulk.cost().requests == 1 + 4
        before = sent(app)
        assert len((await api.cron.delete_many([job.id for job in report.values])).done) == 100
        assert sent(app) - before == 4


async def test_a_batch_may_be_too_large_and_have_a_bad_item():
    """A bad item in a batch that is too large is isolated, and the size is learnt all the same."""
    app = emulator(max_batch=30)
    given = [
        spec | ({"timeout": 99_999_999} if n == 37 else {}) for n, spec in enumerate(specs(100))
    ]
    async with paced(app) as api:
        report = await api.cron.add_many(given)
        assert [outcome.index for outcome in report.failed] == [37]
        before = sent(app)
        await api.cron.add_many(specs(100, "later"))
        assert sent(app) - before == 5
    assert len(app.emulator.jobs("fastcron")) == 199


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_refused_batch_of_adds_made_is_not_made_again(fails):
    """Where a refused batch was half carried out, what it made is found; where the jobs cannot be listed then, its items are unknown."""
    app = emulator()
    async with paced(
        app, transport=HalfThenNo(app, key="data"), retry=RetryPolicy(max_attempts=2)
    ) as api:
        bulk = aiter(api.cron.add_many(iter(specs(40))))
        if fails:
            async with anyio.create_task_group() as group:

                async def break_off():
                    while not sent(app, "cron.batch_add"):  # noqa: ASYNC110 -- the emulator announces nothing
                        await anyio.sleep(0.05)
                    app.emulator.faults.add(Fault("reset", function="cron.list", times=None))

                group.start_soon(break_off)
                outcomes = [outcome async for outcome in bulk]
        else:
            outcomes = [outcome async for outcome in bulk]
    assert {outcome.status for outcome in outcomes} == {"unknown" if fails else "done"}
    assert names(app) == sorted(spec["name"] for spec in specs(20 if fails else 40))


async def test_a_batch_that_never_arrives_is_not_unknown():
    """Where a batch is lost each time, and the list shows each time that nothing was made, its items failed and say so."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=3)) as api:
        app.emulator.faults.add(Fault("reset", function="cron.batch_add", times=None))
        report = await api.cron.add_many(specs(30))
    assert len(report.failed) == 30
    assert {(type(outcome.error), outcome.error.applied) for outcome in report.failed} == {
        (TransportError, Applied.NO)
    }
    assert app.emulator.jobs("fastcron") == []


class OneShort(httpx.AsyncBaseTransport):
    """Passes everything on, and leaves the last job out of the answer to a batch."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request):
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("/cron_batch_add"):
            return response
        body = json.loads(await response.aread())
        return httpx.Response(200, json=body | {"data": body["data"][:-1]})


async def test_an_answer_with_too_few_jobs_is_examined():
    """Where a batch is answered with fewer jobs than were sent, the list tells which is whose, and none is made twice."""
    app = emulator()
    async with paced(app, transport=OneShort(app)) as api:
        all_made_once(app, await api.cron.add_many(specs(30)), specs(30))


@pytest.mark.parametrize("kind", ["add", "delete"])
async def test_a_token_that_is_revoked_in_the_middle_stops_it(kind):
    """Once the service takes the token no longer, what was done stays done, what was tried failed, and the rest is not tried."""
    app, good = emulator(), [True]
    async with paced(app, token=lambda: TOKEN if good[0] else "f" * 32) as api:
        ids = await made(api, 700) if kind == "delete" else []
        good[0], outcomes = True, []
        async for outcome in (
            api.cron.delete_many(ids) if kind == "delete" else api.cron.add_many(iter(specs(700)))
        ):
            good[0] = False
            outcomes.append(outcome)
    done = {outcome.index for outcome in outcomes if outcome.status == "done"}
    assert {type(outcome.error) for outcome in outcomes if outcome.status == "failed"} == {
        AuthenticationError
    }
    assert {outcome.status for outcome in outcomes} == {"done", "failed", "not_tried"}
    assert len(outcomes) == 700
    assert {int(name[1:]) for name in names(app)} == (
        done if kind == "add" else set(range(700)) - done
    )


# --- deletes, edits, runs ----------------------------------------------------------------------------------------------------------


async def made(api, count):
    return [job.id for job in (await api.cron.add_many(specs(count))).values]


@pytest.mark.parametrize("kind", LOST)
async def test_deletes_whose_answer_is_lost_are_done(kind):
    """However the answer to a batch of deletes gets lost, every job is gone and every item done."""
    app = emulator()
    async with paced(app) as api:
        ids = await made(api, 250)
        app.emulator.faults.add(Fault(kind, function="cron.batch_delete", times=2))
        report = await api.cron.delete_many(ids[:240])
    assert [job.id for job in report.values] == ids[:240]
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == ids[240:]


@pytest.mark.parametrize("coalesce", [False, True])
async def test_deletes_whose_answer_cannot_be_read_are_sent_once_more(coalesce):
    """A batch of deletes that gave up on answers that nobody can read is sent once more before its items would be unknown."""
    app = emulator()
    async with paced(app, coalesce=coalesce) as api:
        ids = await made(api, 250)
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
    """A batch of edits that gave up on answers that nobody can read is sent once more; where that is in vain, too, it is unknown."""
    app = emulator(era="seed")
    async with paced(app) as api:
        ids = await made(api, 20)
        app.emulator.faults.add(Fault("garbage", function="cron.batch_edit", times=MOST_GARBLED))
        report = await api.cron.edit_many([(number, {"timeout": 20}) for number in ids], batch=True)
        assert [job.timeout for job in report.values] == [20] * 20
        app.emulator.faults.add(Fault("garbage", function="cron.batch_edit", times=None))
        report = await api.cron.edit_many([(number, {"timeout": 30}) for number in ids], batch=True)
    assert len(report.unknown) == 20
    assert sent(app, "cron.batch_edit") == MOST_GARBLED + 1 + 2 * MOST_GARBLED


async def test_without_retry_lost_deletes_are_unknown():
    """With `retry=None` the items of a batch of deletes whose answer is lost are unknown, and those of a refused one failed."""
    app = emulator()
    async with paced(app) as api:
        ids = await made(api, 150)
        app.emulator.faults.add(Fault("half", function="cron.batch_delete"))
        once = api.with_options(retry=None)
        report = await once.cron.delete_many(ids)
        assert (len(report.unknown), len(report.done)) == (100, 50)
        assert len(app.emulator.jobs("fastcron")) == 50
        report = await once.cron.delete_many([*ids[50:100], 4711])
        assert len(report.failed) == 51
    assert len(app.emulator.jobs("fastcron")) == 50


async def test_an_unknown_id_costs_a_batch_of_deletes_little():
    """A batch of a hundred with an id that does not exist deletes the others, with three requests: the jobs are listed once."""
    app = emulator()
    async with paced(app) as api:
        ids = await made(api, 99)
        before = sent(app)
        report = await api.cron.delete_many([*ids[:50], 4711, *ids[50:]])
        assert sent(app) - before == 3
    assert [outcome.index for outcome in report.failed] == [50]
    assert isinstance(report[50].error, NotFoundError)
    assert app.emulator.jobs("fastcron") == []


class HalfThenNo(httpx.AsyncBaseTransport):
    """A service that carries out the first half of a batch and then refuses it, `times` times."""

    def __init__(self, app, times=1, key="id"):
        self._inner, self.times, self.key = httpx.ASGITransport(app), times, key

    async def handle_async_request(self, request):
        if self.times and "/cron_batch_" in request.url.path:
            self.times -= 1
            body = json.loads(request.content)
            half = httpx.Request(
                "POST",
                request.url,
                json=body | {self.key: body[self.key][: len(body[self.key]) // 2]},
            )
            await (await self._inner.handle_async_request(half)).aread()
            await anyio.sleep(2)
            if self.key == "data":
                refusal = {"status": "error", "code": 1, "message": "too many for today"}
                return httpx.Response(200, json=refusal)
        return await self._inner.handle_async_request(request)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("listed", ["added", "listed"])
async def test_what_a_refused_batch_of_deletes_did_is_done(times, listed):
    """Where a refused batch was half carried out, jobs that this client had seen are done; ids that never were there fail."""
    app = emulator()
    async with paced(app) as api:
        ids = await made(api, 40)
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
    """Where the jobs cannot be listed after a refusal, the items failed with that error; after a lost answer they are unknown."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=3)) as api:
        ids = await made(api, 20)
        if lost:
            app.emulator.faults.add(Fault("half", function="cron.batch_delete"))
        app.emulator.faults.add(Fault("reset", function="cron.list", times=None))
        report = await api.cron.delete_many([*ids, 4711])
    assert {outcome.status for outcome in report} == {"unknown" if lost else "failed"}
    assert len(app.emulator.jobs("fastcron")) == (10 if lost else 20)


async def test_a_batch_of_deletes_that_is_too_large_is_halved():
    """A client that has not learnt how many items a batch may have deletes them all, and learns it."""
    app = emulator(max_batch=30)
    async with paced(app) as api:
        ids = await made(api, 150)
    async with paced(app) as api:
        assert len((await api.cron.delete_many(ids[:100])).done) == 100
        before = sent(app)
        assert len((await api.cron.delete_many(ids[100:])).done) == 50
        assert sent(app) - before == 2
    assert app.emulator.jobs("fastcron") == []


async def test_jobs_that_were_deleted_before_are_not_there_to_delete():
    """A job that this client has deleted, or found gone, is a NotFoundError in a later batch, though it had seen it once."""
    app = emulator()
    async with paced(app) as api, paced(app) as other:
        ids = await made(api, 6)
        await api.cron.delete(ids[0])
        await api.cron.batch_delete(ids[1:2])
        await api.cron.delete_many(ids[2:4])
        await other.cron.delete(ids[4])
        with pytest.raises(NotFoundError):
            await api.cron.get(ids[4])
        report = await api.cron.delete_many(ids)
    assert [outcome.status for outcome in report] == ["failed"] * 5 + ["done"]
    assert {type(outcome.error) for outcome in report.failed} == {NotFoundError}


@BOTH
@pytest.mark.parametrize("kind", ["lose", "reset", "garbage", "error"])
async def test_edits_and_reads_are_repeated(provider, kind):
    """Lost answers of edits, reads, groups' deletes and runs at a time are no news to the caller."""
    app = emulator()
    async with paced(app, provider) as api:
        ids = await made(api, 6)
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
    """Of runs at a time whose answers are lost each is queued once; a run without a time is unknown and not repeated."""
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


# --- resuming ----------------------------------------------------------------------------------------------------------------------


async def cut_off(app, bulk, requests):
    """Carry a bulk out until the service has seen that many requests of it, and cancel it a moment later."""
    enough = sent(app) + requests

    ended = anyio.Event()

    async def carry_out():
        await bulk
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(carry_out)
        while sent(app) < enough and not ended.is_set():  # noqa: ASYNC110 -- the emulator announces nothing
            await anyio.sleep(0.05)
        await anyio.sleep(0.2)
        group.cancel_scope.cancel()


@BOTH
@pytest.mark.parametrize("client", ["same", "new", "new and listed"])
@pytest.mark.parametrize("requests", [1, 3, 5])
async def test_a_bulk_that_was_cancelled_goes_on(tmp_path, provider, client, requests):
    """The same call with the same journal goes on where a cancelled one ended: nothing twice, nothing lost, done ones with their ids."""
    app, journal, given = (
        emulator(),
        tmp_path / "journal.jsonl",
        specs(600 if provider == "fastcron" else 100),
    )
    async with paced(app, provider) as api:
        app.emulator.faults.add(Fault("stall", function="cron.batch_add", times=None, seconds=0.6))
        app.emulator.faults.add(Fault("stall", function="cron.add", times=None, seconds=0.6))
        await cut_off(app, api.cron.add_many(given, journal=journal), requests)
        await anyio.sleep(5)
        before = len(app.emulator.jobs(provider))
        if client == "same":
            await api.cron.list()
            report = await api.cron.add_many(given, journal=journal)
    if client != "same":
        async with paced(app, provider) as api:
            if client == "new and listed":
                await api.cron.list()
            report = await api.cron.add_many(given, journal=journal)
    all_made_once(app, report, given, provider)
    assert before < len(given)
    async with paced(app, provider) as api:
        before = sent(app)
        again = await api.cron.add_many(given, journal=journal)
        assert [job.id for job in again.values] == [job.id for job in report.values]
        assert sent(app) == before


LIKE = {"the same": {}, "another time limit": {"timeout": 11}}


@pytest.mark.parametrize("name", [{}, {"name": "n"}])
@pytest.mark.parametrize("like", LIKE)
async def test_a_resumed_bulk_leaves_the_jobs_that_its_client_made_meanwhile_alone(
    tmp_path, like, name
):
    """What a caller was told to have made is its own, however like an item of a cancelled bulk it looks; the item is made too."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    given = [{"url": URL, "timeout": 20, **name} for _ in range(3)]
    async with paced(app) as api:
        app.emulator.faults.add(Fault("reset", function="cron.batch_add", times=None))
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: api.cron.add_many(given, journal=journal)._finish())
            while not journal.exists() or b"sending" not in journal.read_bytes():  # noqa: ASYNC110 -- a file announces nothing
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()
        await anyio.sleep(5)
        app.emulator.faults.clear()
        theirs = [await api.cron.add(**(given[0] | LIKE[like])) for _ in range(2)]
        report = await api.cron.add_many(given, journal=journal)
    assert [outcome.status for outcome in report] == ["done"] * 3
    assert not {job.id for job in theirs} & {job.id for job in report.values}
    assert len({job.id for job in report.values}) == 3
    assert len(app.emulator.jobs("fastcron")) == 5


@pytest.mark.parametrize("requests", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("kind", ["none", "stall", "stall_before", "half", "lose", "bad item"])
async def test_equal_specs_of_two_cancelled_bulks_are_made_once_each(tmp_path, kind, requests):
    """Two bulks of equal specs are cancelled at any moment, and go on with the same client: each spec has one job of its own."""
    app, given = emulator(), [{"url": URL}] * 20
    if kind not in ("none", "bad item"):
        app.emulator.faults.add(
            Fault(kind, function="cron.batch_add", times=2, seconds=3.0 if "stall" in kind else 0.0)
        )
    more = [{"url": URL, "timeout": 99_999_999}] if kind == "bad item" else []
    async with paced(app) as api:
        for word in ("a", "b"):
            await cut_off(app, api.cron.add_many(given + more, journal=tmp_path / word), requests)
        await anyio.sleep(10)
        reports = [
            await api.cron.add_many(given + more, journal=tmp_path / word) for word in ("a", "b")
        ]
    ids = [job.id for report in reports for job in report.values]
    assert len(set(ids)) == len(ids) == 40
    assert {row["id"] for row in app.emulator.jobs("fastcron")} == set(ids)


@BOTH
@pytest.mark.parametrize("kind", ["stall", "reset"])
async def test_a_resumed_bulk_takes_no_look_alike(tmp_path, provider, kind):
    """Jobs that were there before the first run and look just like ours are not taken for what it left behind."""
    app, journal, given = (
        emulator(),
        tmp_path / "journal.jsonl",
        specs(250 if provider == "fastcron" else 30),
    )
    async with paced(app, provider) as other:
        old = [job.id for job in (await other.cron.add_many(given)).values]
    async with paced(app, provider) as api:
        fault = {"seconds": 0.6} if kind == "stall" else {}
        app.emulator.faults.add(
            *[
                Fault(kind, function=name, times=None, **fault)
                for name in ("cron.batch_add", "cron.add")
            ]
        )
        await cut_off(app, api.cron.add_many(given, journal=journal), 3)
        await anyio.sleep(10)
    app.emulator.faults.clear()
    async with paced(app, provider) as api:
        report = await api.cron.add_many(given, journal=journal)
    rows = {row["id"]: row["name"] for row in app.emulator.jobs(provider) if row["id"] not in old}
    assert rows == {outcome.value.id: outcome.given["name"] for outcome in report.done}
    assert len(rows) == len(given)


async def test_an_edit_that_runs_a_job_is_not_done_twice(tmp_path):
    """An edit under way at a cut is done again, unless it also queues a run: that one is unknown."""
    app, journal = emulator(era="latest"), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        ids = await made(api, 2)
        edits = [(ids[0], {"name": "x"}), (ids[1], {"name": "x", "run": LATER})]
        app.emulator.faults.add(Fault("stall", function="cron.edit", times=2, seconds=8.0))
        await cut_off(app, api.cron.edit_many(edits, journal=journal), 2)
        await anyio.sleep(10)
        report = await api.cron.edit_many(edits, journal=journal)
    assert [outcome.status for outcome in report] == ["done", "unknown"]
    assert [len(row["queued"]) for row in app.emulator.jobs("fastcron")] == [0, 1]


class Odd(httpx.AsyncBaseTransport):
    """Passes everything on, and takes the ids out of answers to one function."""

    def __init__(self, app, function):
        self._inner = httpx.ASGITransport(app)
        self.function = function

    async def handle_async_request(self, request):
        response = await self._inner.handle_async_request(request)
        if request.url.path.endswith(f"/{self.function}"):
            body = (await response.aread()).replace(b'"id":', b'"nr":')
            return httpx.Response(
                response.status_code, headers={"content-type": "application/json"}, content=body
            )
        return response


async def test_an_answer_of_an_odd_shape_is_not_made_again(tmp_path):
    """Jobs whose answer cannot be read as jobs were made all the same: they say so, and a resumed bulk finds them."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    odd = Odd(app, "cron_batch_add")
    async with paced(app, transport=odd) as api:
        first = await api.cron.add_many(specs(50), journal=journal)
        assert {(type(outcome.error), outcome.error.applied) for outcome in first.failed} == {
            (ResponseError, Applied.YES)
        }
        odd.function = "none"
        all_made_once(app, await api.cron.add_many(specs(50), journal=journal), specs(50))


async def test_resuming_right_away_waits_for_the_journal(tmp_path):
    """A bulk that is cancelled and started again at once goes on, without a pause between."""
    app, journal, given = emulator(), tmp_path / "journal.jsonl", specs(400)
    async with paced(app) as api:
        for requests in (1, 2, 3):
            await cut_off(app, api.cron.add_many(given, journal=journal), requests)
        async for _ in api.cron.add_many(given, journal=journal):
            break
        all_made_once(app, await api.cron.add_many(given, journal=journal), given)


@BOTH
async def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path, provider):
    """From the journal as it was at each of its lines, against the jobs there were when it was cut, a new run makes each job once."""
    app, journal, given = (
        emulator(),
        tmp_path / "journal.jsonl",
        specs(310 if provider == "fastcron" else 12),
    )
    async with paced(app, provider) as api:
        app.emulator.faults.add(
            Fault("lose", function="cron.batch_add"), Fault("lose", function="cron.add")
        )
        (await api.cron.add_many(given, journal=journal)).raise_for_failures()
    lines = journal.read_bytes().splitlines(keepends=True)
    rows = app.emulator.jobs(provider)
    account = account_of(app, provider)
    marks = {number for number, line in enumerate(lines) if b'"item"' not in line}
    cuts = marks | {number + 1 for number in marks} | set(range(0, len(lines), 50)) | {len(lines)}
    for cut in sorted(cuts):
        marked = {index for line in lines[:cut] for index, _ in json.loads(line).get("sending", ())}
        for torn in (b"", lines[cut][:-7] if cut < len(lines) else b""):
            fresh, path = emulator(rates={provider: None}), tmp_path / "copy.jsonl"
            path.write_bytes(b"".join(lines[:cut]) + torn)
            for row in (
                rows
            ):  # what was marked may have been made before the kill; what was not cannot have been
                if int(row["name"][1:]) in marked:
                    fresh.emulator.store.add(
                        "job", provider, account, {k: v for k, v in row.items() if k != "id"}
                    )
            async with client_of(fresh, provider, scheduler=virtual(1000.0)) as api:
                report = await api.cron.add_many(given, journal=path)
            assert len(report.done) == len(given)
            assert names(fresh, provider) == sorted(spec["name"] for spec in given)


def account_of(app, provider):
    """Return the account under which the emulator keeps the jobs of its token."""
    ((account,),) = app.emulator.store._connection.execute(
        "SELECT DISTINCT account FROM documents WHERE provider = ?", (provider,)
    )
    return account


async def test_failed_items_are_tried_again_and_done_ones_are_not(tmp_path):
    """What failed in an earlier run is tried again; what is done comes back without a request."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        ids = await made(api, 4)
        given = [*ids, ids[-1] + 1]
        first = await api.cron.disable_many(given, journal=journal)
        assert [outcome.status for outcome in first] == ["done"] * 4 + ["failed"]
        (late,) = (await api.cron.add_many(specs(1, "late"))).values
        assert late.id == given[-1]
        before = sent(app)
        second = await api.cron.disable_many(given, journal=journal)
        assert [job.id for job in second.values] == given
        assert sent(app) - before == 1


async def test_unknown_items_are_looked_at_again(tmp_path):
    """What nobody could tell in an earlier run is looked at again before anything is repeated."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
        first = await api.with_options(retry=None).cron.add_many(specs(50), journal=journal)
        assert len(first.unknown) == 50
        all_made_once(app, await api.cron.add_many(specs(50), journal=journal), specs(50))


async def test_a_journal_of_something_else_is_refused(tmp_path):
    """Other inputs, another kind of bulk, another provider and a folder that is not there are refused before anything is sent."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api, paced(app, "setcronjob") as other:
        ids = [job.id for job in (await api.cron.add_many(specs(3), journal=journal)).values]
        before = sent(app)
        for bulk in (
            api.cron.add_many([*specs(2), {"url": URL, "name": "other"}], journal=journal),
            api.cron.add_many(specs(2), journal=journal),
            api.cron.delete_many(ids, journal=journal),
            other.cron.add_many(specs(3), journal=journal),
            api.cron.add_many(specs(3), journal=tmp_path / "missing" / "journal.jsonl"),
            api.cron.add_many(specs(3), journal=tmp_path),
            api.cron.add_many(specs(3), journal=7),
        ):
            with pytest.raises(ConfigurationError, match="journal"):
                await bulk
        assert sent(app) == before
        longer = await api.cron.add_many(specs(5), journal=journal)
        assert [job.id for job in longer.values][:3] == ids
    assert len(app.emulator.jobs("fastcron")) == 5


async def test_one_journal_serves_one_bulk_at_a_time(tmp_path):
    """A second bulk on a journal that is in use is refused, and the first goes on."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api, anyio.create_task_group() as group:

        async def first():
            assert len((await api.cron.add_many(specs(300), journal=journal)).done) == 300

        group.start_soon(first)
        while not journal.exists() or not sent(app):  # noqa: ASYNC110 -- the same
            await anyio.sleep(0.1)
        with pytest.raises(ConfigurationError, match="in use"):
            await api.cron.add_many(specs(300), journal=journal)
    assert len(app.emulator.jobs("fastcron")) == 300


@BOTH
@pytest.mark.parametrize("requests", [1, 2])
async def test_deletes_go_on(tmp_path, provider, requests):
    """A bulk of deletes that was cut off goes on: every job is gone, every item done, also what was under way."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app, provider) as api:
        ids = await made(api, 300 if provider == "fastcron" else 40)
        await cut_off(app, api.cron.delete_many(ids, journal=journal), requests)
        await anyio.sleep(3)
        report = await api.cron.delete_many(ids, journal=journal)
        assert [job.id for job in report.values] == ids
    assert app.emulator.jobs(provider) == []


async def test_runs_go_on(tmp_path):
    """Runs under way at a cut are looked up where they have a time, and unknown where they have none; none is queued twice."""
    app = emulator()
    async with paced(app) as api:
        ids = [
            job.id
            for job in (
                await api.cron.add_many([spec | {"expression": "manual"} for spec in specs(5)])
            ).values
        ]
        for word, time in (("timed", LATER), ("now", None)):
            queued = [len(row["queued"]) for row in app.emulator.jobs("fastcron")]
            app.emulator.faults.add(Fault("stall", function="cron.run", seconds=20.0))
            await cut_off(app, api.cron.run_many(ids, time=time, journal=tmp_path / word), 2)
            await anyio.sleep(30)
            async with paced(app) as later:
                report = await later.cron.run_many(ids, time=time, journal=tmp_path / word)
            if time is not None:
                assert report.values == [LATER] * 5
            else:
                assert report.unknown
                assert not report.failed
            assert all(
                len(row["queued"]) <= n + 1
                for row, n in zip(app.emulator.jobs("fastcron"), queued, strict=True)
            )


async def test_a_full_disk_keeps_what_was_done_in_the_report(tmp_path, monkeypatch):
    """Where the journal can no longer be written, the bulk stops with that error and the report has what was done."""
    app, real, left = emulator(), os.fsync, [5]

    def fsync(number):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(1000), journal=tmp_path / "journal.jsonl")
        with pytest.raises(ConfigurationError, match="No space left"):
            await bulk
    assert {outcome.value.name for outcome in bulk.report.done} == {
        row["name"] for row in app.emulator.jobs("fastcron")
    }
    assert bulk.report.done


async def test_a_bulk_that_begins_does_not_confuse_an_add_whose_answer_was_lost():
    """While an add waits to look what became of it, a bulk of the same client lists all jobs: the add still finds its own, made once."""
    app = emulator(rates={"setcronjob": None})
    app.emulator.faults.add(Fault("lose", function="cron.add"))

    class Meanwhile(Scheduler):
        begun = False

        async def rest(self, seconds):
            if not self.begun:
                self.begun = True
                await api.cron.add_many(specs(2))

    async with client_of(app, "setcronjob", scheduler=Meanwhile(1000.0)) as api:
        job = await api.cron.add(url="https://example.com/mine", name="mine")
    assert [row["id"] for row in app.emulator.jobs("setcronjob") if row["name"] == "mine"] == [
        job.id
    ]
