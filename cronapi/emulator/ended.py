"""One-time jobs that have run, which a service removes some days later.

Source: FastCron's guide on one-time jobs and its changelog of October 2024, and SetCronJob's page
on groups for the years before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.eras import RULES
from cronapi.emulator.jobs import catch_up, delete_jobs

if TYPE_CHECKING:
    from cronapi.emulator.call import Call
    from cronapi.emulator.emulator import Emulator
    from cronapi.emulator.store import Document

_DAY = 86_400


def remove_ended(emulator: Emulator) -> None:
    """Remove the one-time jobs whose last run is too long ago for the services to keep them."""
    now = int(emulator.clock.now())
    for key in list(emulator.store.ended.due(now)):
        provider, account, number = key
        call = emulator.call(provider, account)
        with emulator.store.transaction():
            job = catch_up(call, call.find("job", number))
            when = removal_time(job, _days(call, job))
            is_over = job["due"] is None and when is not None and when <= now
            if is_over:
                delete_jobs(call, [job])
        if when is not None and not is_over:
            emulator.store.ended.note(key, max(when, now + 1))


def removal_time(job: Document, days: int) -> int | None:
    """Return the Unix time at which a one-time job is removed, or looked at again as it still runs.

    Return `None` for a job that has not run since its date, and for 0 days, which mean for ever.
    """
    if job["due"] is not None:
        return int(job["due"])
    ran = job.get("ran")
    if not days or ran is None or ran < job["over"]:
        return None
    return int(job["over"] + days * _DAY)


def _days(call: Call, job: Document) -> int:
    rules = RULES[call.settings.era]
    group = call.store.get("group", call.provider, call.account, job["group"] or 0) or {}
    return int(group.get("autoDelete", rules.keeps_once) if rules.groups_say else rules.keeps_once)
