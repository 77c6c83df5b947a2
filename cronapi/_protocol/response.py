"""An HTTP answer becomes a verdict on the attempt, without any I/O."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from cronapi._protocol.json_text import parse_json
from cronapi._protocol.redaction import redact
from cronapi.errors import (
    APIError,
    AuthenticationError,
    CronAPIError,
    NotFoundError,
    RedirectError,
    ResponseError,
    ServiceUnavailableError,
    StatusError,
)

WRONG_TOKEN = 11
"""The one error code with a documented meaning besides 0."""
REFUSALS = (429, 503)
_NOT_FOUND = 404
_SHOWN, _READ = 200, 4000
_CODE = re.compile("-?[0-9]{1,9}")
_NO_FUNCTION = "unknown function"
"""The emulator's words. No documentation has a service's own, and only advice depends on them."""
_ELSEWHERE = "Check base_url, and whether the service still has this function."


class Ending(enum.Enum):
    """How one attempt ended."""

    DONE = "an answer that can be used"
    FINAL = "an answer that a repeat would not change"
    NOT_SENT = "nothing was sent"
    REFUSED = "the rate limit refused it"
    LOST = "sent, and no answer"
    GARBLED = "sent, and an answer that cannot be read"


@frozen(kw_only=True)
class Verdict:
    """How an attempt ended, with `data` if it was answered and `error` if not."""

    ending: Ending
    data: Any = None
    error: CronAPIError | None = None
    retry_after: float | None = None


def read_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str] = (),
    now: datetime | None = None,
) -> Verdict:
    """Return the verdict on an answer. An envelope counts with any HTTP status.

    `headers` have lower-case names.
    """
    try:
        answer = parse_json(body)
    except ValueError as error:
        return _without_envelope(
            status, headers, body, f"The answer is not JSON: {error}.", tuple(secrets), now
        )
    if isinstance(answer, dict) and answer.get("status") in ("success", "error"):
        return _envelope(status, answer, tuple(secrets))
    reason = (
        "The answer is JSON, but not the envelope: it is no object with status success or error."
    )
    return _without_envelope(status, headers, b"", reason, tuple(secrets), now)


def _envelope(status: int, answer: Mapping[str, Any], secrets: tuple[str, ...]) -> Verdict:
    if answer["status"] == "success" and answer.get("code", 0) in (0, "0"):
        return Verdict(ending=Ending.DONE, data=answer.get("data"))
    code, message = answer.get("code"), answer.get("message")
    number = int(code) if isinstance(code, int | str) and _CODE.fullmatch(str(code)) else 1
    text = (
        redact(message, secrets)[:_SHOWN]
        if isinstance(message, str) and message
        else "The service gave no message"
    )
    kind: type[APIError] = APIError
    if number == WRONG_TOKEN:
        kind = AuthenticationError
    elif status == _NOT_FOUND:
        kind = NotFoundError
    error = kind(f"{text} (code {number}).", code=number)
    if _NO_FUNCTION in text.lower():
        error.advice = _ELSEWHERE
    return Verdict(ending=Ending.FINAL, error=error)


def _without_envelope(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    reason: str,
    secrets: tuple[str, ...],
    now: datetime | None,
) -> Verdict:
    if 300 <= status < 400:  # noqa: PLR2004 -- HTTP's class of redirects
        location = redact(headers.get("location", ""), secrets)
        redirect = RedirectError(
            f"HTTP {status}, to {location!r}.", status=status, location=location
        )
        return Verdict(ending=Ending.FINAL, error=redirect)
    if status in REFUSALS:
        delay = retry_after_seconds(headers.get("retry-after"), now)
        error = ServiceUnavailableError(
            f"HTTP {status}: over the rate limit, or an outage.", status=status, retry_after=delay
        )
        return Verdict(ending=Ending.REFUSED, error=error, retry_after=delay)
    if status >= 400:  # noqa: PLR2004 -- HTTP's classes of errors, of the client and of the server
        page = StatusError(f"HTTP {status} without an envelope.", status=status)
        if status == _NOT_FOUND:
            page.advice = _ELSEWHERE
        return Verdict(ending=Ending.LOST if status >= 500 else Ending.FINAL, error=page)  # noqa: PLR2004 -- the latter
    shown = redact(body[:_READ].decode("utf-8", "replace"), secrets)[:_SHOWN]
    text = f"{reason} It begins with {shown!r}." if body else reason
    return Verdict(ending=Ending.GARBLED, error=ResponseError(text, problems=(f"$: {reason}",)))


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Return the delay of a Retry-After header in seconds, or None if it asks for none.

    The header has seconds or an HTTP date.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now or datetime.now(UTC))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 -- a Retry-After is rarely a date

    try:
        when = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now.timestamp()
