"""What a bulk costs, and that it costs what it says: judged by the emulator's own requests."""

from __future__ import annotations

from collections import Counter

import anyio
import pytest

from cronapi.emulator import Clock, Fault, create_app
from emulated import FAST, client_of, virtual

URL = "https://example.com/ping"
BOTH = pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])


def emulator(**options):
    return create_app(clock=Clock(ticks=anyio.current_time), rates=FAST, **options)


def client(app, provider="fastcron"):
    return client_of(app, provider, scheduler=virtual(10_000.0))


def specs(count, word="n"):
    return [{"url": URL, "name": f"{word}{n}"} for n in range(count)]


async def account(app, provider="fastcron"):
    """Give the account 1,100 jobs, which are two pages, and return their ids."""
    async with client(app, provider) as api:
        return [job.id for job in (await api.cron.add_many(specs(1100, "old"))).values]


async def checked(app, bulk):
    """Carry a bulk out, see that it costs what it says, and return the functions that were asked for."""
    before, cost = len(app.emulator.requests), bulk.cost()
    (await bulk).raise_for_failures()
    asked = Counter(seen.function for seen in list(app.emulator.requests)[before:])
    assert asked.total() == cost.requests
    return asked


@BOTH
async def test_few_adds_to_a_long_list_do_not_read_it_before(provider):
    """Up to three adds to two pages are as many requests, and cost says so; the fourth makes reading the list down and up worth it."""
    app = emulator()
    (number, *_) = await account(app, provider)
    async with client(app, provider) as api:
        assert api.cron.add_many(specs(2)).cost().requests == {"fastcron": 2, "setcronjob": 3}[provider]  # with the one page it knows of
        await api.cron.get_many([number, *range(10**6, 10**6 + 4)])
        for count in (1, 2, 3):
            assert await checked(app, api.cron.add_many(specs(count))) == {"cron.add": count}
        assert (await checked(app, api.cron.add_many(specs(4))))["cron.list"] == 3
    assert len(app.emulator.jobs(provider)) == 1110


async def test_few_adds_with_a_journal_read_the_list_before(tmp_path):
    """With a journal two adds to a long list read it first: what an interrupted run left behind could not be told otherwise."""
    app = emulator()
    await account(app)
    async with client(app) as api:
        await api.cron.get_many(range(10**6, 10**6 + 4))
        assert (await checked(app, api.cron.add_many(specs(2), journal=tmp_path / "journal.jsonl")))["cron.list"] == 3


@pytest.mark.parametrize(
    ("provider", "kind"), [("setcronjob", "lose"), *(("fastcron", kind) for kind in ("lose", "reset", "garbage", "cut", "bad_gateway"))]
)
async def test_few_adds_whose_answers_are_lost_are_made_once(provider, kind):
    """Of three equal adds to a long list each answer is lost once: three jobs are made, and each outcome has one of its own."""
    app = emulator()
    await account(app, provider)
    async with client(app, provider) as api:
        await api.cron.get_many(range(10**6, 10**6 + 4))
        app.emulator.faults.add(Fault(kind, function="cron.add", times=3))
        before = len(app.emulator.jobs(provider))
        report = await api.cron.add_many([{"url": URL, "name": "same"}] * 3)
    assert [outcome.status for outcome in report] == ["done"] * 3
    assert len({job.id for job in report.values}) == 3
    assert len(app.emulator.jobs(provider)) == before + 3


@pytest.mark.parametrize("kinds", [1, 2, 20, 150])
async def test_edits_in_batches_cost_what_they_change(kinds):
    """Edits with `batch` cost a request for each set of changes among those of a step, and `cost` says so for a list or a mapping."""
    app = emulator(era="seed")
    async with client(app) as api:
        ids = [job.id for job in (await api.cron.add_many(specs(150))).values]
        edits = [(number, {"name": f"e{place % kinds}"}) for place, number in enumerate(ids)]
        asked = await checked(app, api.cron.edit_many(edits, batch=True))
        assert asked.total() == sum(min(kinds, size) for size in (100, 50))
        await checked(app, api.cron.edit_many(dict(edits), batch=True))
        assert api.cron.edit_many(dict(edits).items(), batch=True).cost().requests == 2  # not a sequence: the least
