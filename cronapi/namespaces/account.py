"""`api.account`: the account that the token belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from cronapi import _functions as table
from cronapi._protocol.hidden import hidden
from cronapi.models import Account
from cronapi.namespaces._invoke import Invoker, Namespace
from cronapi.namespaces._unsupported import unsupported


@frozen(repr=False)
class SharedAccount(Namespace):
    """The functions of the target `account` that both services have, and all that SetCronJob has.

    The errors are those of `SharedCron`.
    """

    _invoke: Invoker

    if not TYPE_CHECKING:
        __getattr__ = unsupported("account")

    async def edit(self, *, timezone: str) -> Account:
        """Set the account's time zone, an IANA name, and return the account. May be repeated."""
        return await self._invoke(table.ACCOUNT_EDIT, {"timezone": timezone}, needs="timezone")


class AccountNamespace(SharedAccount):
    """The functions of the target `account`: those of `SharedAccount`, and FastCron's own."""

    __slots__ = ()

    async def get(self) -> Account:
        """Return the account (FastCron). A read: repeated freely."""
        return await self._invoke(table.ACCOUNT_GET, {})

    async def secret(self, secret: str) -> Account:
        """Set the text that stands for `__secret__` in jobs, and return the account.

        FastCron had it until 2024-09. May be repeated.
        """
        secret = hidden(secret)
        return await self._invoke(table.ACCOUNT_SECRET, {"secret": secret}, needs="secret")
