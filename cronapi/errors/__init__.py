"""Every exception of cronapi, drawn as a tree.

`bulk.BulkError`, a group of them, is the only other one.

    CronAPIError                     provider, function, attempts, applied
    +-- ConfigurationError           a bad argument, no token, a closed client (also ValueError)
    +-- UnsupportedFunctionError     this provider has no such function
    +-- WaitTooLongError             max_wait would be exceeded: this attempt was not sent
    +-- SchedulerError               the shared bucket cannot be used: this attempt was not sent
    +-- TransportError               no answer
    |   +-- ConnectionFailedError    no connection: this attempt was not sent
    |   +-- RequestTimeoutError      no answer in time
    +-- StatusError                  an HTTP status without an envelope
    |   +-- ServiceUnavailableError  503, the rate limit or an outage
    |   +-- RedirectError            3xx, never followed
    +-- ResponseError                not JSON, not the envelope or not the expected shape
    +-- APIError                     the envelope said error
    |   +-- AuthenticationError      code 11
    |   +-- NotFoundError            certain evidence that there is no such thing
    +-- OutcomeUnknownError          a create may or may not have happened
    +-- WebhookError                 a request to an endpoint of yours is refused
    +-- ManifestError                a manifest of jobs cannot be used
    +-- UnsafePlanError              a plan of changes was not carried out, to be on the safe side

House rule: every error here can be made from its message alone, so all of them pickle.
"""

from __future__ import annotations

import enum
from typing import Literal, TypedDict, Unpack

NO_MESSAGE = "The service gave no message"


class Applied(enum.Enum):
    """Has the service carried out the failed call?"""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


Concern = Literal["input", "program", "closed"]
"""The kinds of ConfigurationError.

"input" is that of the call. "program" is a setting, such as a token, an address or a journal, or a
wrong use of cronapi. "closed" is a client, or a bulk, that is closed or about to be.
"""


class CallFacts(TypedDict, total=False):
    """The facts of a call that every error knows."""

    provider: str | None
    function: str | None
    attempts: int
    applied: Applied


class CronAPIError(Exception):
    """The base of every error that cronapi raises.

    `provider` and `function` name the call, or are None if there was none. `attempts` counts the
    requests that were started for it. `applied` says if the service has carried it out.
    """

    advice = ""
    """The end of the error's text: one sentence on how to go on."""

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        function: str | None = None,
        attempts: int = 0,
        applied: Applied = Applied.NO,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.function = function
        self.attempts = attempts
        self.applied = applied

    def __str__(self) -> str:
        call = f"{self.provider} {self.function}: " if self.function else ""
        facts = (
            f" [attempts: {self.attempts}, applied: {self.applied.value}]" if self.attempts else ""
        )
        advice = f" {self.advice}" if self.advice else ""
        return f"{call}{self._text()}{facts}{advice}"

    def _text(self) -> str:
        """Return the sentence about the event itself, never an empty one."""
        return self.message


class ConfigurationError(CronAPIError, ValueError):
    """An argument is unusable, a token is missing, or the client cannot be used here.

    A single call was not sent, unless `applied` says otherwise. A bulk may have carried out the
    items before a bad one. `concerns` is "input" for the input of a call, "program" for a setting
    or a wrong use of cronapi, and "closed" for a client or a bulk that is closed. Without
    a choice it is "program", whose text no user of a web application is shown.
    """

    def __init__(
        self, message: str, *, concerns: Concern = "program", **call: Unpack[CallFacts]
    ) -> None:
        super().__init__(message, **call)
        self.concerns: Concern = concerns


class UnsupportedFunctionError(CronAPIError):
    """The provider has no such function. Nothing was sent."""


class WaitTooLongError(CronAPIError):
    """The queue is longer than `max_wait` allows. This attempt was not sent.

    `wait` is the expected wait in seconds.
    """

    advice = "Ask again later, or allow a longer max_wait."

    def __init__(self, message: str, *, wait: float = 0.0, **call: Unpack[CallFacts]) -> None:
        super().__init__(message, **call)
        self.wait = wait


class SchedulerError(CronAPIError):
    """The bucket that several processes share, in a file or in Redis, cannot be used.

    This attempt was not sent. `advice` is that of the fault.
    """

    advice = "Check the Redis server and its address, or make the bucket with fallback='local'."


class TransportError(CronAPIError):
    """The service gave no answer."""


class ConnectionFailedError(TransportError):
    """No connection could be made, so this attempt was not sent."""

    advice = "Check base_url, the network and the proxy settings."


class RequestTimeoutError(TransportError):
    """No answer came within `timeout` seconds."""


class StatusError(CronAPIError):
    """The service answered with an HTTP status and no envelope. `status` is that number."""

    def __init__(self, message: str, *, status: int = 0, **call: Unpack[CallFacts]) -> None:
        super().__init__(message, **call)
        self.status = status


class ServiceUnavailableError(StatusError):
    """HTTP 503 (or 429): over the rate limit, or an outage.

    `retry_after` is the delay in seconds that the service asked for, or None.
    """

    advice = (
        "Make the call again later; if applied is unknown, look first whether an earlier attempt "
        "was carried out."
    )

    def __init__(
        self,
        message: str,
        *,
        status: int = 503,
        retry_after: float | None = None,
        **call: Unpack[CallFacts],
    ) -> None:
        super().__init__(message, status=status, **call)
        self.retry_after = retry_after


class RedirectError(StatusError):
    """The service redirects. This is never followed, since the token would travel to the new place.

    `location` is the new place, or "" if the answer named none.
    """

    advice = "If the new place is right, give it as base_url."

    def __init__(
        self, message: str, *, status: int = 302, location: str = "", **call: Unpack[CallFacts]
    ) -> None:
        super().__init__(message, status=status, **call)
        self.location = location


class ResponseError(CronAPIError):
    """The answer is not JSON, not the envelope, or not of the expected shape.

    `problems` are readable lines, each with a path, such as `$.data[3].id: ...`.
    """

    def __init__(
        self, message: str, *, problems: tuple[str, ...] = (), **call: Unpack[CallFacts]
    ) -> None:
        super().__init__(message, **call)
        self.problems = problems


class APIError(CronAPIError):
    """The service answered that the call failed.

    `code` is its number, and `message` its text alone ("" if it gave none).
    """

    says_code = False
    """True if the error's text ends with the code."""

    def __init__(self, message: str, *, code: int = 1, **call: Unpack[CallFacts]) -> None:
        super().__init__(message, **call)
        self.code = code

    def _text(self) -> str:
        said = self.message or NO_MESSAGE
        return f"{said} (code {self.code})." if self.says_code else said


class AuthenticationError(APIError):
    """The service does not know the token (code 11)."""

    advice = "Copy the API token from the account's profile page again."

    def __init__(self, message: str, *, code: int = 11, **call: Unpack[CallFacts]) -> None:
        super().__init__(message, code=code, **call)


class NotFoundError(APIError):
    """There is certainly no such job or group.

    The service said 404 with its envelope, or a complete listing showed it. Every call that names
    one job or group looks, unless `retry` is None. Any other error says nothing about it.
    """


class OutcomeUnknownError(CronAPIError):
    """A create was sent, no usable answer came, and a lookup could not tell if it happened."""

    advice = (
        "Compare the service's list with what you meant to create before making the call again."
    )

    def __init__(self, message: str, **call: Unpack[CallFacts]) -> None:
        call.setdefault("applied", Applied.UNKNOWN)
        super().__init__(message, **call)


class WebhookError(CronAPIError):
    """A request to an endpoint of yours is refused. `status` is the HTTP status to answer."""

    def __init__(self, message: str, *, status: int = 400, **call: Unpack[CallFacts]) -> None:
        super().__init__(message, **call)
        self.status = status


class ManifestError(CronAPIError):
    """A manifest cannot be used, so nothing was sent. `problems` has a line for each problem."""

    problems: tuple[str, ...] = ()


class UnsafePlanError(CronAPIError):
    """A plan was not carried out: it deletes too much, is stale, or another apply is at work.

    Or its group is missing, and jobs of the file are in another one.
    """


from cronapi.errors.web import HTTP_STATUS as HTTP_STATUS  # noqa: E402 -- needs those above
from cronapi.errors.web import retry_after_for as retry_after_for  # noqa: E402 -- as above
from cronapi.errors.web import status_for as status_for  # noqa: E402 -- as above
