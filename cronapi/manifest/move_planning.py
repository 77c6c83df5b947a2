"""What a cutover or a way back would do, and what that costs at each service."""

from __future__ import annotations

from cronapi.bulk import Cost
from cronapi.bulk.operations import add_operation, delete_operation
from cronapi.client import Client
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.move_reading import list_requests
from cronapi.manifest.moved import PlannedMove
from cronapi.manifest.moving import Moving
from cronapi.manifest.moving_back import MovingBack

_LOOKUP = 1
"""Requests for the group, before each list of the new service."""


def planned_cutover(moving: Moving, group: str | None) -> PlannedMove:
    """Return what a cutover of a group, or without one, would do that has read both accounts."""
    adds = add_operation(calls_of(moving.target))
    made = disabled = 0
    requests = int(moving.seen.account.group_id is None)
    for at in range(0, len(moving.entries), moving.chunk):
        some = moving.entries[at : at + moving.chunk]
        names = {one.name for one in some if one.id not in moving.moves.made}
        changes = moving.makes(names)
        creates = {one.name for one in changes if one.action == "create"}
        requests += adds.requests(len(creates)) + len(changes) - len(creates)
        made += len(creates)
        there = creates | moving.bound.keys()
        disabled += sum(
            one.name in there and moving.runs_at_source(one) and not moving.is_off(one)
            for one in some
        )
    requests += _read_twice(moving.target, len(moving.seen.account.rows), made) + 2 * _LOOKUP
    reads = _read_twice(moving.source, len(moving.old)) + (0 if group is None else _LOOKUP)
    return PlannedMove(
        disabled, made, _cost(moving.source, disabled + reads), _cost(moving.target, requests)
    )


def planned_way_back(back: MovingBack) -> PlannedMove:
    """Return what a way back would do that has read both accounts."""
    deletes = delete_operation(calls_of(back.target))
    enabled = deleted = 0
    requests = 2 * _LOOKUP
    for at in range(0, len(back.begun.entries), back.chunk):
        some = back.begun.entries[at : at + back.chunk]
        count = sum(len(back.made[one.id]) for one in some if back.may_run(one))
        requests += deletes.requests(count)
        deleted += count
        enabled += sum(one.id in back.old and back.is_off(one) for one in some)
    requests += _read_twice(back.target, len(back.new.rows), -deleted)
    reads = _read_twice(back.source, len(back.old))
    return PlannedMove(
        enabled, deleted, _cost(back.source, enabled + reads), _cost(back.target, requests)
    )


def _read_twice(api: Client, jobs: int, more: int = 0) -> int:
    """Return the requests for the list at the beginning, and with more jobs at the end."""
    return list_requests(api, jobs) + list_requests(api, jobs + more)


def _cost(api: Client, requests: int) -> Cost:
    return Cost(requests, requests * calls_of(api).caller.scheduler.rate.interval)
