"""Doubt at a client that knows nothing yet of how its service keeps texts."""

from __future__ import annotations

import anyio
import pytest

from cronapi._calls.matching import habits_of, lookup_keys
from cronapi._calls.memory import Memory
from cronapi.emulator import Fault
from tests.support.emulated import FAST, URL, emulator, fill, paced, spec_of, specs, together
from tests.support.seen import names, sent
from tests.support.told import WAYS, cancelled_when

pytestmark = pytest.mark.virtual_clock
LISTS_OF_A_LOOK = 4
"""A search that finds nothing, and the list: its page, the empty one after it, its page again."""


@pytest.mark.parametrize("kind", ["reset", "lose"])
@pytest.mark.parametrize("way", ["add", "batch_add", "add_many"])
async def test_doubt_ends_when_another_create_shows_that_texts_are_kept(way, kind):
    """Another program's jobs appear as the first answer is lost. It is known once another create
    of the client is done.
    """
    app = emulator(rates=FAST)
    function = "cron.add" if way == "add" else "cron.batch_add"
    app.emulator.faults.add(Fault(kind, function=function))
    async with paced(app, rate=1000.0) as api:

        async def others():
            fill(app, "fastcron", 3, "foreign ")
            await anyio.sleep(1.0)
            await api.cron.add(url=f"{URL}/other", name="other 1")

        found, _ = await together(lambda: WAYS[way](api, spec_of), others)
    assert not found.unknown
    assert sum(name == "n0" for name in names(app)) == 1


@pytest.mark.parametrize("fault", ["lose", "garbage", "empty", "bad_gateway", "half"])
async def test_jobs_of_an_own_lost_batch_are_no_reason_for_doubt(fault):
    """A bulk whose first answer is lost is given up. An add that never arrives is made once."""
    app = emulator(rates=FAST)
    app.emulator.faults.add(Fault(fault, function="cron.batch_add"))
    app.emulator.faults.add(Fault("reset", function="cron.add"))
    async with paced(app, rate=1000.0) as api:
        await cancelled_when(app, api.cron.add_many(specs(4, "bulk ")), 1)
        known = names(app)
        found = await WAYS["add"](api, spec_of)
    assert known
    assert not found.unknown
    assert names(app).count("n0") == 1


@pytest.mark.parametrize("kind", ["reset", "lose"])
async def test_doubt_about_a_group_ends_when_another_group_is_made(kind):
    """The same with groups: one group of this name is there, and the call returns it."""
    app = emulator(rates=FAST)
    app.emulator.faults.add(Fault(kind, function="group.add"))
    async with paced(app, rate=1000.0) as api, paced(app, rate=1000.0) as other:

        async def others():
            await other.group.add("foreign")
            await anyio.sleep(1.0)
            await api.group.add("second")

        made, _ = await together(lambda: api.group.add("first"), others)
        groups = [group.id for group in await api.group.list() if group.name == "first"]
    assert groups == [made.id]


def test_only_a_new_job_shows_how_the_texts_of_a_lost_create_are_kept():
    """An older job of that name and URL may have been made in another way."""
    memory, row = Memory(), {"id": 7, "name": "Tom & Jerry", "url": URL}
    memory.remember_lost(lookup_keys("cron.add", row))
    assert habits_of([row], "cron", memory).is_empty
    assert habits_of([row], "cron", memory, [row]).keeps("name", "A & B")


async def test_doubt_that_never_ends_is_told_after_three_looks():
    """If no other create is made, the outcome stays unknown, and the list is read three times."""
    app = emulator(rates=FAST)
    app.emulator.faults.add(Fault("reset", function="cron.add"))
    async with paced(app, rate=1000.0) as api:

        async def others():
            fill(app, "fastcron", 3, "foreign ")

        found, _ = await together(lambda: WAYS["add"](api, spec_of), others)
    assert found.unknown == 1
    assert sum(name == "foreign 0" for name in names(app)) == 1
    assert sent(app, "cron.list") == 3 * LISTS_OF_A_LOOK
