"""`cron.iterate` with filters: they choose from the jobs that were read."""

from __future__ import annotations

import pytest

from cronapi import ConfigurationError, Group, JobStatus
from cronapi.emulator import create_app
from tests.support.emulated import FAST, URL, client_of

NAMES = ["tmp one", "tmp two", "TMP three", "nightly", "[tmp] four", "tmp"]


@pytest.fixture
async def desk(emulate):
    """Give a client of an account with six jobs: two are disabled, three in a group."""
    app, api = await emulate(app=create_app(rates=FAST, page_size=2))
    team = await api.group.add("team")
    for number, name in enumerate(NAMES):
        group = {"group": team.id} if number % 2 else {}
        await api.cron.add(url=f"{URL}/{number}", name=name, **group)
    jobs = [job async for job in api.cron.iterate()]
    for job in jobs[:2]:
        await api.cron.disable(job.id)
    return app, api, team


async def chosen(api, **filters):
    return [job.name async for job in api.cron.iterate(**filters)]


async def test_a_filter_chooses_by_status_group_and_name(desk):
    """A status is an enum, a word or a number, a group its id or itself, a name a glob."""
    _, api, team = desk
    table = [
        ({"status": JobStatus.DISABLED}, NAMES[:2]),
        ({"status": "disabled"}, NAMES[:2]),
        ({"status": "Disabled"}, NAMES[:2]),
        ({"status": 1}, NAMES[:2]),
        ({"status": "1"}, NAMES[:2]),
        ({"status": "active"}, NAMES[2:]),
        ({"status": JobStatus.ACTIVE}, NAMES[2:]),
        ({"status": 0}, NAMES[2:]),
        ({"status": 77}, []),
        ({"group": team}, NAMES[1::2]),
        ({"group": team.id}, NAMES[1::2]),
        ({"group": str(team.id)}, NAMES[1::2]),
        ({"group": 0}, NAMES[::2]),
        ({"group": Group(id=4711)}, []),
        ({"match": "tmp *"}, ["tmp one", "tmp two"]),
        ({"match": "tmp*"}, ["tmp one", "tmp two", "tmp"]),
        ({"match": "?MP *"}, ["TMP three"]),
        ({"match": "[[]tmp]*"}, ["[tmp] four"]),
        ({"match": "nightly"}, ["nightly"]),
        ({"match": ""}, []),
        ({"match": "tmp *", "group": team, "status": "disabled"}, ["tmp two"]),
        ({"match": "tmp *", "keyword": "one"}, ["tmp one"]),
        ({"status": None, "group": None, "match": None, "keyword": None}, NAMES),
    ]
    for filters, expected in table:
        assert await chosen(api, **filters) == expected, filters


async def test_a_filter_costs_a_listing(desk):
    """All pages are read, however few jobs are chosen."""
    app, api, _ = desk
    await chosen(api)
    before = len(app.emulator.requests)
    await chosen(api)
    whole = len(app.emulator.requests) - before
    await chosen(api, match="nothing has this name", status="failed")
    assert len(app.emulator.requests) - before == 2 * whole


def test_a_filter_that_makes_no_sense_is_refused_at_once():
    """Not when the first job is asked for, so that a bulk of it says why."""
    api = client_of(None)
    for filters, text in [
        ({"status": "actve"}, "did you mean 'active'?"),
        ({"status": "on"}, "status must be one of active, disabled, expired, inactive, failed"),
        ({"status": True}, "not True"),
        ({"status": 1.5}, "not 1.5"),
        ({"status": ["active"]}, "not a list"),
        ({"group": "team"}, "a group is given by its number, such as group.id"),
        ({"group": True}, "group cannot be a bool"),
        ({"match": 5}, "match cannot be a int"),
        ({"match": ["tmp *"]}, "match cannot be a list"),
        ({"keyword": 5}, "keyword cannot be a int"),
    ]:
        with pytest.raises(ConfigurationError) as refused:
            api.cron.iterate(**filters)
        assert text in str(refused.value), filters
