"""Bulks of jobs that were chosen: given as jobs, as ids, or as what a filter lets through."""

from __future__ import annotations

import json
from collections import Counter

import anyio
import pytest

from cronapi import ConfigurationError, CronJob, Group
from cronapi.emulator import Clock, create_app
from tests.support.emulated import BOTH, FAST, TOKEN, client_of, fill, paced

PAGE = 10


def account(count=25, provider="fastcron", **options):
    """Return an emulator with small pages and so many jobs, and their ids."""
    app = create_app(rates=FAST, page_size=PAGE, **options)
    return app, fill(app, provider, count)


def asked(app):
    return Counter(seen.function for seen in app.emulator.requests)


def names(app, provider="fastcron"):
    return [row["name"] for row in app.emulator.jobs(provider)]


# --- jobs as items -------------------------------------------------------------------------------

WAYS = {
    "get": lambda cron, items: cron.get_many(items),
    "enable": lambda cron, items: cron.enable_many(items),
    "disable": lambda cron, items: cron.disable_many(items),
    "pause": lambda cron, items: cron.pause_many(items, for_="1 hour"),
    "run": lambda cron, items: cron.run_many(items),
    "edit": lambda cron, items: cron.edit_many([(item, {"timeout": 20}) for item in items]),
    "edit from a mapping": lambda cron, items: cron.edit_many(
        {item: {"timeout": 20} for item in items}
    ),
    "edit alike": lambda cron, items: cron.edit_many(
        ((item, {"timeout": 20}) for item in items), batch=True
    ),
    "delete": lambda cron, items: cron.delete_many(items),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_bulk_takes_jobs_and_ids_mixed(emulate, way):
    """Each bulk takes the jobs that a list returned, ids, or both, and gives back what it got."""
    app, ids = account(6)
    _, api = await emulate(app=app)
    jobs = await api.cron.list()
    items = [jobs[0], ids[1], jobs[2], jobs[3], ids[4]]
    report = await WAYS[way](api.cron, items)
    report.raise_for_failures()
    given = [outcome.given for outcome in report]
    assert [one[0] if isinstance(one, tuple) else one for one in given] == items
    if way != "run":
        assert [job.id for job in report.values] == ids[:5]
    if way == "delete":
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == ids[5:]


async def test_groups_are_deleted_as_groups_and_ids(emulate):
    """`group.delete_many` takes what `group.list` returned."""
    _, api = await emulate()
    groups = [await api.group.add(name) for name in "abc"]
    report = await api.group.delete_many([groups[0], groups[1].id, groups[2]])
    assert [group.id for group in report.values] == [group.id for group in groups]
    assert await api.group.list() == []


JOB, GROUP = CronJob(id=7), Group(id=5, name="team")
WRONG = [
    (lambda api: api.cron.delete_many([JOB, 7]), "item 1: It is the same id as item 0: 7."),
    (lambda api: api.cron.delete_many([7, JOB]), "item 1: It is the same id as item 0: 7."),
    (lambda api: api.cron.edit_many([(JOB, {}), (7, {})]), "item 1: It is the same id as item 0"),
    (lambda api: api.cron.delete_many([GROUP]), "not a Group; group.items(group.id) has its jobs."),
    (lambda api: api.cron.get_many([True]), "not a bool."),
    (lambda api: api.cron.run_many(["7"]), "not a str; cron.find(name) finds a job by its name."),
    (lambda api: api.cron.pause_many([{"id": 7}], for_="1 hour"), "not a dict."),
    (lambda api: api.cron.enable_many([CronJob(id=10**18)]), "18 digits"),
    (lambda api: api.group.delete_many([JOB]), "not a CronJob; job.group is that of its group."),
    (lambda api: api.group.delete_many([GROUP, 5]), "item 1: It is the same id as item 0: 5."),
]


def test_an_item_that_is_no_job_is_refused_for_what_it_is():
    """A group among jobs, a job among groups and the same job twice are named before all else."""
    api = client_of(None)
    for make, text in WRONG:
        with pytest.raises(ConfigurationError) as refused:
            make(api)
        assert text in str(refused.value)


@pytest.mark.parametrize("first", ["ids", "jobs"])
async def test_a_journal_goes_on_with_jobs_where_it_began_with_ids(emulate, tmp_path, first):
    """A journal knows a job by its id, so that either way of naming it goes on with the other."""
    app, ids = account(6)
    _, api = await emulate(app=app)
    ways = {"ids": ids, "jobs": await api.cron.list()}
    begun, other = ways.pop(first), next(iter(ways.values()))
    journal = tmp_path / "journal"
    (await api.cron.disable_many(begun[:4], journal=journal)).raise_for_failures()
    report = await api.cron.disable_many(other, journal=journal)
    assert [job.id for job in report.values] == ids
    assert [outcome.given for outcome in report] == other
    assert asked(app)["cron.disable"] == 6


# --- by filter -----------------------------------------------------------------------------------


@BOTH
async def test_deleting_what_is_iterated_leaves_none(provider):
    """The jobs of every page are read before the first is deleted, so none moves out of sight."""
    app, ids = account(provider=provider)
    async with client_of(app, provider) as api:
        report = await api.cron.delete_many(api.cron.iterate())
    assert len(report.done) == len(ids) == 25
    assert app.emulator.jobs(provider) == []
    seen = [row.function for row in app.emulator.requests]
    assert "cron.list" not in seen[seen.index(next(f for f in seen if "delete" in f)) :]


async def some(jobs):
    async for job in jobs:
        if int(job.name[1:]) % 2:
            yield job.id


async def by_hand(api):
    number = 1
    while page := await api.cron.list(page=number):
        for job in page:
            yield job
        number += 1


async def raw_pages(api):
    number = 1
    while page := await api.call("cron.list", page=number):
        for row in page:
            yield row["id"]
        number += 1


async def late(api):
    jobs = api.cron.iterate()
    await anext(jobs)
    return jobs


READINGS = {
    "a filter around it": (lambda api: some(api.cron.iterate()), 12),
    "an expression around it": (lambda api: (job.id async for job in api.cron.iterate()), 25),
    "pages read by hand": (by_hand, 25),
    "another client's": (lambda api: api.with_options(timeout=9.0).cron.iterate(), 25),
    "raw pages": (raw_pages, 25),
}


@pytest.mark.parametrize("coalesce", [False, True])
async def test_it_does_not_matter_how_the_list_is_read(coalesce):
    """A generator around `iterate`, and one that reads pages itself, leave no job behind either."""
    for label, (read, count) in READINGS.items():
        app, _ = account()
        async with client_of(app, coalesce=coalesce) as api:
            report = await api.cron.delete_many(read(api))
        assert len(report.done) == count, label
        assert len(app.emulator.jobs("fastcron")) == 25 - count, label


async def test_a_reading_that_had_begun_before_is_read_to_its_end_too():
    """The rest of a page that was read already does not let the first delete go early."""
    app, _ = account()
    async with client_of(app) as api:
        report = await api.cron.delete_many(await late(api))
    assert len(report.done) == 24
    assert len(app.emulator.jobs("fastcron")) == 1


async def test_edits_that_take_jobs_out_of_the_search_miss_none():
    """Renaming all that a keyword finds changes what the keyword finds: all are read before."""
    app, _ = account()
    async with client_of(app) as api:
        edits = ((job, {"name": f"x{job.id}"}) async for job in api.cron.iterate(keyword="n"))
        report = await api.cron.edit_many(edits)
    assert len(report.done) == 25
    assert all(name.startswith("x") for name in names(app))


async def test_copies_of_all_jobs_are_not_copied_again():
    """Adding a copy of each job while the list is read ends, with one copy each."""
    app, _ = account(12)
    async with client_of(app) as api:
        copies = ({"url": job.url, "name": f"copy {job.name}"} async for job in api.cron.iterate())
        report = await api.cron.add_many(copies)
    assert len(report.done) == 12
    assert len(app.emulator.jobs("fastcron")) == 24


async def test_an_input_that_reads_no_list_is_sent_as_it_comes(emulate):
    """A slow queue of ids is not waited for: each id is deleted before the next is there."""
    app, ids = account(3)
    _, api = await emulate(app=app)

    async def queue():
        for count, number in enumerate(ids):
            while len(app.emulator.jobs("fastcron")) > 3 - count:
                await api.account.get()  # other reads move nothing
            yield number

    assert len((await api.cron.delete_many(queue())).done) == 3


@pytest.mark.crowd
@pytest.mark.virtual_clock
async def test_two_thousand_five_hundred_jobs_are_deleted_by_a_filter():
    """At FastCron's page size and rate: three pages, the last of them short, then 25 batches."""
    app = create_app(rates=FAST)
    fill(app, "fastcron", 2500)
    async with paced(app) as api:
        report = await api.cron.delete_many(api.cron.iterate())
    assert len(report.done) == 2500
    assert app.emulator.jobs("fastcron") == []
    assert asked(app) == {"cron.list": 3, "cron.batch_delete": 25}


@pytest.mark.virtual_clock
@pytest.mark.parametrize("ends", ["cancelled", "closed", "left"])
async def test_a_bulk_that_ends_while_its_filter_is_read_sends_nothing(ends):
    """Cancelled, closed or broken off: no job is deleted, the reading ends, and the client goes on
    as before.
    """
    app = create_app(clock=Clock(ticks=anyio.current_time), rates=FAST, page_size=PAGE)
    fill(app, "fastcron", 25)
    closed = []

    async def jobs():
        try:
            async for job in api.cron.iterate():
                yield job
        finally:
            closed.append(True)

    async with paced(app) as api:
        bulk = api.cron.delete_many(jobs())
        with anyio.move_on_after(1.5 if ends == "cancelled" else 60) as scope:
            async with anyio.create_task_group() as group:
                if ends == "closed":
                    group.start_soon(end_after, 1.5, bulk.aclose)
                if ends == "left":
                    group.start_soon(end_after, 1.5, lambda: stop(group))
                try:
                    await bulk
                except ConfigurationError:
                    assert ends == "closed"
        assert scope.cancelled_caught == (ends == "cancelled")
        await anyio.sleep(60)
        assert closed == [True]
        assert set(asked(app)) == {"cron.list"}
        assert len((await api.cron.delete_many(api.cron.iterate())).done) == 25


async def end_after(seconds, end):
    await anyio.sleep(seconds)
    await end()


async def stop(group):
    group.cancel_scope.cancel()


async def test_a_reading_that_fails_deletes_nothing_and_says_why():
    """A wrong token is told with the service's words, and no job is gone."""
    app, _ = account()
    async with client_of(app, token="wrong-" + TOKEN) as api:
        text = r"item 0 could not be read \(AuthenticationError: Invalid API token, .+ found\)\.$"
        with pytest.raises(ConfigurationError, match=text):
            await api.cron.delete_many(api.cron.iterate())
    assert len(app.emulator.jobs("fastcron")) == 25


async def test_a_filter_that_finds_nothing_is_no_error(emulate):
    """A nightly cleaning with nothing to clean has an empty report."""
    _, api = await emulate(app=account()[0])
    report = await api.cron.delete_many(api.cron.iterate(match="tmp *"))
    report.raise_for_failures()
    assert (list(report), report.summary()) == ([], "cron.delete_many: 0 done")
    edits = ((job, {"timeout": 20}) async for job in api.cron.iterate(status="failed"))
    assert len(await api.cron.edit_many(edits)) == 0


async def test_a_queue_that_reads_a_list_now_and_then_is_not_held_to_its_end(emulate):
    """Each reading ends with its last page; what it found is sent before the next one."""
    app, _ = account(22)
    _, api = await emulate(app=app)

    async def queue():
        for count, word in enumerate(["n1?", "n2?"]):
            async for job in api.cron.iterate(match=word):
                yield job
            while len(app.emulator.jobs("fastcron")) > (12, 10)[count]:
                await api.account.get()

    assert len((await api.cron.delete_many(queue())).done) == 12


async def test_a_deleting_by_filter_that_was_cut_off_is_simply_made_again(emulate):
    """What is left is found anew: no journal is needed for it."""
    app, _ = account()
    _, api = await emulate(app=app)
    async for _ in api.cron.delete_many(api.cron.iterate(match="n1*")):
        break
    await api.cron.delete_many(api.cron.iterate(match="n1*"))
    assert not any(name.startswith("n1") for name in names(app))
    assert json.dumps(names(app)).count("n2") == 6
