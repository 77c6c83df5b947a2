"""The cron functions for several jobs, called directly."""

from __future__ import annotations

from .conftest import refused


def test_batch_add_is_all_or_nothing(desk):
    """A batch adds all items in order, or none and names the bad one."""
    refused(
        r"data\[1\]: Invalid URL", desk, "cron.batch_add", data=[{"url": "a.example"}, {"url": ""}]
    )
    refused(
        r"data\[0\]: Unknown parameter: token",
        desk,
        "cron.batch_add",
        data=[{"url": "a.example", "token": "x"}],
    )
    assert desk("cron.list") == []
    made = desk("cron.batch_add", data=[{"url": "a.example", "name": name} for name in "abc"])
    assert [job["name"] for job in made] == ["a", "b", "c"]
    assert desk("cron.batch_add", data=[]) == []


def test_batch_edit_changes_all_or_nothing(desk):
    """A batch edits every job named, or none if one is unknown."""
    jobs = [desk.add()["id"] for _ in range(3)]
    refused("not found", desk, "cron.batch_edit", id=[*jobs, 5], name="x")
    assert {job["name"] for job in desk("cron.list")} == {""}
    assert [job["name"] for job in desk("cron.batch_edit", id=jobs[:2] + jobs[:1], name="x")] == [
        "x",
        "x",
    ]
    assert [job["name"] for job in desk("cron.list")] == ["x", "x", ""]


def test_batch_delete_deletes_all_or_nothing(desk):
    """A batch deletes every job named once, or none if one is unknown."""
    jobs = [desk.add()["id"] for _ in range(3)]
    refused("not found", desk, "cron.batch_delete", id=[jobs[0], 5])
    assert [job["id"] for job in desk("cron.batch_delete", id=[jobs[0], jobs[1], jobs[0]])] == [
        None,
        None,
    ]
    assert [job["id"] for job in desk("cron.list")] == [jobs[2]]


def test_group_edit_changes_the_jobs_of_a_group(desk):
    """Group edit changes every job of the group and no other."""
    group = desk("group.add", name="g")["id"]
    inside, outside = desk.add(group=group), desk.add()
    assert desk("cron.group_edit", id=group, name="x") == [{**inside, "name": "x"}]
    assert desk("cron.get", id=outside["id"]) == outside
    refused("Group not found", desk, "cron.group_edit", id=5, name="x")
