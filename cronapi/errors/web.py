"""How a web application answers for each error: its HTTP status, and its Retry-After."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cronapi.errors import (
    APIError,
    AuthenticationError,
    Concern,
    ConfigurationError,
    CronAPIError,
    ManifestError,
    NotFoundError,
    SchedulerError,
    ServiceUnavailableError,
    UnsafePlanError,
    UnsupportedFunctionError,
    WaitTooLongError,
    WebhookError,
)

CONCERN_STATUS: Mapping[Concern, int] = {"input": 422, "program": 500, "closed": 503}
"""The HTTP status for each kind of ConfigurationError."""
HTTP_STATUS: Mapping[type[CronAPIError], int] = {
    NotFoundError: 404,
    **dict.fromkeys((APIError, ManifestError), 422),
    ConfigurationError: CONCERN_STATUS["input"],
    UnsafePlanError: 409,
    AuthenticationError: 500,
    UnsupportedFunctionError: 501,
    WaitTooLongError: 503,
    ServiceUnavailableError: 503,
    SchedulerError: 503,
    CronAPIError: 502,
}
"""The HTTP status with which a web application answers for an error, by its nearest class.

502 stands for all that the cron service did wrong, and 500 for a token that is the application's.
501 is a function that the service of the application's choice has not: it did nothing wrong, and
coming back is of no use. A BulkError is 502 too, whatever its items ended in: some are done, so
neither "nothing happened" nor "come back later" is true. A ManifestError is about the text that a
call was given. Of a ConfigurationError this is the status of input.
"""
LONGEST_CHAIN = 20
"""The most causes that are looked at: a chain may bite its tail."""
OUTAGE_SECONDS = 30.0
"""The time to come back after an outage, if the service named none."""


def status_for(error: CronAPIError) -> int:
    """Return the HTTP status with which a web application answers for an error.

    From 500 on the error's text is for the application's log, since it tells of its account. A bulk
    whose input could not be read has the status of what went wrong there. A ConfigurationError has
    that of what it concerns, and a WebhookError names one.
    """
    error = _origin(error)
    if isinstance(error, WebhookError):
        return error.status
    if isinstance(error, ConfigurationError):
        return CONCERN_STATUS[error.concerns]
    return next(HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS)


def _origin(error: CronAPIError) -> CronAPIError:
    """Return the error of ours that an input of a bulk has raised, or the error itself."""
    for _ in range(LONGEST_CHAIN):
        cause = error.__cause__
        if not (isinstance(error, ConfigurationError) and isinstance(cause, CronAPIError)):
            break
        error = cause
    return error


def retry_after_for(error: CronAPIError, *, spread: float = 10.0) -> int | None:
    """Return the seconds for a Retry-After header, None for an error that needs another remedy.

    They are whole, and at least the expected wait. A random part of at most `spread` seconds keeps
    callers from coming back all at once.
    """
    if status_for(error) != HTTP_STATUS[ServiceUnavailableError]:
        return None
    import random  # noqa: PLC0415 -- importing the errors must not cost it

    known = error.wait if isinstance(error, WaitTooLongError) else None
    asked = error.retry_after if isinstance(error, ServiceUnavailableError) else known
    least = OUTAGE_SECONDS if asked is None else asked
    return math.ceil(least + random.uniform(0, spread))  # noqa: S311 -- jitter, not a secret
