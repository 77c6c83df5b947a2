"""The group functions, called directly."""

from __future__ import annotations

import pytest

from cronapi.emulator.refusal import Refusal

from .conftest import Desk


@pytest.fixture
def filled(desk):
    """Make a group with two jobs, beside a job in no group."""
    group = desk("group.add", name="g")["id"]
    desk.add(group=group)
    desk.add(group=group)
    desk.add()
    return group


def test_groups_have_an_id_and_a_name(desk):
    """List, get and lookup answer a group alike, and names may repeat."""
    first, second = desk("group.add", name="g"), desk("group.add", name="g")
    assert first == {"id": 1_001, "name": "g"}
    assert desk("group.list") == [first, second]
    assert desk("group.get", id=first["id"]) == first
    assert desk("group.lookup", name="g") == [first, second]
    assert desk("group.lookup", name="G") == []


def test_groups_count_their_jobs_in_the_latest_era():
    """The latest era shows the number of a group's jobs."""
    desk = Desk(era="latest")
    group = desk("group.add", name="g")
    desk.add(group=group["id"])
    assert desk("group.get", id=group["id"]) == {
        "id": 1_001,
        "name": "g",
        "jobCount": 1,
        "priority": 0,
    }


def test_edit_renames(desk):
    """Edit renames a group, keeps a name that is left out, and refuses an empty one."""
    group = desk("group.add", name="g")["id"]
    assert (
        desk("group.edit", id=group, name="h")
        == desk("group.edit", id=group)
        == {"id": group, "name": "h"}
    )
    for function, more in (("group.edit", {"id": group}), ("group.add", {})):
        with pytest.raises(Refusal, match="needs a name"):
            desk(function, name="", **more)


def test_delete_keeps_the_jobs(desk, filled):
    """The jobs of a deleted group are in no group."""
    assert desk("group.delete", id=filled) == {"id": None, "name": "g"}
    assert [job["group"] for job in desk("cron.list")] == [None, None, None]
    assert desk("group.list") == []


def test_vanish_deletes_the_jobs(desk, filled):
    """Vanish deletes a group and its jobs."""
    assert desk("group.vanish", id=filled) == {"id": None, "name": "g"}
    assert len(desk("cron.list")) == 1
    assert desk("group.list") == []


def test_empty_keeps_the_group(desk, filled):
    """Empty deletes the jobs of a group and keeps the group."""
    assert desk("group.empty", id=filled) == {"id": filled, "name": "g"}
    assert len(desk("cron.list")) == 1
    assert desk("group.items", id=filled) == []


def test_items_are_the_jobs_of_the_group(desk, filled):
    """Items lists only the jobs of the group."""
    assert [job["group"] for job in desk("group.items", id=filled)] == [filled, filled]


@pytest.mark.parametrize("action", ["get", "edit", "delete", "vanish", "empty", "items"])
def test_an_unknown_group_is_not_found(desk, action):
    """Every function with a group's id refuses an unknown one."""
    with pytest.raises(Refusal, match="Group not found"):
        desk(f"group.{action}", id=1)
