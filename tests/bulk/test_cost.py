"""What a bulk costs, and that it costs what it says: judged by the emulator's own requests."""

from __future__ import annotations

from collections import Counter

import anyio
import pytest

from cronapi.emulator import Clock, Fault, create_app
from tests.support.emulated import BOTH, FAST, URL, client_of, fill, virtual

pytestmark = pytest.mark.virtual_clock


def emulator(**options):
    return create_app(clock=Clock(ticks=anyio.current_time), rates=FAST, **options)


def client(app, provider="fastcron"):
    return client_of(app, provider, scheduler=virtual(10_000.0))


def specs(count, word="n"):
    return [{"url": URL, "name": f"{word}{n}"} for n in range(count)]


def account(app, provider="fastcron"):
    """Give the account 1,100 jobs, which are two pages, and return their ids."""
    return fill(app, provider, 1100, "old")


async def checked(app, bulk):
    """Carry a bulk out, see that it costs what it says, and return the functions that were asked
    for.
    """
    before, cost = len(app.emulator.requests), bulk.cost()
    (await bulk).raise_for_failures()
    asked = Counter(seen.function for seen in list(app.emulator.requests)[before:])
    assert asked.total() == cost.requests
    return asked


@pytest.mark.few(1)
@BOTH
async def test_adds_to_a_long_list_read_it_before(provider):
    """A single add reads nothing before; more of them, or one with a journal, read both pages down
    and up, and cost says so once known.
    """
    app = emulator()
    account(app, provider)
    async with client(app, provider) as api:
        assert (
            api.cron.add_many(specs(2)).cost().requests
            == {"fastcron": 2, "setcronjob": 3}[provider]
        )  # with the one page it knows of
        await api.cron.get_many(range(10**6, 10**6 + 4))
        assert await checked(app, api.cron.add_many(specs(1))) == {"cron.add": 1}
        assert (await checked(app, api.cron.add_many(specs(2, "more"))))["cron.list"] == 3
    assert len(app.emulator.jobs(provider)) == 1103


@pytest.mark.few(1)
@BOTH
async def test_a_few_adds_take_no_look_alikes_of_another_program(provider):
    """Jobs that another program has made just now are not taken for ours, however often our answers
    are lost.
    """
    app = emulator()
    account(app, provider)
    async with client(app, provider) as api, client(app, provider) as other:
        await api.cron.get_many(range(10**6, 10**6 + 4))
        theirs = {job.id for job in (await other.cron.add_many(specs(3, "same"))).values}
        app.emulator.faults.add(
            *(Fault("error", function=name, times=3) for name in ("cron.add", "cron.batch_add"))
        )
        report = await api.cron.add_many(specs(3, "same"))
    assert len({job.id for job in report.values} - theirs) == 3
    assert len(app.emulator.jobs(provider)) == 1106


@pytest.mark.few(2)
@pytest.mark.parametrize("kinds", [1, 2, 20, 150])
async def test_edits_in_batches_cost_what_they_change(kinds):
    """Edits with `batch` cost a request for each set of changes among those of a step, and `cost`
    says so for a list or a mapping.
    """
    app = emulator(era="seed")
    async with client(app) as api:
        ids = [job.id for job in (await api.cron.add_many(specs(150))).values]
        edits = [(number, {"name": f"e{place % kinds}"}) for place, number in enumerate(ids)]
        asked = await checked(app, api.cron.edit_many(edits, batch=True))
        assert asked.total() == sum(min(kinds, size) for size in (100, 50))
        await checked(app, api.cron.edit_many(dict(edits), batch=True))
        assert (
            api.cron.edit_many(dict(edits).items(), batch=True).cost().requests == 2
        )  # not a sequence: the least
