"""The API as a table: one row per function.

A row has the function's name, its services, the type of its `data`, and the effect of a repetition
after a lost answer. A new function is a row here, a method in `namespaces`, a handler in the
emulator and a recorded sample. A test compares the four.

Sources: the documentation of both services as of the era of their rate limits of 10 and 1 requests
a second, and FastCron's reference of 2024-05 to 2026-08.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any, Generic, TypeVar, get_origin

from attrs import field, frozen

from cronapi.models import Account, CronJob, Execution, Group, ServerAddress

T = TypeVar("T")

PAGE = 1000
"""Jobs on one page of `cron.list`. A shorter page is the last.

Source: both services' documentation since 2023.
"""


class Repeat(enum.Enum):
    """The effect of a second identical call. It decides how a call goes on after a lost answer."""

    READ = "changes nothing"
    SAME = "ends in the same state"
    GONE = "ends in the same state, but may answer that there is no such thing"
    CREATE = "makes a second one"


@frozen
class Function(Generic[T]):
    """One row of the table.

    `name` is `target.action`. `data` of an answer is structured into the type `result`. `services`
    are the names of the providers that have it.
    """

    name: str
    repeat: Repeat
    result: type[T]
    services: frozenset[str]
    is_list: bool = field(init=False, eq=False)
    """True if it is answered with a list: of jobs, groups, logs or times."""

    @is_list.default  # pyright: ignore[reportAttributeAccessIssue] -- a field while attrs reads it
    def _is_list(self) -> bool:
        return get_origin(self.result) is list


_SETCRONJOB, _FASTCRON = frozenset({"setcronjob"}), frozenset({"fastcron"})
_BOTH = _SETCRONJOB | _FASTCRON

CRON_LIST = Function("cron.list", Repeat.READ, list[CronJob], _BOTH)
CRON_GET = Function("cron.get", Repeat.READ, CronJob, _BOTH)
CRON_ADD = Function("cron.add", Repeat.CREATE, CronJob, _BOTH)
CRON_EDIT = Function("cron.edit", Repeat.SAME, CronJob, _BOTH)
CRON_ENABLE = Function("cron.enable", Repeat.SAME, CronJob, _BOTH)
CRON_DISABLE = Function("cron.disable", Repeat.SAME, CronJob, _BOTH)
CRON_PAUSE = Function("cron.pause", Repeat.SAME, CronJob, _BOTH)
CRON_DELETE = Function("cron.delete", Repeat.GONE, CronJob, _BOTH)
CRON_RUN = Function("cron.run", Repeat.CREATE, datetime, _BOTH)
CRON_LOGS = Function("cron.logs", Repeat.READ, list[Execution], _BOTH)
CRON_FAILURES = Function("cron.failures", Repeat.READ, list[Execution], _BOTH)
CRON_NEXT = Function("cron.next", Repeat.READ, list[datetime], _FASTCRON)
CRON_BATCH_ADD = Function("cron.batch_add", Repeat.CREATE, list[CronJob], _FASTCRON)
CRON_BATCH_EDIT = Function("cron.batch_edit", Repeat.SAME, list[CronJob], _FASTCRON)
CRON_BATCH_DELETE = Function("cron.batch_delete", Repeat.GONE, list[CronJob], _FASTCRON)
CRON_GROUP_EDIT = Function("cron.group_edit", Repeat.SAME, list[CronJob], _FASTCRON)

GROUP_LIST = Function("group.list", Repeat.READ, list[Group], _BOTH)
GROUP_GET = Function("group.get", Repeat.READ, Group, _BOTH)
GROUP_LOOKUP = Function("group.lookup", Repeat.READ, list[Group], _BOTH)
GROUP_ADD = Function("group.add", Repeat.CREATE, Group, _BOTH)
GROUP_EDIT = Function("group.edit", Repeat.SAME, Group, _BOTH)
GROUP_DELETE = Function("group.delete", Repeat.GONE, Group, _BOTH)
GROUP_VANISH = Function("group.vanish", Repeat.GONE, Group, _BOTH)
GROUP_EMPTY = Function("group.empty", Repeat.SAME, Group, _BOTH)
GROUP_ITEMS = Function("group.items", Repeat.READ, list[CronJob], _BOTH)

ACCOUNT_GET = Function("account.get", Repeat.READ, Account, _FASTCRON)
ACCOUNT_EDIT = Function("account.edit", Repeat.SAME, Account, _BOTH)
ACCOUNT_SECRET = Function("account.secret", Repeat.SAME, Account, _FASTCRON)

SERVER_TIME = Function("server.time", Repeat.READ, datetime, _SETCRONJOB)
SERVER_TIMEZONES = Function("server.timezones", Repeat.READ, list[str], _SETCRONJOB)
SERVER_USERAGENT = Function("server.useragent", Repeat.READ, str, _SETCRONJOB)
SERVER_IP = Function("server.ip", Repeat.READ, dict[str, ServerAddress], _SETCRONJOB)

TABLE: dict[str, Function[Any]] = {
    row.name: row for row in list(globals().values()) if isinstance(row, Function)
}


def offered_by(service: str) -> frozenset[str]:
    """Return the names of the functions that a service has."""
    return frozenset(name for name, row in TABLE.items() if service in row.services)
