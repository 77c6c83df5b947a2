"""The functions of the group target: a handler takes a call and returns its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.eras import RULES
from cronapi.emulator.jobs import all_jobs, delete_jobs, job_data, listed_jobs, save_job
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.spelling import spell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.call import Call
    from cronapi.emulator.store import Document


# Source: SetCronJob's page on groups: days after which a one-time job that stopped is deleted.
_DAYS = (0, 1, 3, 7, 15, 30)


def list_groups(call: Call) -> list[Document]:
    """Return every group, without paging."""
    return [_group_data(call, group) for group in _listed(call)]


def get(call: Call) -> Document:
    """Return one group."""
    return _group_data(call, call.find("group", call.params["id"]))


def lookup(call: Call) -> list[Document]:
    """Return all groups with exactly this name, possibly an empty list."""
    return [
        _group_data(call, group) for group in _listed(call) if group["name"] == call.params["name"]
    ]


def add(call: Call) -> Document:
    """Create a group. Names may repeat."""
    given = _validated(call.params)
    return _put(call, call.add("group", given), given)


def edit(call: Call) -> Document:
    """Change the given values of a group."""
    group = call.find("group", call.params["id"])
    given = _validated(call.params)
    if "autoDelete" in given:
        call.store.fill_agendas()
    return _put(call, {**group, **given}, given)


def delete(call: Call) -> Document:
    """Delete a group and keep its jobs, now in no group."""
    group = call.find("group", call.params["id"])
    for job in _members(call, group):
        save_job(call, {**job, "group": None})
    return _delete_group(call, group)


def vanish(call: Call) -> Document:
    """Delete a group and its jobs."""
    group = call.find("group", call.params["id"])
    delete_jobs(call, _members(call, group))
    return _delete_group(call, group)


def empty(call: Call) -> Document:
    """Delete the jobs of a group and keep the group."""
    group = call.find("group", call.params["id"])
    delete_jobs(call, _members(call, group))
    return _group_data(call, group)


def items(call: Call) -> list[Document]:
    """Return the jobs of a group, without paging."""
    group = call.find("group", call.params["id"])
    return [job_data(call, job) for job in listed_jobs(call) if job["group"] == group["id"]]


def _listed(call: Call) -> list[Document]:
    return call.as_listed("group", call.all("group"))


def _validated(given: Mapping[str, object]) -> Document:
    if given.get("name") == "":
        raise Refusal("A group needs a name.")
    if given.get("autoDelete", 0) not in _DAYS:
        raise Refusal(f"autoDelete must be one of {', '.join(map(str, _DAYS))}.")
    return {name: value for name, value in given.items() if name != "id"}


def _put(call: Call, group: Document, given: Document) -> Document:
    spelt = spell(group, given, call.settings.normalise)
    call.put("group", spelt)
    return _group_data(call, spelt)


def _members(call: Call, group: Document) -> list[Document]:
    return [job for job in all_jobs(call) if job["group"] == group["id"]]


def _delete_group(call: Call, group: Document) -> Document:
    answer = _group_data(call, group)
    call.delete("group", group["id"])
    return {**answer, "id": None}


def _group_data(call: Call, group: Document) -> Document:
    named = {"id": group["id"], "name": group["name"], "priority": 0}
    shown = RULES[call.settings.era].group
    if "jobCount" in shown:
        named["jobCount"] = len(_members(call, group))
    return {name: named[name] for name in shown}
