"""Batches of adds whose answers get lost or that are refused: each job is made once."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest

from cronapi import (
    APIError,
    Applied,
    AuthenticationError,
    OutcomeUnknownError,
    RetryPolicy,
    TransportError,
)
from cronapi.emulator import Fault
from tests.support.bulks import HalfThenNo, added, all_made_once
from tests.support.emulated import (
    BOTH,
    LOST,
    TOKEN,
    URL,
    emulator,
    paced,
    specs,
)
from tests.support.seen import names, sent

pytestmark = pytest.mark.virtual_clock

# --- batches of adds -----------------------------------------------------------------------------


@pytest.mark.few(5)
@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("count", [30, 250])
async def test_a_batch_whose_answer_is_lost_makes_each_job_once(kind, count):
    """However a batch's answer gets lost, and whatever of it was done:
    each spec gets its one job.
    """
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.batch_add", times=2))
        all_made_once(app, await api.cron.add_many(specs(count)), specs(count))
    assert len(app.emulator.faults.fired) >= 1


@pytest.mark.each_value
@pytest.mark.parametrize("kind", ["stall", "stall_before"])
@pytest.mark.parametrize("seconds", [6.0, 12.0, 40.0])
async def test_a_batch_that_takes_longer_than_the_timeout_is_waited_for(kind, seconds):
    """A batch that is answered, or carried out, only after the timeout makes each job once."""
    app = emulator()
    async with paced(app, timeout=5.0) as api:
        app.emulator.faults.add(Fault(kind, function="cron.batch_add", seconds=seconds))
        report = await api.cron.add_many(specs(250))
        await anyio.sleep(60)
    assert sorted(names(app)) == sorted(spec["name"] for spec in specs(250))
    all_made_once(app, report, specs(250))


@pytest.mark.few(1)
@BOTH
async def test_losses_all_over_lose_and_double_nothing(provider):
    """While a third of all answers goes wrong in every way there is, each of 600 specs gets its one
    job.
    """
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


@pytest.mark.few(5)
@pytest.mark.parametrize("kind", LOST)
async def test_equal_specs_are_as_many_jobs(kind):
    """Fifty equal specs make fifty jobs, with fifty ids, also where answers of theirs are lost."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.batch_add", times=3))
        report = await api.cron.add_many([{"url": URL}] * 250)
    all_made_once(app, report, [{"url": URL}] * 250)


@pytest.mark.each_value
@pytest.mark.parametrize("kind", ["lose", "reset", "half"])
@pytest.mark.parametrize("count", [2, 250])
async def test_a_look_alike_that_was_there_is_not_taken(kind, count):
    """Jobs of another client that look just like ours and were there before are never taken for
    ours.
    """
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
    """Where a new job has an item's name and url and yet differs, nobody can tell whose it is: that
    item is unknown, the others done.
    """
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
    """Where the service cannot be asked what became of a lost batch, its items are unknown, are not
    sent again, and the others are done.
    """
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


@pytest.mark.each_loop
async def test_a_list_that_fails_before_anything_is_sent_stops_it():
    """Where the service cannot say what is there, nothing is sent: the first items failed, the rest
    is not tried.
    """
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=2)) as api:
        app.emulator.faults.add(Fault("reset", function="cron.list", times=None))
        report = await api.cron.add_many(specs(250))
    assert report.failed
    assert len(report.failed) + len(report.not_tried) == 250
    assert app.emulator.created("fastcron") == 0


async def test_without_retry_a_lost_batch_is_unknown():
    """With `retry=None` nothing is looked up and nothing repeated: the items of a lost batch are
    unknown.
    """
    app = emulator()
    async with paced(app, retry=None) as api:
        app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
        report = await api.cron.add_many(specs(250))
    assert (len(report.unknown), len(report.done)) == (100, 150)
    assert sorted(names(app)) == sorted(spec["name"] for spec in specs(250))
    assert sent(app, "cron.batch_add") == 3


# --- batches that are refused --------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0, 37, 99])
async def test_a_bad_item_is_isolated(bad):
    """Of a hundred specs the one that the service refuses fails with its words; the others are
    done, with at most 18 requests.
    """
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


@pytest.mark.crowd
async def test_a_bad_item_teaches_nothing_wrong():
    """After a batch with a bad item, the next batches are as large as before."""
    app = emulator()
    async with paced(app) as api:
        await api.cron.add_many([*specs(99), {"url": URL, "timeout": 99_999_999}])
        before = sent(app)
        await api.cron.add_many(specs(300, "later"))
        assert sent(app) - before == 3 + 3  # the list, its end, and its page again; and the batches


@pytest.mark.crowd
async def test_the_size_of_batches_is_learnt():
    """A service that takes 30 items at most is asked for fewer, at once by the next bulk of the
    same client.
    """
    app = emulator(max_batch=30)
    async with paced(app) as api:
        all_made_once(app, await api.cron.add_many(specs(200)), specs(200))
        assert sent(app) <= 2 + 8 + 6 + 3
        before = sent(app)
        bulk = api.cron.add_many(specs(100, "later"))
        report = await bulk
        assert len(report.done) == 100
        assert sent(app) - before == bulk.cost().requests == 3 + 4
        before = sent(app)
        assert len((await api.cron.delete_many([job.id for job in report.values])).done) == 100
        assert sent(app) - before == 4


@pytest.mark.crowd
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
        assert sent(app) - before == 3 + 4
    assert len(app.emulator.jobs("fastcron")) == 199


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_refused_batch_of_adds_made_is_not_made_again(fails):
    """Where a refused batch was half carried out, what it made is found; where the jobs cannot be
    listed then, its items are unknown.
    """
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
    assert sorted(names(app)) == sorted(spec["name"] for spec in specs(20 if fails else 40))


async def test_a_batch_that_never_arrives_is_not_unknown():
    """Where a batch is lost each time, and the list shows each time that nothing was made, its
    items failed and say so.
    """
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
    """Where a batch is answered with fewer jobs than were sent, the list tells which is whose, and
    none is made twice.
    """
    app = emulator()
    async with paced(app, transport=OneShort(app)) as api:
        all_made_once(app, await api.cron.add_many(specs(30)), specs(30))


@pytest.mark.few(1)
@pytest.mark.parametrize("kind", ["add", "delete"])
async def test_a_token_that_is_revoked_in_the_middle_stops_it(kind):
    """Once the service takes the token no longer, what was done stays done, what was tried failed,
    and the rest is not tried.
    """
    app, good = emulator(), [True]
    async with paced(app, token=lambda: TOKEN if good[0] else "f" * 32) as api:
        ids = await added(api, 700) if kind == "delete" else []
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
