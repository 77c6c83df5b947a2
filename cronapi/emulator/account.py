"""The functions of the account and server targets: a handler takes a call and returns its data."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from cronapi.emulator.eras import RULES
from cronapi.emulator.runner.outgoing import USER_AGENTS
from cronapi.emulator.validation import check_timezone

if TYPE_CHECKING:
    from cronapi.emulator.call import Call
    from cronapi.emulator.store import Document

_MAX_JOBS = 1_000_000


def get(call: Call) -> Document:
    """Return the account without its secret."""
    return _account_data(call, call.own_account())


def edit(call: Call) -> Document:
    """Change the default timezone of new jobs."""
    return _change(call, "timezone", check_timezone(call, call.params.get("timezone")))


def secret(call: Call) -> Document:
    """Set the text that stands for `__secret__` in jobs."""
    return _change(call, "secret", call.params["secret"])


def server_time(call: Call) -> int:
    """Return the Unix time."""
    return call.now


def server_timezones(_call: Call) -> list[str]:
    """Return the IANA names. The shape of the real answer is not documented."""
    return sorted(available_timezones())


def server_useragent(_call: Call) -> str:
    """Return the user agent of the requests that jobs make."""
    return USER_AGENTS["setcronjob"]


def server_ip(_call: Call) -> dict[str, dict[str, str]]:
    """Return the addresses of the servers that make jobs' requests, by server name.

    These addresses are reserved for documentation.
    """
    return {
        "server1": {"v4": "198.51.100.7", "v6": "2001:db8::7"},
        "server2": {"v4": "198.51.100.8", "v6": "2001:db8::8"},
    }


def _change(call: Call, name: str, value: str) -> Document:
    account = {**call.own_account(), name: value}
    call.put("account", account)
    return _account_data(call, account)


def _account_data(call: Call, account: Document) -> Document:
    known = {**account, "cron": _MAX_JOBS}
    return {name: known[name] for name in RULES[call.settings.era].account}
