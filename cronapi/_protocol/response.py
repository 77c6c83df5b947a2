"""An HTTP answer becomes a verdict on the attempt, without any I/O."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, field, frozen

from cronapi._protocol.json_text import parse_json
from cronapi._protocol.redaction import MOST_TEXT, redact, without_password
from cronapi.errors import (
    NO_MESSAGE,
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
_TIMEOUT = 408
_UNAVAILABLE = 503
_SHOWN = 200
_PAGE = 64 * 1024
"""Bytes of a page that are searched for the words of the rate limit. Its own are far shorter."""
_CODE = re.compile("-?[0-9]{1,9}")
_JSON = re.compile(
    r"""\A\W*["'] | [\[{] \s* (?: ["'\[{\d-] | (?:true|false|null)\b ) | ["'] \s* :""", re.VERBOSE
)
"""The beginning of a JSON value, or a key of one that has lost its own beginning."""
_NO_FUNCTION = "unknown function"
"""The emulator's words. No documentation has a service's own, and only advice depends on them."""
_NO_ENVELOPE = (
    "The answer is JSON, but not the envelope: it is no object with status success or error."
)
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
    """How an attempt ended, with `data` if it was answered and `error` if not.

    `did_nothing` is True if the answer proves that the service has not carried out the call.
    `status` is the HTTP status of the answer, or None if none came.
    """

    ending: Ending
    data: Any = field(default=None, repr=False)
    error: CronAPIError | None = None
    retry_after: float | None = None
    did_nothing: bool = False
    status: int | None = None


@frozen
class Reply:
    """An HTTP answer: `headers` have lower-case names, or ignore case."""

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    now: datetime | None

    @property
    def retry_after(self) -> float | None:
        """The seconds that the answer asks to wait."""
        return retry_after_seconds(self.headers.get("retry-after"), self.now)


def read_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes | bytearray,
    *,
    secrets: Iterable[str] = (),
    limiter_pages: Iterable[str] = (),
    was_quick: bool = False,
    now: datetime | None = None,
) -> Verdict:
    """Return the verdict on an answer. An envelope counts with any HTTP status.

    `headers` have lower-case names, or ignore case. `limiter_pages` are texts of the pages with
    which the rate limit of the service refuses a request. `was_quick` is True if the answer came in
    less than twice the usual time, so that the service can hardly have worked on it. `secrets` are
    looked at only if a text may repeat one.
    """
    try:
        answer: Any = parse_json(body)
    except ValueError as error:
        answer, reason, shown = (
            None,
            f"The answer is not JSON: {error}.",
            bytes(body[: 4 * MOST_TEXT]),
        )
    else:
        reason, shown = _NO_ENVELOPE, b""
    said = answer.get("status") if isinstance(answer, dict) else None
    if said == "success" and answer.get("code", 0) in (0, "0"):
        return Verdict(ending=Ending.DONE, data=answer.get("data"), status=status)
    reply = Reply(status, headers, body, tuple(secrets), now)
    if said in ("success", "error"):
        return _envelope(reply, answer)
    if status in REFUSALS:
        return _refusal(reply, limiter_pages, was_quick=was_quick)
    return _page(reply) or garbled(reason, _beginning(shown, reply.secrets), status=status)


def _envelope(reply: Reply, answer: Mapping[str, Any]) -> Verdict:
    """Return the verdict on an envelope with an error."""
    code, message = answer.get("code"), answer.get("message")
    number = int(code) if isinstance(code, int | str) and _CODE.fullmatch(str(code)) else 1
    text = redact(message, reply.secrets)[:_SHOWN] if isinstance(message, str) else ""
    if reply.status in REFUSALS and number != WRONG_TOKEN:
        # No proof that the service has done nothing: the request came far enough for an envelope.
        said = f"HTTP {reply.status}: {text or NO_MESSAGE} (code {number})."
        return _refused(reply, said, did_nothing=False)
    kind: type[APIError] = APIError
    if number == WRONG_TOKEN:
        kind = AuthenticationError
    elif reply.status == _NOT_FOUND:
        kind = NotFoundError
    error = kind(text, code=number)
    error.says_code = True
    if _NO_FUNCTION in text.lower():
        error.advice = _ELSEWHERE
    return Verdict(ending=Ending.FINAL, error=error, status=reply.status)


def _refusal(reply: Reply, limiter_pages: Iterable[str], *, was_quick: bool) -> Verdict:
    """Return the verdict on a 503 or 429 without an envelope.

    Only the limiter's own page, sent quickly, proves that nothing was done. Another page, of a load
    balancer for example, may come after the work was done, and says nothing about the rate.
    """
    page, known = (
        " ".join(reply.body[:_PAGE].decode("utf-8", "replace").split()).lower(),
        tuple(limiter_pages),
    )
    is_limiter = any(text.lower() in page for text in known)
    is_foreign = bool(page and known) and not is_limiter and reply.status == _UNAVAILABLE
    text = f"HTTP {reply.status}: over the rate limit, or an outage."
    verdict = _refused(reply, text, did_nothing=is_limiter and was_quick)
    return evolve(verdict, ending=Ending.LOST) if is_foreign else verdict


def _refused(reply: Reply, text: str, *, did_nothing: bool) -> Verdict:
    delay = reply.retry_after
    error = ServiceUnavailableError(text, status=reply.status, retry_after=delay)
    return Verdict(
        ending=Ending.REFUSED,
        error=error,
        retry_after=delay,
        did_nothing=did_nothing,
        status=reply.status,
    )


def _page(reply: Reply) -> Verdict | None:
    """Return the verdict on a status that says enough without an envelope, or None."""
    status = reply.status
    if 300 <= status < 400:  # noqa: PLR2004 -- HTTP's class of redirects
        location = redact(reply.headers.get("location", ""), reply.secrets)
        redirect = RedirectError(
            f"HTTP {status}, to {without_password(location)!r}.", status=status, location=location
        )
        return Verdict(ending=Ending.FINAL, error=redirect, status=status)
    if status < 400:  # noqa: PLR2004 -- HTTP's classes of errors, of the client and of the server
        return None
    page = StatusError(f"HTTP {status} without an envelope.", status=status)
    if status == _NOT_FOUND:
        page.advice = _ELSEWHERE
    is_lost = status >= 500 or status == _TIMEOUT  # noqa: PLR2004 -- errors of the server
    return Verdict(ending=Ending.LOST if is_lost else Ending.FINAL, error=page, status=status)


def garbled(reason: str, beginning: str = "", *, status: int | None = None) -> Verdict:
    """Return the verdict on an answer that cannot be read."""
    text = f"{reason} It begins with {beginning!r}." if beginning else reason
    error = ResponseError(text, problems=(f"$: {reason}",))
    return Verdict(ending=Ending.GARBLED, error=error, status=status)


def _beginning(body: bytes, secrets: tuple[str, ...]) -> str:
    """Return the beginning of an answer, without JSON: that may be a job, which has secrets."""
    page = _JSON.split(body.decode("utf-8", "replace"), 1)[0]
    return redact(page, secrets)[:_SHOWN].rstrip()


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Return the delay of a Retry-After header in seconds, or None if it asks for none.

    The header has seconds or an HTTP date. Several headers arrive as one, with commas, and the
    longest of their waits counts.
    """
    if not value:
        return None
    waits = [seconds for part in value.split(",") if (seconds := _number(part)) is not None]
    seconds = max(waits) if waits else _seconds_until(value, now or datetime.now(UTC))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _number(text: str) -> float | None:
    """Return the number that HTTP would read, or None: Python also reads other digits, and 1_0."""
    try:
        return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _seconds_until(date: str, now: datetime) -> float:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 -- a Retry-After is rarely a date

    try:
        when = parsedate_to_datetime(date)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, OverflowError):
        return math.nan
