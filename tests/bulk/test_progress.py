"""What a bulk tells while it is under way and how it is ended: progress, the seconds that are left,
closing, and what stopped it.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from itertools import pairwise

import anyio
import pytest
from anyio.lowlevel import cancel_shielded_checkpoint

from cronapi import (
    AuthenticationError,
    ConfigurationError,
    Failed,
    NotTried,
    ServiceUnavailableError,
)
from cronapi.bulk import journal as journals
from cronapi.emulator import Fault
from tests.support.bulks import is_idle
from tests.support.emulated import BOTH, client_of, emulator, paced, specs, virtual

pytestmark = pytest.mark.virtual_clock


# --- progress ------------------------------------------------------------------------------------


async def hear(done, total, left):
    """Hear nothing, since nobody awaits it."""


class Listener:
    """Something that can be called, in a way that nobody can use."""

    async def __call__(self, done, total, left):
        """Hear nothing either."""


@pytest.mark.parametrize(
    "wrong",
    [5, True, "x", hear, partial(hear), Listener()],
    ids=["number", "bool", "text", "async", "partial", "object"],
)
async def test_progress_that_cannot_be_called_is_refused_at_once(wrong):
    """What is no function, or an async one, is refused when the bulk is made, before anything is
    sent.
    """
    app = emulator()
    async with paced(app) as api:
        with pytest.raises(ConfigurationError, match="progress must be a function"):
            api.cron.add_many(specs(5), progress=wrong)
    assert not app.emulator.requests


@pytest.mark.each_value
@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize("heard", [1, 50, 150])
async def test_an_error_in_progress_leaves_all_that_is_known_in_the_report(
    tmp_path, heard, journal
):
    """Where `progress` raises in the middle of a batch, the report has the whole batch: what the
    service has made is not forgotten.
    """
    app = emulator()

    def progress(done, total, left):
        if done == heard:
            raise KeyError("mine")

    async with paced(app) as api:
        bulk = api.cron.add_many(
            specs(1000), progress=progress, journal=tmp_path / "journal" if journal else None
        )
        with pytest.raises(KeyError, match="mine"):
            await bulk
        known = len(bulk.report.done)
        assert known >= heard
        assert known % 100 == 0
        await anyio.sleep(60)
        assert await is_idle(api)
        assert len(bulk.report.done) <= len(app.emulator.jobs("fastcron")) <= known + 300
        made = {row["name"] for row in app.emulator.jobs("fastcron")}
        assert {job.name for job in bulk.report.values} <= made


@pytest.mark.each_loop
async def test_a_bulk_that_is_cancelled_reports_whole_batches():
    """Whoever is cancelled while awaiting a bulk still has in its report each batch that was
    answered.
    """
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(1000))
        with anyio.move_on_after(3.5):
            await bulk
        assert len(bulk.report.done) == len(app.emulator.jobs("fastcron")) > 0


# --- the seconds that are left -------------------------------------------------------------------


class Inline:
    """Runs on the event loop what is meant for a thread, which takes real time, and of that a
    virtual clock knows nothing.
    """

    @staticmethod
    async def run_sync(function, *arguments):
        await cancel_shielded_checkpoint()
        return function(*arguments)


async def told(bulk_of):
    """Carry out a bulk and return, of each time it told of its progress, the seconds it told and
    those that it really took from then.
    """
    heard = []
    report = await bulk_of(lambda done, total, left: heard.append((anyio.current_time(), left)))
    report.raise_for_failures()
    end = anyio.current_time()
    return [(left, end - at) for at, left in heard]


def are_honest(seconds, request):
    """Whether what was told is within a factor of two of the truth, give or take the seconds of a
    request.
    """
    return all(left / 2 - request <= real <= left * 2 + request for left, real in seconds)


def rises(seconds):
    """Return by how much the seconds that were told rose from one time to the next, at most."""
    return max(later - sooner for (sooner, _), (later, _) in pairwise(seconds))


@pytest.mark.proof
async def test_the_seconds_of_batches_are_honest_from_the_first(tmp_path, monkeypatch):
    """1,500 adds on an account with 2,000 jobs at 1 request a second: from the first outcome on,
    and when the bulk goes on after a cut.
    """
    monkeypatch.setattr(journals, "to_thread", Inline)
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        (await api.cron.add_many(specs(2000, "old"))).raise_for_failures()
        seconds = await told(lambda progress: api.cron.add_many(specs(1500), progress=progress))
        assert are_honest(seconds, 1.1)
        assert rises(seconds) < 1.1
        assert seconds[0][0] == 15
        await cut_off(
            app, "cron.batch_add", api.cron.add_many(specs(1500, "more"), journal=journal), 9
        )
    async with paced(app) as api:
        seconds = await told(
            lambda progress: api.cron.add_many(
                specs(1500, "more"), journal=journal, progress=progress
            )
        )
    assert len(seconds) == 1500
    assert are_honest(seconds, 1.1)


@pytest.mark.crowd
@pytest.mark.parametrize("adds", [100, pytest.param(300, marks=pytest.mark.proof)])
async def test_the_seconds_of_singles_are_honest_from_the_first(tmp_path, monkeypatch, adds):
    """Some adds at 10 requests a second, one request each: from the first outcome on, and when the
    bulk goes on after a cut.
    """
    monkeypatch.setattr(journals, "to_thread", Inline)
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app, "setcronjob") as api:
        seconds = await told(lambda progress: api.cron.add_many(specs(adds), progress=progress))
        assert are_honest(seconds, 0.11)
        assert rises(seconds) < 0.5
        more = api.cron.add_many(specs(adds, "more"), journal=journal)
        await cut_off(app, "cron.add", more, adds // 2)
    async with paced(app, "setcronjob") as api:
        seconds = await told(
            lambda progress: api.cron.add_many(
                specs(adds, "more"), journal=journal, progress=progress
            )
        )
    assert are_honest(seconds, 0.11)


async def cut_off(app, function, bulk, requests):
    """Cancel a bulk when the service has seen so many requests of a function."""
    enough = requests + sum(seen.function == function for seen in app.emulator.requests)

    async def carry_out():
        await bulk

    async with anyio.create_task_group() as group:
        group.start_soon(carry_out)
        while sum(seen.function == function for seen in app.emulator.requests) < enough:  # noqa: ASYNC110 -- the emulator announces nothing
            await anyio.sleep(0.05)
        group.cancel_scope.cancel()
    await anyio.sleep(60)


@pytest.mark.crowd
async def test_a_slow_service_is_learnt():
    """Where each request takes ten times as long as the rate allows, the seconds say so once a few
    were seen.
    """
    app = emulator()
    async with client_of(app, "setcronjob", scheduler=virtual(10.0, max_in_flight=1)) as api:
        app.emulator.faults.add(Fault("stall", function="cron.add", times=None, seconds=1.0))
        seconds = await told(lambda progress: api.cron.add_many(specs(100), progress=progress))
    assert are_honest(seconds[10:], 1.0)


# --- closing -------------------------------------------------------------------------------------


@BOTH
async def test_a_bulk_is_closed_at_the_end_of_a_block(provider):
    """`aclosing(bulk)` ends what was begun, whatever still holds the iterator: nothing more is
    sent.
    """
    app = emulator()
    async with paced(app, provider) as api:
        async with aclosing(api.cron.add_many(specs(1000))) as bulk:
            outcomes = aiter(bulk)
            await anext(outcomes)
        await anyio.sleep(5)
        assert await is_idle(api)
        made = len(app.emulator.jobs(provider))
        await anyio.sleep(60)
        assert 0 < len(app.emulator.jobs(provider)) == made < 500
        assert len([outcome async for outcome in outcomes]) < 500


@pytest.mark.each_loop
async def test_a_bulk_that_was_not_begun_can_be_closed():
    """Closing a bulk that nobody began is no mistake, and it can no longer be begun; nor is closing
    twice, or what is over.
    """
    app = emulator()
    async with paced(app) as api:
        async with aclosing(api.cron.add_many(specs(3))) as bulk:
            pass
        await bulk.aclose()
        with pytest.raises(ConfigurationError, match="was closed; make another"):
            await bulk
        begun = api.cron.add_many(specs(3))
        outcomes = aiter(begun)
        await begun.aclose()
        assert [outcome async for outcome in outcomes] == []
        assert not app.emulator.requests
        async with aclosing(api.cron.add_many(specs(3))) as bulk:
            report = await bulk
        assert len(report.done) == len(bulk.report.done) == 3


@pytest.mark.each_loop
async def test_who_awaits_a_bulk_that_is_closed_by_another_is_told():
    """An `await` that another task cuts short by closing the bulk raises, so that nobody takes half
    a report for the whole.
    """
    app = emulator()
    async with paced(app) as api:
        bulk = api.cron.add_many(specs(1000))
        async with anyio.create_task_group() as group:

            async def close():
                await anyio.sleep(3.5)
                await bulk.aclose()

            group.start_soon(close)
            with pytest.raises(ConfigurationError, match="closed before its end"):
                await bulk
        assert await is_idle(api)
        assert 0 < len(bulk.report.done) == len(app.emulator.jobs("fastcron")) < 500


# --- what stopped it -----------------------------------------------------------------------------


@BOTH
async def test_a_wrong_token_is_told_once(provider):
    """A report says what stopped the bulk, so that it need not be told for each item."""
    async with paced(emulator(), provider, token="f" * 32) as api:
        report = await api.cron.disable_many(range(1, 51))
        assert isinstance(report.stopped_by, AuthenticationError)
        assert "; stopped by: AuthenticationError: " in report.summary()
        assert {type(outcome) for outcome in report} == {Failed, NotTried}
        assert isinstance((await api.cron.add_many(specs(3))).stopped_by, AuthenticationError)


@pytest.mark.each_loop
async def test_an_outage_is_told_once():
    """An outage that outlasts the patience is what stopped the bulk; a bulk in which an item failed
    by itself was not stopped.
    """
    app = emulator()
    async with paced(app) as api:
        report = await api.cron.disable_many([4711])
        assert (len(report.failed), report.stopped_by) == (1, None)
        app.emulator.faults.add(Fault("outage", times=None))
        assert isinstance((await api.cron.add_many(specs(300))).stopped_by, ServiceUnavailableError)


@pytest.mark.each_loop
async def test_an_input_that_breaks_off_is_what_stopped_it():
    """Where the input raises, the report of what was done says so too."""

    def given():
        yield from specs(5)
        raise ZeroDivisionError

    async with paced(emulator()) as api:
        bulk = api.cron.add_many(given())
        with pytest.raises(ConfigurationError) as caught:
            await bulk
    assert bulk.report.stopped_by is caught.value
    assert (
        "stopped by: ConfigurationError: cron.add_many: item 5 could not be read"
        in bulk.report.summary()
    )
