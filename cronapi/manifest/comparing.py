"""Compare a manifest with an account, which is read for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from cronapi._batch.calls import Calls
from cronapi.bulk import Cost
from cronapi.client import Client
from cronapi.errors.concerns import setting_error
from cronapi.manifest.account import Account, read_account
from cronapi.manifest.bindings import Listed
from cronapi.manifest.compare import Row
from cronapi.manifest.cost import cost_of
from cronapi.manifest.deciding import Decision, Options, decide, split_by_scope
from cronapi.manifest.wanted import Wanted


@attrs.frozen
class Comparison:
    """The jobs of an account, and the decision what to change of them.

    `misses_group` is True if the scope is a group that is not there.
    """

    account: Account = attrs.field(repr=False)
    decision: Decision
    cost: Cost
    misses_group: bool = False

    @property
    def elsewhere(self) -> int:
        """How many jobs of the manifest seem to be in other groups, where that of it is missing."""
        blocked = self.decision.blocked if self.misses_group else ()
        rows = self.account.rows
        grouped = {id for id, row in rows.items() if str(row.get("group") or 0) != "0"}
        return sum(not grouped.isdisjoint(one.ids) for one in blocked)


def calls_of(api: Client) -> Calls:
    """Return the calls of a client, in the bulk lane."""
    return api.cron._invoke.calls  # noqa: SLF001 -- this room makes bulks of its own


@attrs.frozen
class Comparer:
    """Compares a manifest with the account of a client at a time, as often as it is asked."""

    wanted: Wanted
    options: Options
    api: Client = attrs.field(repr=False)
    now: datetime

    @property
    def calls(self) -> Calls:
        """The calls of the client, in the bulk lane."""
        return calls_of(self.api)

    def check(self) -> None:
        """Raise ConfigurationError if the client is one of another service."""
        named, mine = self.wanted.scope.provider, self.api.provider.name
        if named not in (None, mine):
            raise setting_error(f"The manifest is for {named}, and the client is of {mine}.")

    async def compare(self, group_id: int | None = None) -> Comparison:
        """Read the account, and decide.

        The list is read up too if a job seems to be missing. A known `group_id` saves its lookup.
        """
        account = await read_account(self.calls, self.wanted.scope, group_id)
        decision = self.decide(account)
        if decision.needs_whole_list or account.has_shifted:
            await account.finish()
            decision = self.decide(account)
        is_group = self.wanted.scope.group is not None
        cost = cost_of(decision.changes, self.calls, account, is_group=is_group)
        return Comparison(account, decision, cost, is_group and account.group_id is None)

    def decide(self, account: Account) -> Decision:
        """Return what is to be done with the jobs that were read."""
        listed = self._listed(account)
        return decide(self.wanted, listed, self.api.provider, self.options, self.now)

    def owned(self, account: Account) -> Sequence[Row]:
        """Return the jobs that were read and are in the scope."""
        return self._listed(account).owned

    def _listed(self, account: Account) -> Listed:
        rows = list(account.rows.values())
        return split_by_scope(rows, self.wanted.scope, account.group_id)
