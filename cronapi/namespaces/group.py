"""`api.group`: the groups of jobs."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Unpack

from attrs import frozen

from cronapi import _functions as table
from cronapi import bulk
from cronapi.errors.concerns import input_error
from cronapi.models import CronJob, Group
from cronapi.namespaces._invoke import Invoker, Namespace
from cronapi.namespaces._many import BulkOptions, Once


@frozen(repr=False)
class GroupNamespace(Namespace):
    """The functions of the target `group`, with the errors of `CronNamespace`."""

    _invoke: Invoker

    async def list(self) -> builtins.list[Group]:
        """Return all groups. A read: repeated freely."""
        return await self._invoke(table.GROUP_LIST, {})

    async def get(self, id: int) -> Group:
        """Return one group.

        Raises NotFoundError only if a listing confirms that there is none. A read: repeated freely.
        """
        return await self._invoke(table.GROUP_GET, {"id": id})

    async def lookup(self, name: str) -> builtins.list[Group]:
        """Return the groups of exactly this name: none, one or several. A read: repeated freely."""
        _check_name("group.lookup", name)
        return await self._invoke(table.GROUP_LOOKUP, {"name": name}, needs="name")

    async def add(
        self,
        name: str,
        *,
        auto_delete: int | None = None,
        contacts: Sequence[int] | int | None = None,
    ) -> Group:
        """Create a group and return it.

        `auto_delete` is in days after a one-time job stopped: 0, 1, 3, 7, 15 or 30 (documented
        until 2024). Not repeated blindly: after a lost answer the name is looked up.
        """
        _check_name("group.add", name)
        params = {"name": name, "auto_delete": auto_delete, "contacts": contacts}
        return await self._invoke(table.GROUP_ADD, params, needs="name")

    async def edit(
        self,
        id: int,
        *,
        name: str | None = None,
        auto_delete: int | None = None,
        contacts: Sequence[int] | int | None = None,
    ) -> Group:
        """Change the given fields of a group and return it. May be repeated."""
        _check_name("group.edit", name)
        return await self._invoke(
            table.GROUP_EDIT,
            {"id": id, "name": name, "auto_delete": auto_delete, "contacts": contacts},
        )

    async def delete(self, id: int) -> Group:
        """Delete a group, keep its jobs, and return the group.

        May be repeated, like `cron.delete`.
        """
        return await self._invoke(table.GROUP_DELETE, {"id": id})

    async def vanish(self, id: int) -> Group:
        """Delete a group and its jobs, and return the group.

        May be repeated, like `cron.delete`.
        """
        return await self._invoke(table.GROUP_VANISH, {"id": id})

    async def empty(self, id: int) -> Group:
        """Delete the jobs of a group and return the group. May be repeated."""
        return await self._invoke(table.GROUP_EMPTY, {"id": id})

    async def items(self, id: int) -> builtins.list[CronJob]:
        """Return the jobs of a group. A read: repeated freely."""
        return await self._invoke(table.GROUP_ITEMS, {"id": id})

    def delete_many(
        self,
        ids: Iterable[int | Group] | AsyncIterable[int | Group],
        **options: Unpack[BulkOptions],
    ) -> bulk.Bulk[Group]:
        """Delete groups, given by their ids or as groups, one request each. Their jobs stay.

        A group given twice is a ConfigurationError.
        """
        return bulk.Bulk(
            self._invoke.calls,
            bulk.operations.delete_groups_operation(self._invoke.calls),
            ids,
            Once("group"),
            **options,
        )


def _check_name(function: str, name: object) -> None:
    """Refuse a name of blanks alone. A lookup could not find such a group again."""
    if isinstance(name, str) and not name.strip():
        raise input_error(f"{function} needs a name.")
