"""The limits of an account: the number of its jobs, and their interval. It takes one request."""

from __future__ import annotations

from datetime import timedelta

import attrs

from cronapi.client import Client
from cronapi.manifest.schedules import known_zone, read_schedule
from cronapi.manifest.wanted import WantedJob
from cronapi.models import Account

NO_LIMIT = "The account does not tell how many jobs it may have."
_FREE = "free"
SHORTEST_FREE = timedelta(minutes=5)
SHORTEST = timedelta(minutes=1)
"""The shortest interval that counts as one job, without a plan that costs nothing and with one.

Source: FastCron's comparison page and changelog, June 2024.
"""


@attrs.frozen
class Limit:
    """The jobs of an account after an apply, at the most while it is at work, and at all."""

    jobs: int
    peak: int
    allowed: int

    @property
    def is_exceeded(self) -> bool:
        """True if the account does not take that many jobs."""
        return self.jobs > self.allowed

    def __str__(self) -> str:
        text = f"{self.jobs} jobs of {self.allowed} that the account allows"
        if self.is_exceeded:
            return f"{text}: it refuses {self.jobs - self.allowed}"
        return f"{text}: --deletes-first keeps below" if self.peak > self.allowed else text


async def account_of(api: Client) -> Account:
    """Return the account. UnsupportedFunctionError if the service does not show it."""
    return await api.account.get()


def limit_of(account: Account, jobs: int, created: int, deleted: int) -> Limit | None:
    """Return the limit for an account of so many jobs, or None if it does not tell any."""
    if account.cron is None:
        return None
    return Limit(jobs + created - deleted, jobs + created, account.cron)


def too_often(job: WantedJob, account: Account) -> str | None:
    """Return a text if a job runs more often than the plan of the account lets it."""
    expression, zone = job.values.get("expression"), known_zone(job.values.get("timezone"))
    schedule = read_schedule(expression, zone) if isinstance(expression, str) else None
    if schedule is None or schedule.gaps is None:
        return None
    is_free = (account.plan or "").casefold() == _FREE
    least = SHORTEST_FREE if is_free else SHORTEST
    if schedule.gaps.shortest >= least:
        return None
    if is_free:
        return f"a free account runs a job every {least.seconds // 60} minutes at most."
    return "it runs more often than once a minute, and counts as several jobs."
