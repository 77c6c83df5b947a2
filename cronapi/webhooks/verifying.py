"""Asking the service if a notification is true: anyone who knows the address can post one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import define

from cronapi._logs import lines
from cronapi._protocol.arguments import refusal
from cronapi.client import Client
from cronapi.errors import CronAPIError, NotFoundError
from cronapi.models import Attempt, Execution, Notification

MINUTE = 60.0
"""Seconds. No job is asked for twice in the same minute of the clock."""
_START_DELAY = timedelta(seconds=60)
"""A run starts this much after its scheduled time at most, where a row tells only its start."""


@define
class Reading:
    """The service's word about a job, as of `asked_at` in Unix seconds.

    `failures` are its failed runs, `fail` the number of failures in a row. None is unknown.
    """

    asked_at: float
    failures: Sequence[Execution] | None = None
    fail: int | None = None
    is_missing: bool = False


class Verifier:
    """Asks a client about notifications, in its bulk lane, and remembers for a minute."""

    def __init__(self, api: Client, clock: Callable[[], float]) -> None:
        if not isinstance(api, Client):
            raise refusal("verify", "a client such as FastCron", api)
        self._api = api.with_options(lane="bulk", max_wait=MINUTE, retry=None)
        self._clock = clock
        self._minute = 0
        self._readings: dict[int, Reading] = {}

    async def asked(self, notification: Notification) -> Notification:
        """Return the notification with `verified`. It costs at most one request."""
        now = self._clock()
        if int(now // MINUTE) != self._minute:
            self._minute, self._readings = int(now // MINUTE), {}
        reading = self._readings.get(notification.id)
        is_fresh = reading is None
        if reading is None:
            reading = self._readings[notification.id] = Reading(now)
            await self._ask(notification, reading)
        verified = copy.copy(notification)
        answer = judged(notification, reading, is_fresh=is_fresh)
        object.__setattr__(verified, "verified", answer)
        return verified

    async def _ask(self, notification: Notification, reading: Reading) -> None:
        try:
            if notification.is_failure:
                reading.failures = await self._api.cron.failures(notification.id)
            elif notification.is_recovery:
                reading.fail = (await self._api.cron.get(notification.id)).fail
        except NotFoundError:
            reading.is_missing = True
        except CronAPIError as error:
            lines.write(lines.NOT_VERIFIED, notification.id, error)


def judged(notification: Notification, reading: Reading, *, is_fresh: bool) -> bool | None:
    """Return True if a reading confirms a notification, False if it contradicts it, else None.

    A reading that is not fresh says nothing about a later time.
    """
    time = notification.time
    if time is None or notification.status is None:
        return None
    if reading.is_missing:
        return False
    if not is_fresh and time.timestamp() > reading.asked_at:
        return None
    if reading.failures is not None:
        return _among(time, notification.is_failure, reading.failures)
    return None if reading.fail is None or notification.is_failure else reading.fail == 0


def _among(time: datetime, is_failure: bool, failures: Sequence[Execution]) -> bool | None:
    attempts = [attempt for run in failures for attempt in run.attempts]
    if any(_is_at(attempt, time) for attempt in attempts):
        return is_failure
    oldest = min((known for run in failures if (known := run.time)), default=None)
    is_kept = oldest is None or time >= oldest  # the service keeps the last runs only
    return False if is_failure and is_kept else None


def _is_at(attempt: Attempt, time: datetime) -> bool:
    if attempt.time is not None:
        return attempt.time == time
    start = attempt.start_time
    return start is not None and timedelta(0) <= start - time <= _START_DELAY
