"""A bulk that goes on with its journal after it was cancelled or killed."""

from __future__ import annotations

import json
import os

import anyio
import httpx
import pytest

from cronapi import (
    Applied,
    ConfigurationError,
    ResponseError,
    Scheduler,
)
from cronapi.emulator import Fault
from tests.support.bulks import LATER, added, all_made_once
from tests.support.emulated import (
    BOTH,
    URL,
    client_of,
    emulator,
    paced,
    specs,
    virtual,
)
from tests.support.seen import names, sent

pytestmark = pytest.mark.virtual_clock


async def cut_off(app, bulk, requests):
    """Carry a bulk out until the service has seen that many requests of it, and cancel it a moment
    later.
    """
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


@pytest.mark.each_loop
@BOTH
async def test_a_bulk_that_is_cancelled_while_it_looks_for_a_twin_goes_on(tmp_path, provider):
    """A job that was made, and whose outcome nobody was told, is found by the next run."""
    app, journal, given = emulator(), tmp_path / "journal.jsonl", specs(1)
    async with paced(app, provider) as api:
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        async with anyio.create_task_group() as group:
            group.start_soon(api.cron.add_many(given, journal=journal)._finish)
            while not app.emulator.jobs(provider):  # noqa: ASYNC110 -- the emulator announces nothing
                await anyio.sleep(0.05)
            await anyio.sleep(0.5)
            group.cancel_scope.cancel()
        report = await api.cron.add_many(given, journal=journal)
    all_made_once(app, report, given, provider)


@pytest.mark.few(2)
@BOTH
@pytest.mark.parametrize("client", ["same", "new", "new and listed"])
@pytest.mark.parametrize(
    "requests",
    [pytest.param(1, marks=pytest.mark.proof), 3, pytest.param(5, marks=pytest.mark.proof)],
)
async def test_a_bulk_that_was_cancelled_goes_on(tmp_path, provider, client, requests):
    """The same call with the same journal goes on where a cancelled one ended: nothing twice,
    nothing lost, done ones with their ids.
    """
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
    """What a caller was told to have made is its own, however like an item of a cancelled bulk it
    looks; the item is made too.
    """
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


@pytest.mark.crowd
@pytest.mark.each_loop
@pytest.mark.each_value
@pytest.mark.parametrize("requests", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("kind", ["none", "stall", "stall_before", "half", "lose", "bad item"])
async def test_equal_specs_of_two_cancelled_bulks_are_made_once_each(tmp_path, kind, requests):
    """Two bulks of equal specs are cancelled at any moment, and go on with the same client: each
    spec has one job of its own.
    """
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


@pytest.mark.few(1)
@BOTH
@pytest.mark.parametrize("kind", ["stall", "reset"])
async def test_a_resumed_bulk_takes_no_look_alike(tmp_path, provider, kind):
    """Jobs that were there before the first run and look just like ours are not taken for what it
    left behind.
    """
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
    """An edit under way at a cut is done again, unless it also queues a run:
    that one is unknown.
    """
    app, journal = emulator(era="latest"), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        ids = await added(api, 2)
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
    """Jobs whose answer cannot be read as jobs were made all the same: they say so, and a resumed
    bulk finds them.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    odd = Odd(app, "cron_batch_add")
    async with paced(app, transport=odd) as api:
        first = await api.cron.add_many(specs(50), journal=journal)
        assert {(type(outcome.error), outcome.error.applied) for outcome in first.failed} == {
            (ResponseError, Applied.YES)
        }
        odd.function = "none"
        all_made_once(app, await api.cron.add_many(specs(50), journal=journal), specs(50))


@pytest.mark.crowd
async def test_resuming_right_away_waits_for_the_journal(tmp_path):
    """A bulk that is cancelled and started again at once goes on, without a pause between."""
    app, journal, given = emulator(), tmp_path / "journal.jsonl", specs(400)
    async with paced(app) as api:
        for requests in (1, 2, 3):
            await cut_off(app, api.cron.add_many(given, journal=journal), requests)
        async for _ in api.cron.add_many(given, journal=journal):
            break
        all_made_once(app, await api.cron.add_many(given, journal=journal), given)


@pytest.mark.proof
@BOTH
async def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path, provider):
    """From the journal as it was at each of its lines, against the jobs there were when it was cut,
    a new run makes each job once.
    """
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
            assert sorted(names(fresh, provider)) == sorted(spec["name"] for spec in given)


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
        ids = await added(api, 4)
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
    """Other inputs, another kind of bulk, another provider and a folder that is not there are
    refused before anything is sent.
    """
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
        ):
            with pytest.raises(ConfigurationError, match="journal"):
                await bulk
        with pytest.raises(ConfigurationError, match="journal"):
            api.cron.add_many(specs(3), journal=7)
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


@pytest.mark.few(1)
@BOTH
@pytest.mark.parametrize("requests", [1, 2])
async def test_deletes_go_on(tmp_path, provider, requests):
    """A bulk of deletes that was cut off goes on: every job is gone, every item done, also what was
    under way.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app, provider) as api:
        ids = await added(api, 300 if provider == "fastcron" else 40)
        await cut_off(app, api.cron.delete_many(ids, journal=journal), requests)
        await anyio.sleep(3)
        report = await api.cron.delete_many(ids, journal=journal)
        assert [job.id for job in report.values] == ids
    assert app.emulator.jobs(provider) == []


async def test_runs_go_on(tmp_path):
    """Runs under way at a cut are looked up where they have a time, and unknown where they have
    none; none is queued twice.
    """
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


@pytest.mark.each_loop
async def test_a_full_disk_keeps_what_was_done_in_the_report(tmp_path, monkeypatch):
    """Where the journal can no longer be written, the bulk stops with that error and the report has
    what was done.
    """
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
    """While an add waits to look what became of it, a bulk of the same client lists all jobs: the
    add still finds its own, made once.
    """
    app = emulator(rates={"setcronjob": None})
    app.emulator.faults.add(Fault("lose", function="cron.add"))

    class Meanwhile(Scheduler):
        begun = False

        async def _sleep(self, seconds):
            if not self.begun:
                self.begun = True
                await api.cron.add_many(specs(2))

    async with client_of(app, "setcronjob", scheduler=Meanwhile(1000.0)) as api:
        job = await api.cron.add(url="https://example.com/mine", name="mine")
    assert [row["id"] for row in app.emulator.jobs("setcronjob") if row["name"] == "mine"] == [
        job.id
    ]


@pytest.mark.few(1)
@BOTH
async def test_a_done_line_without_its_id_is_looked_up(tmp_path, provider):
    """A line that says done, and not what was made or changed, is as good as none: nothing is made
    twice, and each item has its outcome.
    """
    app = emulator()
    async with paced(app, provider) as api:
        ids = await added(api, 3)
    ways = {
        "add": lambda cron, journal: cron.add_many(specs(3, "other"), journal=journal),
        "run": lambda cron, journal: cron.run_many(ids, time=LATER, journal=journal),
        "disable": lambda cron, journal: cron.disable_many(ids, journal=journal),
        "delete": lambda cron, journal: cron.delete_many(ids, journal=journal),
    }
    for kind, way in ways.items():
        journal = tmp_path / f"{provider}-{kind}.jsonl"
        async with paced(app, provider) as api:
            (await way(api.cron, journal)).raise_for_failures()
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        for line in lines:
            if line.get("item") == 1:
                line.pop("id")
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        async with paced(app, provider) as api:
            report = await way(api.cron, journal)
        looked_up = "unknown" if kind == "run" else "done"  # no queue shows a run so far away
        assert [one.status for one in report] == ["done", looked_up, "done"]
    assert app.emulator.created(provider) == 6


async def test_a_time_that_is_none_is_as_good_as_no_time(tmp_path):
    """A line with a number that no clock has is looked up like one without: no run is repeated."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        ids = await added(api, 1)
        await api.cron.run_many(ids, time=LATER, journal=journal)
        journal.write_text(
            journal.read_text().replace(f'"id":{LATER.timestamp():.0f}', f'"id":{10**17}')
        )
    async with paced(app) as api:
        report = await api.cron.run_many(ids, time=LATER, journal=journal)
    assert [one.status for one in report] == ["unknown"]
    assert sent(app, "cron.run") == 1
