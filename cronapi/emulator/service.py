"""Both services as one table of functions: their handlers, and the providers that have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cronapi.emulator import account, cron, group, listing
from cronapi.emulator.call import Call
from cronapi.emulator.checks import shown
from cronapi.emulator.eras import RULES
from cronapi.emulator.words import Era

PROVIDERS = ("fastcron", "setcronjob")

HANDLERS: Mapping[str, Callable[[Call], object]] = {
    "cron.list": listing.list_jobs,
    "cron.get": cron.get,
    "cron.add": cron.add,
    "cron.edit": cron.edit,
    "cron.enable": cron.enable,
    "cron.disable": cron.disable,
    "cron.pause": cron.pause,
    "cron.delete": cron.delete,
    "cron.run": cron.run,
    "cron.logs": cron.logs,
    "cron.failures": cron.failures,
    "cron.next": cron.next_times,
    "cron.batch_add": cron.batch_add,
    "cron.batch_edit": cron.batch_edit,
    "cron.batch_delete": cron.batch_delete,
    "cron.group_edit": cron.group_edit,
    "group.list": group.list_groups,
    "group.get": group.get,
    "group.lookup": group.lookup,
    "group.add": group.add,
    "group.edit": group.edit,
    "group.delete": group.delete,
    "group.vanish": group.vanish,
    "group.empty": group.empty,
    "group.items": group.items,
    "account.get": account.get,
    "account.edit": account.edit,
    "account.secret": account.secret,
    "server.time": account.server_time,
    "server.timezones": account.server_timezones,
    "server.useragent": account.server_useragent,
    "server.ip": account.server_ip,
}

_ONLY_SETCRONJOB = frozenset(name for name in HANDLERS if name.startswith("server."))
_ONLY_FASTCRON = frozenset(
    {"cron.next", "cron.batch_add", "cron.batch_edit", "cron.batch_delete", "cron.group_edit"}
    | {"account.get", "account.secret"}
)
_MISSING: Mapping[str, frozenset[str]] = {
    "fastcron": _ONLY_SETCRONJOB,
    "setcronjob": _ONLY_FASTCRON,
}


def functions(
    provider: str, era: Era = "seed", also: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Return the dotted names of the functions that a provider has in an era.

    Of those that it has in another era, it has the ones in `also`.

    `provider` is `fastcron` or `setcronjob`, and a service that there was not yet has none. `era`
    is `2013`, `2019`, `2023`, `seed` (FastCron docs 2024-05, with `cron.next`) or `latest`. Raises
    `ValueError` for any other name.
    """
    names_both = isinstance(provider, str) and isinstance(era, str)
    if not names_both or provider not in _MISSING or era not in RULES:
        raise ValueError(f"unknown provider or era: {shown(provider)}, {shown(era)}")
    if provider not in RULES[era].providers:
        return frozenset()
    return frozenset(HANDLERS) - _MISSING[provider] - (RULES[era].absent - also)
