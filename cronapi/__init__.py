"""An asyncio client for hosted cron services: SetCronJob and FastCron, typed, paced and cancel-safe."""

from cronapi._params import JobParams, JobSpec
from cronapi._retry import RetryPolicy
from cronapi.bulk import Bulk, BulkError, Cost, Outcome, Report
from cronapi.client import Client, FastCron, SetCronJob
from cronapi.errors import (
    APIError,
    Applied,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    CronAPIError,
    NotFoundError,
    OutcomeUnknownError,
    RedirectError,
    RequestTimeoutError,
    ResponseError,
    SchedulerError,
    ServiceUnavailableError,
    StatusError,
    TransportError,
    UnsupportedFunctionError,
    WaitTooLongError,
)
from cronapi.models import Account, Attempt, CronJob, Execution, Group, JobStatus, Notification, Notify, ServerAddress
from cronapi.providers import FASTCRON, SETCRONJOB, Provider, Rate
from cronapi.scheduler import Scheduler, SchedulerStats

__all__ = [
    "FASTCRON",
    "SETCRONJOB",
    "APIError",
    "Account",
    "Applied",
    "Attempt",
    "AuthenticationError",
    "Bulk",
    "BulkError",
    "Client",
    "ConfigurationError",
    "ConnectionFailedError",
    "Cost",
    "CronAPIError",
    "CronJob",
    "Execution",
    "FastCron",
    "Group",
    "JobParams",
    "JobSpec",
    "JobStatus",
    "NotFoundError",
    "Notification",
    "Notify",
    "Outcome",
    "OutcomeUnknownError",
    "Provider",
    "Rate",
    "RedirectError",
    "Report",
    "RequestTimeoutError",
    "ResponseError",
    "RetryPolicy",
    "Scheduler",
    "SchedulerError",
    "SchedulerStats",
    "ServerAddress",
    "ServiceUnavailableError",
    "SetCronJob",
    "StatusError",
    "TransportError",
    "UnsupportedFunctionError",
    "WaitTooLongError",
]
