"""What a plan costs: the requests of its apply, and the seconds that they take at the limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cronapi._batch.calls import Calls
from cronapi.bulk import Cost
from cronapi.bulk.operations import add_operation, delete_operation
from cronapi.manifest.account import Account, pages_down
from cronapi.manifest.changes import Change


def cost_of(changes: Sequence[Change], calls: Calls, account: Account, *, is_group: bool) -> Cost:
    """Return the cost of an apply if all goes well: it reads again, changes, and verifies.

    `is_group` is True if the scope is a group, which is made if it is missing. An
    apply without changes costs nothing.
    """
    if not changes:
        return Cost(0, 0.0)
    counts = Counter(change.action for change in changes)
    creates, deletes = counts["create"], counts["delete"]
    requests = account.requests + len(changes) - creates - deletes
    if creates:
        requests += add_operation(calls).requests(creates)
        requests += is_group and account.group_id is None
    if deletes:
        requests += delete_operation(calls).requests(deletes)
    left = len(account.rows) + creates - deletes
    requests += pages_down(left, account.paging)
    return Cost(requests, requests * calls.caller.scheduler.rate.interval)
