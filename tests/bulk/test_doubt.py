"""A bulk that goes on with a journal: what an earlier run may have done stays in doubt until
something proves it, and whose it is.
"""

from __future__ import annotations

import json

import anyio
import pytest

from cronapi import Applied, ConfigurationError, NotFoundError, RetryPolicy, ServiceUnavailableError
from cronapi.emulator import Fault
from tests.support.bulks import LATER
from tests.support.emulated import BOTH, URL, emulator, paced, specs
from tests.support.seen import sent

pytestmark = pytest.mark.virtual_clock

BULKS = {
    "delete": lambda api, ids, **options: api.cron.delete_many(ids, **options),
    "disable": lambda api, ids, **options: api.cron.disable_many(ids, **options),
    "edit": lambda api, ids, **options: api.cron.edit_many(
        [(number, {"name": "new"}) for number in ids], **options
    ),
    "group": lambda api, ids, **options: api.group.delete_many(ids, **options),
}


async def things(api, kind, count=3):
    """Make what a bulk of this kind is about, and return the ids."""
    if kind == "group":
        return [(await api.group.add(f"g{n}")).id for n in range(count)]
    return [job.id for job in (await api.cron.add_many(specs(count))).values]


async def killed(app, bulk, *faults):
    """Carry a bulk out on a service that does what it is asked and answers nothing (or has other
    faults), and end it there.
    """
    app.emulator.faults.add(*(faults or [Fault("stall", seconds=300.0, times=None)]))
    fired = len(app.emulator.faults.fired)

    async def carry_out():
        await bulk

    async with anyio.create_task_group() as group:
        group.start_soon(carry_out)
        while len(app.emulator.faults.fired) == fired:  # noqa: ASYNC110 -- the emulator announces nothing
            await anyio.sleep(0.05)
        await anyio.sleep(0.2)
        group.cancel_scope.cancel()
    app.emulator.faults.clear()
    await anyio.sleep(600)


def noted(journal):
    """Return the last word of a journal on each of its items."""
    last = {}
    for line in map(json.loads, journal.read_text().splitlines()[1:]):
        last |= {index: "sending" for index, _ in line.get("sending", ())}
        last |= {line["item"]: line["status"]} if "item" in line else {}
    return last


# --- doubt ---------------------------------------------------------------------------------------


@pytest.mark.each_value
@BOTH
@pytest.mark.parametrize("kind", BULKS)
async def test_an_outage_does_not_settle_what_an_earlier_run_has_done(tmp_path, provider, kind):
    """What a killed run has done is unknown to a run that meets an outage, in its report and in the
    journal, and done to the next.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    patience = RetryPolicy(budget=10)
    async with paced(app, provider, retry=patience) as api:
        ids = await things(api, kind)
        await killed(app, BULKS[kind](api, ids, journal=journal))
        app.emulator.faults.add(Fault("outage", times=None))
        for _ in range(2):
            report = await BULKS[kind](api, ids, journal=journal)
            doubtful = {outcome.index for outcome in report.unknown}
            assert 0 in doubtful
            assert len(doubtful) + len(report.not_tried) == len(ids)
            assert {type(outcome.error) for outcome in report.unknown} == {ServiceUnavailableError}
            assert {outcome.error.applied for outcome in report.unknown} == {Applied.UNKNOWN}
            assert isinstance(report.stopped_by, ServiceUnavailableError)
            assert set(map(noted(journal).get, doubtful)) == {"unknown"}
        app.emulator.faults.clear()
    async with paced(app, provider) as api:
        report = await BULKS[kind](api, ids, journal=journal)
    assert [outcome.status for outcome in report] == ["done"] * len(ids)


def torn_out(journal):
    """Take every outcome out of a journal, as a kill does that came before the first of them."""
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"status"' not in line))


@pytest.mark.few(3)
@BOTH
@pytest.mark.parametrize("kind", [*BULKS, "add"])
async def test_an_outage_ends_a_bulk_that_goes_on_after_one_patience(tmp_path, provider, kind):
    """However much an earlier run has left in doubt, an outage is waited for once; what is not sent
    any more stays unknown.
    """
    app, journal, count = (
        emulator(),
        tmp_path / "journal.jsonl",
        250 if provider == "fastcron" and kind in ("add", "delete") else 5,
    )
    bulks = BULKS | {"add": lambda api, _ids, **options: api.cron.add_many(specs(count), **options)}
    async with paced(app, provider) as api:
        ids = [] if kind == "add" else await things(api, kind, count)
        if kind == "add":
            app.emulator.faults.add(
                *(
                    Fault("reset", function=name, times=None)
                    for name in ("cron.add", "cron.batch_add")
                )
            )
        await bulks[kind](api, ids, journal=journal)
        app.emulator.faults.clear()
        torn_out(journal)
        functions = {seen.function for seen in app.emulator.requests} - {"cron.list", "group.list"}
        app.emulator.faults.add(*(Fault("outage", function=name, times=None) for name in functions))
        begun = anyio.current_time()
        report = await bulks[kind](api, ids, journal=journal)
    assert anyio.current_time() - begun < 2 * RetryPolicy().budget
    assert {outcome.status for outcome in report} == {
        "failed" if kind == "add" else "unknown"
    }  # an add was proven not to be there
    assert isinstance(report.stopped_by, ServiceUnavailableError)


@pytest.mark.parametrize("kind", ["edits in batches", "runs"])
async def test_an_outage_of_everything_is_waited_for_once_or_twice(tmp_path, kind):
    """Six edits that differ, and five runs at a time that have to be looked up, do not wait for one
    outage each.
    """
    app, journal = emulator(era="seed"), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        ids = await things(api, "edit", 6)

        def again():
            if kind == "runs":
                return api.cron.run_many(ids, time=LATER, journal=journal)
            return api.cron.edit_many(
                [(number, {"timeout": 10 + place}) for place, number in enumerate(ids)],
                batch=True,
                journal=journal,
            )

        await again()
        torn_out(journal)
    app.emulator.faults.add(Fault("outage", times=None))
    async with paced(app) as api:
        begun = anyio.current_time()
        report = await again()
    assert anyio.current_time() - begun < 3 * RetryPolicy().budget  # a look-up is insisted on
    assert len(report.unknown) == 6
    assert isinstance(report.stopped_by, ServiceUnavailableError)


@pytest.mark.crowd
@pytest.mark.each_loop
@pytest.mark.usefixtures("threads_take_no_time")
@pytest.mark.parametrize("kind", ["disable", "group"])
async def test_what_was_learnt_of_doubtful_items_is_kept_where_a_bulk_is_cancelled(tmp_path, kind):
    """A bulk that goes on and is cancelled in the middle has the outcomes so far in its report and
    its journal, and goes on from there.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        ids = await things(api, kind, 5)
        app.emulator.faults.add(Fault("outage", times=None))
        await BULKS[kind](api, ids, journal=journal)
        torn_out(journal)
        app.emulator.faults.clear()
    async with paced(app) as api:
        bulk, before = BULKS[kind](api, ids, journal=journal), sent(app)

        async def carry_out():
            await bulk

        async with anyio.create_task_group() as group:
            group.start_soon(carry_out)
            while sent(app) < before + 3:  # noqa: ASYNC110 -- the emulator announces nothing
                await anyio.sleep(0.05)
            group.cancel_scope.cancel()
        await anyio.sleep(60)
        kept = {outcome.index for outcome in bulk.report.done}
        assert kept
        assert kept <= {index for index, status in noted(journal).items() if status == "done"}
        report = await BULKS[kind](api, ids, journal=journal)
    assert len(report.done) == 5


@pytest.mark.crowd
async def test_edits_in_doubt_are_sent_in_batches_no_larger_than_others(tmp_path):
    """What an earlier run has left in doubt of a bulk of shared edits goes out in batches of the
    usual size.
    """
    app, journal = emulator(era="seed", max_batch=100), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        edits = [(number, {"timeout": 10}) for number in await things(api, "edit", 250)]
        await api.cron.edit_many(edits, batch=True, journal=journal)
        torn_out(journal)
        before = sent(app)
        assert len((await api.cron.edit_many(edits, batch=True, journal=journal)).done) == 250
    assert sent(app) - before == 3


@pytest.mark.parametrize("kind", ["delete", "disable"])
async def test_a_token_that_the_service_does_not_take_settles_nothing_either(tmp_path, kind):
    """A run whose token is refused learns nothing of what an earlier one has done."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app, "setcronjob") as api:
        ids = await things(api, kind)
        await killed(app, BULKS[kind](api, ids, journal=journal))
        async with paced(app, "setcronjob", token=lambda: "f" * 32) as other:
            report = await BULKS[kind](other, ids, journal=journal)
        assert 0 in {outcome.index for outcome in report.unknown}
        assert len(report.unknown) + len(report.not_tried) == len(ids)
        report = await BULKS[kind](api, ids, journal=journal)
        assert len(report.done) == len(ids)


async def test_a_refusal_of_a_change_settles_it(tmp_path):
    """An item that an earlier run has asked for, and that the service refuses by itself, has
    failed: it was refused then too.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        await killed(app, api.cron.disable_many([4711], journal=journal))
        assert noted(journal) == {0: "sending"}
        report = await api.cron.disable_many([4711], journal=journal)
    assert [(type(outcome.error), outcome.error.applied) for outcome in report.failed] == [
        (NotFoundError, Applied.NO)
    ]


@BOTH
async def test_without_retry_what_is_not_found_is_in_doubt(tmp_path, provider):
    """Where nothing is looked up, a job that is not found on going on may have been deleted by the
    earlier run: never a failure.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app, provider) as api:
        ids = await things(api, "delete", 4)
        await killed(app, api.cron.delete_many(ids, journal=journal))
        report = await api.with_options(retry=None).cron.delete_many(ids, journal=journal)
        assert len(report.done) + len(report.unknown) == 4
        assert len((await api.cron.delete_many(ids, journal=journal)).done) == 4


@BOTH
async def test_adds_that_are_proven_absent_may_fail(tmp_path, provider):
    """An add that an earlier run did not get through, which a look-up proves, and that fails now,
    has failed: nothing was made.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    given = [{"url": URL, "name": "n0", "timeout": 99_999_999}]
    async with paced(app, provider) as api:
        faults = [
            Fault("reset", function=name, times=None) for name in ("cron.add", "cron.batch_add")
        ]
        await killed(app, api.cron.add_many(given, journal=journal), *faults)
        assert set(noted(journal).values()) == {"sending"}
        report = await api.cron.add_many(given, journal=journal)
        assert [outcome.status for outcome in report] == ["failed"]
        assert report[0].error.applied is Applied.NO
    assert app.emulator.jobs(provider) == []


# --- whose it is ---------------------------------------------------------------------------------


async def test_another_accounts_token_does_not_go_on_with_a_journal(tmp_path):
    """A journal that was begun with another token is refused before anything is sent; with one of
    its own the account gets its jobs.
    """
    app, journal = emulator(tokens=["alice-token-1", "bob-token-22"]), tmp_path / "journal.jsonl"
    async with paced(app, token="alice-token-1") as alice, paced(app, token="bob-token-22") as bob:
        (await alice.cron.add_many(specs(3), journal=journal)).raise_for_failures()
        kept, before = journal.read_bytes(), sent(app)
        bulk = bob.cron.add_many(specs(3), journal=journal)
        with pytest.raises(ConfigurationError, match="was begun with another token"):
            await bulk
        assert sent(app) == before
        assert journal.read_bytes() == kept
        assert len(bulk.report) == 0
        assert len((await bob.cron.add_many(specs(3), journal=tmp_path / "bob")).done) == 3
        assert len((await alice.cron.add_many(specs(3), journal=journal)).done) == 3
        assert len(await bob.cron.list()) == len(await alice.cron.list()) == 3
    assert b"-token-" not in journal.read_bytes()


async def test_a_token_that_a_function_gives_may_change_between_runs(tmp_path):
    """A journal goes on with another token where a function gives it, as one does that rotates
    them.
    """
    app, journal, now = (
        emulator(tokens=["first-token-1"]),
        tmp_path / "journal.jsonl",
        ["first-token-1"],
    )

    async def token():
        await anyio.sleep(0.1)
        return now[0]

    async with paced(app, token=token) as api:
        jobs = (await api.cron.add_many(specs(3), journal=journal)).values
        now[0] = "second-token-2"
        assert [job.id for job in (await api.cron.add_many(specs(3), journal=journal)).values] == [
            job.id for job in jobs
        ]
    assert b"token" not in journal.read_bytes()


@pytest.mark.each_loop
async def test_a_new_token_of_the_same_account_goes_on_where_the_first_line_allows(tmp_path):
    """Where "token" is taken out of a journal's first line, as the error says, a new token goes on
    with it.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        (await api.cron.add_many(specs(3), journal=journal)).raise_for_failures()
    header, _, rest = journal.read_text().partition("\n")
    facts = json.loads(header) | {"token": "0" * 32}
    journal.write_text(json.dumps(facts, separators=(",", ":")) + "\n" + rest)
    async with paced(app) as api:
        with pytest.raises(ConfigurationError, match='remove "token" from the first line'):
            await api.cron.add_many(specs(3), journal=journal)
        del facts["token"]
        journal.write_text(json.dumps(facts, separators=(",", ":")) + "\n" + rest)
        before = sent(app)
        assert len((await api.cron.add_many(specs(3), journal=journal)).done) == 3
        assert sent(app) == before


# --- its end -------------------------------------------------------------------------------------


@pytest.mark.each_loop
async def test_a_journal_is_let_go_of_though_the_input_cannot_be_closed(tmp_path):
    """After a bulk whose generator raises when it is closed, the next goes on with the journal."""
    app, journal = emulator(), tmp_path / "journal.jsonl"

    def broken():
        try:
            yield from specs(3)
            yield {"name": "no url"}
        finally:
            raise ValueError

    async with paced(app) as api:
        bulk = api.cron.add_many(broken(), journal=journal)
        with pytest.raises(ConfigurationError, match="item 3"):
            await bulk
        jobs = bulk.report.values
        assert [job.id for job in (await api.cron.add_many(specs(3), journal=journal)).values] == [
            job.id for job in jobs
        ]
    assert len(jobs) == 3


# --- other inputs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [specs(2), [*specs(2), {"url": URL, "name": "other"}]], ids=["shorter", "other"]
)
async def test_the_error_of_other_inputs_says_what_a_new_path_does(tmp_path, given):
    """Whoever gives a journal other inputs, or fewer, is told that a new path does all items, also
    those that are done.
    """
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        await api.cron.add_many(specs(3), journal=journal)
        with pytest.raises(
            ConfigurationError,
            match=r"of other inputs: .*item 2.* Use a new path for a new bulk: it does all items",
        ):
            await api.cron.add_many(given, journal=journal)
