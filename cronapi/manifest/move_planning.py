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
    made, disabled = set[int](), set[int]()
    requests = int(moving.seen.account.group_id is None)
    for at in range(0, len(moving.entries), moving.chunk):
        some = moving.entries[at : at + moving.chunk]
        changes = moving.makes({one.name for one in some if one.id not in moving.moves.made})
        creates = {one.name for one in changes if one.action == "create"}
        requests += adds.requests(len(creates)) + len(changes) - len(creates)
        made |= {one.id for one in some if one.name in creates}
        disabled |= {
            one.id
            for one in some
            if one.name in creates | moving.bound.keys()
            and moving.runs_at_source(one)
            and not moving.is_off(one)
        }
    requests += _read_twice(moving.target, len(moving.seen.account.rows), len(made)) + 2 * _LOOKUP
    reads = _read_twice(moving.source, len(moving.old)) + (0 if group is None else _LOOKUP)
    return PlannedMove(
        len(disabled),
        len(made),
        frozenset(made | disabled),
        _cost(moving.source, len(disabled) + reads),
        _cost(moving.target, requests),
    )


def planned_way_back(back: MovingBack) -> PlannedMove:
    """Return what a way back would do that has read both accounts."""
    deletes = delete_operation(calls_of(back.target))
    enabled = {one.id for one in back.begun.entries if one.id in back.old and back.is_off(one)}
    made = {one.id: back.made[one.id] for one in back.begun.entries if back.may_run(one)}
    deleted = sum(map(len, made.values()))
    requests = 2 * _LOOKUP
    for at in range(0, len(back.begun.entries), back.chunk):
        some = back.begun.entries[at : at + back.chunk]
        requests += deletes.requests(sum(len(made.get(one.id, ())) for one in some))
    requests += _read_twice(back.target, len(back.new.rows), -deleted)
    reads = _read_twice(back.source, len(back.old))
    return PlannedMove(
        len(enabled),
        deleted,
        frozenset(enabled | {id for id, some in made.items() if some}),
        _cost(back.source, len(enabled) + reads),
        _cost(back.target, requests),
    )


def _read_twice(api: Client, jobs: int, more: int = 0) -> int:
    """Return the requests for the list at the beginning, and with more jobs at the end."""
    return list_requests(api, jobs) + list_requests(api, jobs + more)


def _cost(api: Client, requests: int) -> Cost:
    return Cost(requests, requests * calls_of(api).caller.scheduler.rate.interval)
