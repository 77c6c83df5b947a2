"""A bulk that goes on with a journal: what an earlier run may have done stays in doubt until something proves it, and whose it is."""

from __future__ import annotations

import json

import anyio
import pytest

from cronapi import APIError, Applied, ConfigurationError, RetryPolicy, ServiceUnavailableError
from cronapi.emulator import Clock, Fault, create_app
from emulated import TOKEN, client_of, virtual

URL = "https://example.com/ping"
RATES = {"fastcron": 1.0, "setcronjob": 10.0}
BOTH = pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
BULKS = {
    "delete": lambda api, ids, **options: api.cron.delete_many(ids, **options),
    "disable": lambda api, ids, **options: api.cron.disable_many(ids, **options),
    "edit": lambda api, ids, **options: api.cron.edit_many([(number, {"name": "new"}) for number in ids], **options),
    "group": lambda api, ids, **options: api.group.delete_many(ids, **options),
}


def emulator(**options):
    return create_app(clock=Clock(ticks=anyio.current_time), **options)


def paced(app, provider="fastcron", **options):
    return client_of(app, provider, scheduler=virtual(RATES[provider]), **options)


def specs(count):
    return [{"url": f"{URL}/{n}", "name": f"n{n}"} for n in range(count)]


def sent(app):
    return len(app.emulator.requests)


async def things(api, kind, count=3):
    """Make what a bulk of this kind is about, and return the ids."""
    if kind == "group":
        return [(await api.group.add(f"g{n}")).id for n in range(count)]
    return [job.id for job in (await api.cron.add_many(specs(count))).values]


async def killed(app, bulk, *faults):
    """Carry a bulk out on a service that does what it is asked and answers nothing (or has other faults), and end it there."""
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


# --- doubt -------------------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("kind", BULKS)
async def test_an_outage_does_not_settle_what_an_earlier_run_has_done(tmp_path, provider, kind):
    """What a killed run has done is unknown to a run that meets an outage, in its report and in the journal, and done to the next."""
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


@pytest.mark.parametrize("kind", ["delete", "disable"])
async def test_a_token_that_the_service_does_not_take_settles_nothing_either(tmp_path, kind):
    """A run whose token is refused learns nothing of what an earlier one has done."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app, "setcronjob") as api:
        ids = await things(api, kind)
        await killed(app, BULKS[kind](api, ids, journal=journal))
        asked = []

        def token():  # the first question is for the journal, where it is the right one
            asked.append(0)
            return TOKEN if len(asked) == 1 else "f" * 32

        async with paced(app, "setcronjob", token=token) as other:
            report = await BULKS[kind](other, ids, journal=journal)
        assert 0 in {outcome.index for outcome in report.unknown}
        assert len(report.unknown) + len(report.not_tried) == len(ids)
        report = await BULKS[kind](api, ids, journal=journal)
        assert len(report.done) == len(ids)


async def test_a_refusal_of_a_change_settles_it(tmp_path):
    """An item that an earlier run has asked for, and that the service refuses by itself, has failed: it was refused then too."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        await killed(app, api.cron.disable_many([4711], journal=journal))
        assert noted(journal) == {0: "sending"}
        report = await api.cron.disable_many([4711], journal=journal)
    assert [(type(outcome.error), outcome.error.applied) for outcome in report.failed] == [(APIError, Applied.NO)]


@BOTH
async def test_without_retry_what_is_not_found_is_in_doubt(tmp_path, provider):
    """Where nothing is looked up, a job that is not found on going on may have been deleted by the earlier run: never a failure."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app, provider) as api:
        ids = await things(api, "delete", 4)
        await killed(app, api.cron.delete_many(ids, journal=journal))
        report = await api.with_options(retry=None).cron.delete_many(ids, journal=journal)
        assert len(report.done) + len(report.unknown) == 4
        assert len((await api.cron.delete_many(ids, journal=journal)).done) == 4


@BOTH
async def test_adds_that_are_proven_absent_may_fail(tmp_path, provider):
    """An add that an earlier run did not get through, which a look-up proves, and that fails now, has failed: nothing was made."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    given = [{"url": URL, "name": "n0", "timeout": 99_999_999}]
    async with paced(app, provider) as api:
        faults = [Fault("reset", function=name, times=None) for name in ("cron.add", "cron.batch_add")]
        await killed(app, api.cron.add_many(given, journal=journal), *faults)
        assert set(noted(journal).values()) == {"sending"}
        report = await api.cron.add_many(given, journal=journal)
        assert [outcome.status for outcome in report] == ["failed"]
        assert report[0].error.applied is Applied.NO
    assert app.emulator.jobs(provider) == []


# --- whose it is -------------------------------------------------------------------------------------------------------------------


def always(token):
    return token


def by_function(token):
    return lambda: token


def by_coroutine(token):
    async def ask():
        await anyio.sleep(0.1)
        return token

    return ask


@pytest.mark.parametrize("way", [always, by_function, by_coroutine])
async def test_another_accounts_token_does_not_go_on_with_a_journal(tmp_path, way):
    """A journal that was begun with another token is refused before anything is sent; with one of its own the account gets its jobs."""
    app, journal = emulator(tokens=["alice-token-1", "bob-token-22"]), tmp_path / "journal.jsonl"
    async with paced(app, token=way("alice-token-1")) as alice, paced(app, token=way("bob-token-22")) as bob:
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


async def test_a_new_token_of_the_same_account_goes_on_where_the_first_line_allows(tmp_path):
    """Where "token" is taken out of a journal's first line, as the error says, a new token goes on with it."""
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


async def test_a_bulk_that_is_cancelled_while_its_token_is_asked_for_leaves_nothing(tmp_path):
    """A bulk that is cancelled while the token function waits has made no journal and sent nothing."""
    app, journal = emulator(), tmp_path / "journal.jsonl"

    async def token():
        await anyio.sleep(3600)

    async with paced(app, token=token) as api:
        with anyio.move_on_after(1) as scope:
            await api.cron.add_many(specs(3), journal=journal)
        assert scope.cancelled_caught
        await anyio.sleep(60)
    assert not journal.exists()
    assert sent(app) == 0


# --- other inputs ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [specs(2), [*specs(2), {"url": URL, "name": "other"}]], ids=["shorter", "other"])
async def test_the_error_of_other_inputs_says_what_a_new_path_does(tmp_path, given):
    """Whoever gives a journal other inputs, or fewer, is told that a new path does all items, also those that are done."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    async with paced(app) as api:
        await api.cron.add_many(specs(3), journal=journal)
        with pytest.raises(ConfigurationError, match=r"of other inputs: .*item 2.* Use a new path for a new bulk: it does all items"):
            await api.cron.add_many(given, journal=journal)
