"""The namespaces that a client offers: every function, or those of its service alone."""

from __future__ import annotations

from collections.abc import Callable

from cronapi.namespaces._invoke import Invoker
from cronapi.namespaces.account import AccountNamespace, SharedAccount
from cronapi.namespaces.cron import CronNamespace, SharedCron
from cronapi.namespaces.group import GroupNamespace
from cronapi.namespaces.server import NoServer, ServerNamespace

Offers = dict[str, Callable[[Invoker], object]]

EVERY: Offers = {
    "cron": CronNamespace,
    "group": GroupNamespace,
    "account": AccountNamespace,
    "server": ServerNamespace,
}
FASTCRON: Offers = EVERY | {"server": NoServer}
SETCRONJOB: Offers = EVERY | {"cron": SharedCron, "account": SharedAccount}
