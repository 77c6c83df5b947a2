"""`api.server`: facts about SetCronJob's servers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from cronapi import _functions as table
from cronapi.models import ServerAddress
from cronapi.namespaces._invoke import Invoker, Namespace
from cronapi.namespaces._unsupported import unsupported


@frozen(repr=False)
class NoServer(Namespace):
    """The target `server` at FastCron, which has none of its functions."""

    _invoke: Invoker

    if not TYPE_CHECKING:
        __getattr__ = unsupported("server")


@frozen(repr=False)
class ServerNamespace(Namespace):
    """The functions of the target `server` (SetCronJob). Reads: repeated freely."""

    _invoke: Invoker

    async def time(self) -> datetime:
        """Return the service's time, in UTC."""
        return await self._invoke(table.SERVER_TIME, {})

    async def timezones(self) -> list[str]:
        """Return the names of the time zones that jobs may have."""
        return await self._invoke(table.SERVER_TIMEZONES, {})

    async def useragent(self) -> str:
        """Return the User-Agent with which jobs are called."""
        return await self._invoke(table.SERVER_USERAGENT, {})

    async def ip(self) -> dict[str, ServerAddress]:
        """Return the addresses from which jobs are called, by server name."""
        return await self._invoke(table.SERVER_IP, {})
