"""Bulks where things meet that seldom do."""

from __future__ import annotations

from collections import Counter

import anyio
import pytest

from cronapi import ConfigurationError
from cronapi.emulator import Fault
from tests.support.emulated import FAST, URL, emulator, paced, specs, together
from tests.support.seen import functions

pytestmark = pytest.mark.virtual_clock


@pytest.mark.crowd
async def test_equal_specs_are_as_many_jobs_when_their_bulk_goes_on(tmp_path):
    """Of 250 equal specs some are done when the bulk is broken off: the same client goes on, and
    there are 250 jobs, each told once.
    """
    app, specs = emulator(), [{"url": URL}] * 250
    async with paced(app) as api:
        async for outcome in api.cron.add_many(specs, journal=tmp_path / "j"):
            if outcome.index >= 99:
                break
        await anyio.sleep(60)
        report = await api.cron.add_many(specs, journal=tmp_path / "j")
    assert len({job.id for job in report.values}) == 250
    assert len(app.emulator.jobs("fastcron")) == 250


async def pages_that_shift(app, api, trigger, ids):
    """Delete jobs of the first page while somebody who has made a request of `trigger` lists the
    second.
    """
    begun = len(functions(app))

    def seen():
        since = functions(app)[begun:]
        return trigger in since and "cron.list" in since[since.index(trigger) :]

    while not seen():  # noqa: ASYNC110 -- what the emulator has seen can only be asked for
        await anyio.sleep(0.005)
    await api.cron.batch_delete(ids)


async def more_than_a_page(api):
    made = []
    for batch in range(10):
        made += await api.cron.batch_add([{"url": URL, "name": f"{batch}-{n}"} for n in range(100)])
    return made + await api.cron.batch_add([{"url": URL, "name": f"last {n}"} for n in range(5)])


@pytest.mark.crowd
async def test_deletes_while_pages_are_read_prove_no_absence():
    """A job that moves to an earlier page while a bulk reads the later one is found all the
    same.
    """
    app = emulator(rates=FAST)
    async with paced(app, rate=10.0) as api:
        made = await more_than_a_page(api)
        async with anyio.create_task_group() as group:
            group.start_soon(pages_that_shift, app, api, "cron.list", [made[0].id])
            report = await api.cron.get_many([job.id for job in made[1:]])
    assert len(report.done) == len(made) - 1


@pytest.mark.crowd
async def test_deletes_while_a_loss_is_examined_make_nothing_twice():
    """A batch whose answer is lost is found although its jobs move to an earlier page between two
    pages of the listing.
    """
    app = emulator(rates=FAST)
    async with paced(app, rate=10.0) as api:
        made = await more_than_a_page(api)
        app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
        async with anyio.create_task_group() as group:
            group.start_soon(
                pages_that_shift, app, api, "cron.batch_add", [job.id for job in made[1:40]]
            )
            report = await api.cron.add_many([{"url": URL, "name": f"new {n}"} for n in range(30)])
    assert len(report.done) == 30
    names = Counter(job["name"] for job in app.emulator.jobs("fastcron"))
    assert [names[f"new {n}"] for n in range(30)] == [1] * 30


@pytest.mark.each_loop
async def test_a_look_alike_that_was_listed_while_an_add_waited_is_not_taken():
    """Another program makes the very same job and this client lists it while its merged add waits:
    both jobs are made.
    """
    app = emulator()
    async with paced(app, coalesce=True) as api, paced(app, rate=1000.0) as other:
        await api.cron.list()
        app.emulator.faults.add(Fault("lose", function="cron.add", times=1))

        async def meanwhile():
            app.emulator.faults.clear()
            theirs = await other.cron.add(url=URL, name="same")
            app.emulator.faults.add(Fault("lose", function="cron.add", times=1))
            return theirs

        theirs, _, ours = await together(
            meanwhile, api.cron.list, lambda: api.cron.add(url=URL, name="same")
        )
    assert theirs.id != ours.id
    assert len(app.emulator.jobs("fastcron")) == 2


async def test_a_journal_in_a_folder_that_is_gone_is_refused(tmp_path, monkeypatch):
    """A relative path where the working directory was deleted is an error of the journal's."""
    app, gone = emulator(), tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with paced(app) as api:
        with pytest.raises(ConfigurationError, match=r"journal j\.jsonl could not be opened"):
            await api.cron.add_many(specs(2), journal="j.jsonl")
        report = await api.cron.add_many(specs(2), journal=tmp_path / "j.jsonl")
    assert len(report.done) == len(app.emulator.jobs("fastcron")) == 2
