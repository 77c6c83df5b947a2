"""An asyncio client for hosted cron services: SetCronJob and FastCron.

It is typed, paced and safe to cancel. Every name is imported when it is first used (PEP 562), so
that a program waits only for the parts that it uses.
"""

from cronapi._lazy import lazy
from cronapi._protocol.version import __version__ as __version__

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi._calls.retry import RetryPolicy
    from cronapi._protocol.declared import EnsureParams, JobParams, NewJobParams
    from cronapi._protocol.losses import Loss
    from cronapi._protocol.params import JobSpec
    from cronapi.bulk import Bulk, BulkError, Cost, Done, Failed, NotTried, Outcome, Report, Unknown
    from cronapi.client import Client, FastCron, SetCronJob
    from cronapi.errors import (
        APIError,
        Applied,
        AuthenticationError,
        ConfigurationError,
        ConnectionFailedError,
        CronAPIError,
        ManifestError,
        NotFoundError,
        OutcomeUnknownError,
        RedirectError,
        RequestTimeoutError,
        ResponseError,
        SchedulerError,
        ServiceUnavailableError,
        StatusError,
        TransportError,
        UnsafePlanError,
        UnsupportedFunctionError,
        WaitTooLongError,
        WebhookError,
    )
    from cronapi.models import (
        Account,
        Attempt,
        CronJob,
        Execution,
        Group,
        JobStatus,
        Notification,
        Notify,
        ServerAddress,
    )
    from cronapi.providers import FASTCRON, SETCRONJOB, Provider, Rate
    from cronapi.scheduler import Scheduler, SchedulerStats

_HOMES = {
    "FASTCRON": "cronapi.providers",
    "SETCRONJOB": "cronapi.providers",
    "APIError": "cronapi.errors",
    "Account": "cronapi.models",
    "Applied": "cronapi.errors",
    "Attempt": "cronapi.models",
    "AuthenticationError": "cronapi.errors",
    "Bulk": "cronapi.bulk",
    "BulkError": "cronapi.bulk",
    "Client": "cronapi.client",
    "ConfigurationError": "cronapi.errors",
    "ConnectionFailedError": "cronapi.errors",
    "Cost": "cronapi.bulk",
    "CronAPIError": "cronapi.errors",
    "CronJob": "cronapi.models",
    "Done": "cronapi.bulk",
    "EnsureParams": "cronapi._protocol.declared",
    "Execution": "cronapi.models",
    "Failed": "cronapi.bulk",
    "FastCron": "cronapi.client",
    "Group": "cronapi.models",
    "JobParams": "cronapi._protocol.declared",
    "JobSpec": "cronapi._protocol.params",
    "JobStatus": "cronapi.models",
    "Loss": "cronapi._protocol.losses",
    "ManifestError": "cronapi.errors",
    "NewJobParams": "cronapi._protocol.declared",
    "NotFoundError": "cronapi.errors",
    "NotTried": "cronapi.bulk",
    "Notification": "cronapi.models",
    "Notify": "cronapi.models",
    "Outcome": "cronapi.bulk",
    "OutcomeUnknownError": "cronapi.errors",
    "Provider": "cronapi.providers",
    "Rate": "cronapi.providers",
    "RedirectError": "cronapi.errors",
    "Report": "cronapi.bulk",
    "RequestTimeoutError": "cronapi.errors",
    "ResponseError": "cronapi.errors",
    "RetryPolicy": "cronapi._calls.retry",
    "Scheduler": "cronapi.scheduler",
    "SchedulerError": "cronapi.errors",
    "SchedulerStats": "cronapi.scheduler",
    "ServerAddress": "cronapi.models",
    "ServiceUnavailableError": "cronapi.errors",
    "SetCronJob": "cronapi.client",
    "StatusError": "cronapi.errors",
    "TransportError": "cronapi.errors",
    "Unknown": "cronapi.bulk",
    "UnsafePlanError": "cronapi.errors",
    "UnsupportedFunctionError": "cronapi.errors",
    "WaitTooLongError": "cronapi.errors",
    "WebhookError": "cronapi.errors",
}
_MODULES = (
    "bulk",
    "client",
    "errors",
    "manifest",
    "models",
    "namespaces",
    "providers",
    "schedule",
    "scheduler",
)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(__name__, _HOMES, _MODULES)

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
    "Done",
    "EnsureParams",
    "Execution",
    "Failed",
    "FastCron",
    "Group",
    "JobParams",
    "JobSpec",
    "JobStatus",
    "Loss",
    "ManifestError",
    "NewJobParams",
    "NotFoundError",
    "NotTried",
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
    "Unknown",
    "UnsafePlanError",
    "UnsupportedFunctionError",
    "WaitTooLongError",
    "WebhookError",
]
