"""`aclose(drain=...)`: what was begun is finished in time, and what is left is counted."""

from __future__ import annotations

import asyncio
import threading

import anyio
import anyio.lowlevel
import httpx
import pytest

from cronapi import ConfigurationError, CronAPIError
from cronapi.emulator import Fault
from tests.support.emulated import FAST, URL, emulator, paced, specs
from tests.support.line import Line
from tests.support.seen import functions

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


class Tasks:
    """Calls under way: what each returned or raised, and when the last one ended."""

    def __init__(self, group):
        self._group = group
        self.results = {}

    async def start(self, **calls):
        """Start calls, one after the other, and let each get as far as it can."""
        for name, call in calls.items():
            self._group.start_soon(self._run, name, call)
            await anyio.wait_all_tasks_blocked()

    async def _run(self, name, call):
        try:
            self.results[name] = await call()
        except CronAPIError as error:
            self.results[name] = error


@pytest.fixture
async def tasks():
    async with anyio.create_task_group() as group:
        yield Tasks(group)


def edits(api, ids):
    return {f"edit {n}": lambda n=n: api.cron.edit(n, name="new") for n in ids}


async def closed_after(api, drain):
    """Close a client, and return the number of calls that were left and the seconds it took."""
    begun = anyio.current_time()
    left = await api.aclose(drain=drain)
    return left, anyio.current_time() - begun


def names(app):
    return sorted(job["name"] for job in app.emulator.jobs("fastcron"))


# --- what is finished ----------------------------------------------------------------------------


async def test_calls_that_wait_are_finished(tasks):
    """Four edits wait for their turn at one a second: all are carried out, and closing takes no
    longer than that.
    """
    app = emulator()
    api = paced(app)
    jobs = await api.cron.batch_add(specs(4))
    await tasks.start(**edits(api, [job.id for job in jobs]))
    left, seconds = await closed_after(api, 60.0)
    assert left == 0
    assert 3.0 < seconds < 5.0
    await anyio.wait_all_tasks_blocked()
    assert names(app) == ["new"] * 4
    assert {type(result).__name__ for result in tasks.results.values()} == {"CronJob"}


async def test_calls_that_share_a_request_are_finished(tasks):
    """Forty users who wait for one batch all have their jobs before the client is closed."""
    app = emulator()
    api = paced(app, coalesce=True)
    await api.cron.list()
    await tasks.start(
        **{f"user {n}": lambda n=n: api.cron.add(url=URL, name=str(n)) for n in range(40)}
    )
    assert await closed_after(api, 10.0) == (0, pytest.approx(1.0, abs=0.2))
    await anyio.wait_all_tasks_blocked()
    assert len(names(app)) == len({job.id for job in tasks.results.values()}) == 40


STORIES = {
    "an answer that is lost": ("lose", "cron.add", lambda api: api.cron.add(url=URL, name="n")),
    "a create that was not made": (
        "reset",
        "cron.add",
        lambda api: api.cron.add(url=URL, name="n"),
    ),
    "a refusal": ("outage", "cron.add", lambda api: api.cron.add(url=URL, name="n")),
    "a job to ensure": ("reset", "cron.list", lambda api: api.cron.ensure(url=URL, name="n")),
    "a job to find": ("reset", "cron.list", lambda api: api.cron.find("old")),
    "a missing job": ("outage", "cron.get", lambda api: api.cron.get(999_999)),
    "a batch": ("lose", "cron.batch_add", lambda api: api.cron.add_many(specs(3))),
}


@pytest.mark.parametrize("coalesce", [False, True])
@pytest.mark.parametrize("name", STORIES)
async def test_a_call_of_several_requests_is_finished(name, coalesce, tasks):
    """Repeats, lookups, searches and confirmations belong to the call that needs them, and are
    made while the client closes.
    """
    kind, function, call = STORIES[name]
    app = emulator()
    api = paced(app, coalesce=coalesce)
    await api.cron.add(url=URL, name="old")
    app.emulator.faults.add(Fault(kind, function=function))
    await tasks.start(only=lambda: call(api))
    left, seconds = await closed_after(api, 100.0)
    await anyio.wait_all_tasks_blocked()
    assert (left, seconds < 30) == (0, True)
    result = tasks.results["only"]
    if name == "a missing job":
        assert type(result).__name__ == "NotFoundError"
    else:
        assert not isinstance(result, Exception)
        assert result is not None
    assert not getattr(result, "failed", ())


async def test_a_bulk_is_finished_after_single_calls(tasks):
    """A bulk that is under way goes on in its own lane, so a user's call does not wait for it."""
    app, ended = emulator(), []
    api = paced(app)
    ids = [job.id for job in await api.cron.batch_add(specs(6))]

    async def bulk():
        report = await api.cron.edit_many([(number, {"name": "b"}) for number in ids])
        ended.append("bulk")
        return report

    async def single():
        await api.cron.get(ids[0])
        ended.append("single")

    await tasks.start(bulk=bulk, single=single)
    assert (await closed_after(api, 60.0))[0] == 0
    await anyio.wait_all_tasks_blocked()
    assert ended == ["single", "bulk"]
    assert len(tasks.results["bulk"].done) == 6


# --- what is refused, and what is left -----------------------------------------------------------


@pytest.mark.parametrize("steps", range(5))
async def test_a_bulk_that_has_just_begun_is_finished(steps):
    """A bulk belongs to what was begun from its caller's own first step on."""
    app, told = emulator(rates=FAST), []

    async def add(api):
        told.append("begun")
        try:
            told.append(len((await api.cron.add_many(specs(2))).done))
        except ConfigurationError:
            told.append("refused")

    api = paced(app)
    async with anyio.create_task_group() as group:
        group.start_soon(add, api)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        is_begun = bool(told)
        await api.aclose(drain=30)
    assert told == ["begun", 2 if is_begun else "refused"]


async def test_new_calls_are_refused_while_the_client_closes(tasks):
    """From the first moment on, whatever is asked for anew is refused with nothing sent."""
    app = emulator()
    api = paced(app)
    await api.cron.list()
    await tasks.start(first=lambda: api.cron.add(url=URL, name="kept"))
    await tasks.start(closing=lambda: closed_after(api, 30.0))
    late = {
        "get": lambda: api.cron.get(1),
        "view": api.with_options(lane="bulk").cron.list,
        "raw": lambda: api.call("cron.list"),
        "ensure": lambda: api.cron.ensure(url=URL, name="n"),
        "find": lambda: api.cron.find("n"),
        "page": lambda: anext(api.cron.iterate()),
        "bulk": lambda: finished(api.cron.add_many(specs(2))),
        "enter": api.__aenter__,
    }
    await tasks.start(**late)
    refused = [tasks.results.pop(name) for name in late]
    assert {type(error) for error in refused} == {ConfigurationError}
    assert all("closed" in str(error) for error in refused)
    await anyio.sleep(40)
    assert tasks.results["closing"][0] == 0
    assert functions(app) == ["cron.list", "cron.add"]


async def finished(bulk):
    return await bulk


@pytest.mark.parametrize("coalesce", [False, True])
async def test_calls_that_are_left_are_counted_and_not_sent(coalesce, tasks):
    """Ten edits at one a second and three seconds: closing takes three, says how many are left, and
    none of those is sent.
    """
    app = emulator()
    api = paced(app, coalesce=coalesce)
    jobs = await api.cron.batch_add(specs(10))
    await tasks.start(**edits(api, [job.id for job in jobs]))
    left, seconds = await closed_after(api, 3.5)
    assert seconds == pytest.approx(3.5)
    assert left == 7
    await anyio.sleep(60)
    failed = [result for result in tasks.results.values() if isinstance(result, Exception)]
    assert len(failed) == left
    assert all("closed" in str(error) and error.applied.value == "no" for error in failed)
    assert names(app).count("new") == 3


async def test_a_bulk_that_is_left_counts_once_and_reports_its_rest(tasks):
    """What a bulk has not sent when the time is over is not tried, as its report says."""
    app = emulator()
    api = paced(app)
    ids = [job.id for job in await api.cron.batch_add(specs(8))]
    await tasks.start(bulk=lambda: finished(api.cron.edit_many([(n, {"name": "b"}) for n in ids])))
    left, seconds = await closed_after(api, 3.5)
    assert (left, seconds) == (1, pytest.approx(3.5))
    await anyio.sleep(60)
    report = tasks.results["bulk"]
    assert len(report.done) == names(app).count("b") == 3
    assert len(report.not_tried) + len(report.failed) == 5
    assert "closed" in str(report.stopped_by)


async def test_a_request_under_way_is_cut_off_when_the_time_is_over(tasks):
    """Closing never takes longer than it was given, and the caller learns that its edit may have
    been carried out.
    """

    async def hang(_):
        await anyio.sleep(3600)

    api = paced(emulator(), transport=httpx.MockTransport(hang), retry=None)
    await tasks.start(edit=lambda: api.cron.edit(7, name="n"))
    assert await closed_after(api, 2.0) == (1, 2.0)
    await anyio.sleep(100)
    assert tasks.results["edit"].applied.value == "unknown"


async def test_without_drain_everything_is_as_it_was(tasks):
    """`aclose()` returns nothing and sends no call that still waits, but waits for one that was
    sent.
    """
    app = emulator()
    api = paced(app)
    await tasks.start(sent=api.cron.list, waits=api.account.get)
    assert await api.aclose() is None
    await anyio.sleep(10)
    assert functions(app) == ["cron.list"]
    assert isinstance(tasks.results["waits"], ConfigurationError)


# --- who closes ----------------------------------------------------------------------------------


async def test_a_closing_that_is_cancelled_closes_at_once(tasks):
    """A server that loses its patience cancels the closing: connections are closed, calls that wait
    are not sent, and no seat is kept.
    """
    closed = []

    class Own(httpx.ASGITransport):
        async def aclose(self):
            closed.append(anyio.current_time())

    app = emulator()
    api = paced(app, transport=Own(app))
    scheduler = api.scheduler
    await api.cron.list()
    await tasks.start(**edits(api, range(5)))
    begun = anyio.current_time()
    with anyio.move_on_after(0.5):
        await api.aclose(drain=60.0)
    assert closed == [begun + 0.5]
    await anyio.sleep(60)
    assert functions(app) == ["cron.list"]
    assert (scheduler.stats.in_flight, scheduler.stats.waiting["interactive"]) == (0, 0)
    assert {type(result) for result in tasks.results.values()} == {ConfigurationError}


async def test_several_may_close_and_again(tasks):
    """Two tasks that close wait together; a third, later, has nothing to wait for."""
    app = emulator()
    api = paced(app)
    jobs = await api.cron.batch_add(specs(2))
    await tasks.start(**edits(api, [job.id for job in jobs]))
    await tasks.start(one=lambda: closed_after(api, 30.0), two=lambda: closed_after(api, 1.4))
    await anyio.sleep(30)
    assert tasks.results["one"][0] == 0
    assert tasks.results["two"][0] == 1
    assert await closed_after(api, 30.0) == (0, 0.0)
    assert await api.aclose() is None


async def test_a_client_that_was_never_used_is_closed_at_once():
    """There is nothing to wait for."""
    api = paced(emulator())
    assert await closed_after(api, 30.0) == (0, 0.0)
    with pytest.raises(ConfigurationError, match="closed"):
        await api.cron.list()


@pytest.mark.parametrize("drain", [-1, float("nan"), "5", True])
async def test_a_drain_that_is_no_time_is_refused_before_anything_is_closed(drain):
    """The client goes on after such a mistake."""
    async with paced(emulator(rates=FAST)) as api:
        with pytest.raises(ConfigurationError, match="drain"):
            await api.aclose(drain=drain)
        assert await api.cron.list() == []


async def test_a_cancelled_call_is_not_waited_for(tasks):
    """A caller that goes away is none of those that are left."""
    app = emulator()
    api = paced(app)
    await api.cron.list()
    with anyio.move_on_after(0.1):
        await api.cron.get(1)
    assert await closed_after(api, 30.0) == (0, 0.0)
    assert functions(app) == ["cron.list"]


async def test_a_task_of_the_users_that_outlives_a_call_has_no_way_in(tasks):
    """A token function may start a task, whose later calls are new calls like any other."""
    app, late = emulator(), []

    async def later():
        await anyio.sleep(2.5)
        try:
            await api.cron.list()
        except CronAPIError as error:
            late.append(error)

    async def token():
        if not late:
            late.append("started")
            await tasks.start(later=later)
        return "emulator-token-0123456789abcdef"

    api = paced(app, token=token)
    await api.cron.list()
    await tasks.start(**edits(api, range(3)))
    await closed_after(api, 30.0)
    await anyio.sleep(10)
    assert "closed" in str(late[-1])


def test_a_foreign_loop_does_not_wait():
    """On another event loop closing only refuses further calls, and says how many are under way."""
    api = Line().client()

    async def use():
        await api.cron.get(7)
        with api._caller.admission.call():
            found = []
            thread = threading.Thread(
                target=lambda: found.append(asyncio.run(api.aclose(drain=60.0)))
            )
            thread.start()
            await asyncio.to_thread(thread.join, 10)
        return found

    assert asyncio.run(use()) == [1]
