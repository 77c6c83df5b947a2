"""Searches that do not find their own text: nothing is told absent that is there."""

from __future__ import annotations

import pytest

from cronapi import NotFoundError
from cronapi.emulator import Fault
from tests.support.emulated import URL, emulator, fill, paced
from tests.support.seen import accepted
from tests.support.told import CREATES, WAYS, is_true

pytestmark = pytest.mark.virtual_clock

SEARCHES = ["contains", "words", "like", "like_badly_escaped", "none"]
NAMES = ["ping", "100%", "a_b", "back\\slash", "%", "_", "%a%b%", "half-wor", "(ping)", "  "]


@pytest.mark.each_value
@pytest.mark.parametrize("fault", ["lose", "truncated"])
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("name", NAMES)
async def test_a_lost_add_is_found_by_any_search(name, search, fault):
    """A lost add is found and adopted, although the search may not show its own text."""
    app = emulator(search=search)
    fill(app, "fastcron", 5)
    app.emulator.faults.add(Fault(fault, function="cron.add"))
    async with paced(app) as api:
        await api.cron.list()
        job = await api.cron.add(url=URL, name=name)
    assert [row["id"] for row in app.emulator.jobs("fastcron")[5:]] == [job.id]
    assert accepted(app, "cron.add") == 1


@pytest.mark.each_value
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("name", NAMES)
async def test_an_add_that_never_arrived_is_made_once_by_any_search(name, search):
    """A search that shows nothing is confirmed by the whole list, and the add is sent again."""
    app = emulator(search=search)
    app.emulator.faults.add(Fault("reset", function="cron.add"))
    async with paced(app) as api:
        job = await api.cron.add(url=URL, name=name)
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]


@pytest.mark.each_value
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_tells_the_truth_by_any_search(way, search):
    """Adds, bulks and `ensure` agree with the service about what there is."""

    def spec(number):
        return {"url": f"{URL}/{number}", "name": f"100%_{number}"}

    for fault in ("lose", "reset"):
        app = emulator(search=search)
        app.emulator.faults.add(*(Fault(fault, function=name) for name in CREATES))
        async with paced(app) as api:
            found = await WAYS[way](api, spec)
        assert is_true(found, app.emulator.jobs("fastcron"))
        assert found.done


@pytest.mark.each_value
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("name", [name for name in NAMES if name.strip() == name])
async def test_ensure_makes_one_job_by_any_search(name, search):
    """A name that is ensured on two nights has one job, although the search may show none."""
    app, ids = emulator(search=search), set()
    for _ in range(2):
        async with paced(app) as api:
            ids.add((await api.cron.ensure(name=name, url=URL)).id)
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == list(ids)


@pytest.mark.parametrize("search", SEARCHES)
async def test_absence_is_told_only_by_the_whole_list(search):
    """A job that is there is returned, and one that is not is a NotFoundError."""
    app = emulator(search=search)
    (id,) = fill(app, "fastcron", 1, word="a_b%")
    async with paced(app) as api:
        assert (await api.cron.get(id)).name == "a_b%0"
        with pytest.raises(NotFoundError):
            await api.cron.get(id + 1)
