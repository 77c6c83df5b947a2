"""The protocol without any I/O: a call becomes a request, an answer becomes a verdict."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import quote, quote_plus, unquote, urlencode

from attrs import field, frozen

from cronapi._json import parse_json
from cronapi._retry import Ending
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
from cronapi.providers import Provider

RequestFormat = Literal["json", "form", "query"]
Auth = Literal["body", "bearer"]

WRONG_TOKEN = 11
"""The one error code with a documented meaning besides 0."""
REFUSALS = (429, 503)
_NOT_FOUND = 404
LEAST_SECRET = 4
"""Characters: a shorter secret cannot be told from ordinary text."""
_SHOWN, _READ = 200, 4000
_LONGEST_CHAIN = 20
_SECRET = ("password", "secret")
_NEVER_IN_URL = frozenset({*_SECRET, "httpHeaders", "postData", "payload"})
_USER = re.compile(r"//[^/?#@\s:]*:([^/?#@\s]+)@")
_CREDENTIAL = re.compile(
    r"(?im)^[^:\n]*(?:auth|token|key|secret|cookie|password)[^:\n]*:[ \t]*([^\r\n]+?)[ \t\r]*$"
)
_CODE = re.compile("-?[0-9]{1,9}")
_NO_FUNCTION = "unknown function"
"""No documentation has a service's words for it; these are the emulator's, and only advice depends on them."""
_ELSEWHERE = "Check base_url, and whether the service still has this function."
USER_AGENT = "cronapi-client (+https://pypi.org/project/cronapi-client/)"


@frozen(kw_only=True)
class Request:
    """One HTTP request. `url_token` goes into the query at the last moment, so that no log of the URL shows it."""

    function: str
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(default=b"", repr=False)
    url_token: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@frozen(kw_only=True)
class Verdict:
    """How an attempt ended: `data` where it was answered, `error` where not."""

    ending: Ending
    data: Any = None
    error: CronAPIError | None = None
    retry_after: float | None = None


def build_request(
    provider: Provider,
    function: str,
    params: Mapping[str, Any],
    token: str,
    *,
    auth: Auth = "body",
    request_format: RequestFormat = "json",
) -> Request:
    """Return the request of a call.

    Parameters with lists always travel as JSON, the only format documented for them; so do those that may hold a secret rather than in
    a URL.
    """
    url = provider.base_url + quote(provider.spell(function), safe="._-")
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    make = partial(Request, function=function, headers=headers, secrets=(token, *_secrets(params)))
    if auth == "bearer":
        headers["Authorization"] = f"Bearer {token}"
    body = dict(params) if auth == "bearer" else {"token": token, **params}
    exposed = request_format == "query" and (
        _hidden_secrets(params) or not _NEVER_IN_URL.isdisjoint(params)
    )
    if (
        request_format == "json"
        or exposed
        or any(isinstance(value, list | dict) for value in params.values())
    ):
        headers["Content-Type"] = "application/json"
        return make(method="POST", url=url, content=json.dumps(body).encode())
    if request_format == "form":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return make(method="POST", url=url, content=_form(body).encode())
    query = _form(params)
    url_token = None if auth == "bearer" else token
    return make(method="GET", url=f"{url}?{query}" if query else url, url_token=url_token)


def _secrets(params: Mapping[str, Any]) -> list[str]:
    """Return what no text may repeat: the passwords and secrets of a call, and of the jobs in a batch."""
    data = params.get("data")
    rows = [
        params,
        *(row for row in (data if isinstance(data, list) else ()) if isinstance(row, Mapping)),
    ]
    return [
        secret for row in rows for secret in (*_named_secrets(row), *_hidden_secrets(row)) if secret
    ]


def _named_secrets(row: Mapping[str, Any]) -> list[str]:
    return [str(row[name]) for name in _SECRET if row.get(name)]


def _hidden_secrets(row: Mapping[str, Any]) -> list[str]:
    """Return the password in a job's URL, and the values of headers that carry credentials."""
    users = _USER.findall(str(row.get("url", "")))
    headers = _CREDENTIAL.findall(str(row.get("httpHeaders", "")))
    return [
        *users,
        *map(unquote, users),
        *headers,
        *(value.rpartition(" ")[2] for value in headers),
    ]


def _form(params: Mapping[str, Any]) -> str:
    return urlencode(
        {name: int(value) if isinstance(value, bool) else value for name, value in params.items()}
    )


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets: raw, percent-encoded or as in JSON."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= LEAST_SECRET:
            for form in (
                secret,
                quote(secret, safe=""),
                quote_plus(secret),
                json.dumps(secret)[1:-1],
            ):
                text = text.replace(form, "***")
    return text


def tells(error: BaseException | None, secrets: Iterable[str]) -> bool:
    """Whether an exception, or one that led to it, repeats a secret, as a server's garbage may."""
    said: list[str] = []
    while error is not None and len(said) < _LONGEST_CHAIN:
        said.append(f"{error} {error!r}")
        error = error.__cause__ or error.__context__
    return any(redact(text, secrets) != text for text in said)


def read_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str] = (),
    now: datetime | None = None,
) -> Verdict:
    """Return the verdict on an answer; an envelope counts whatever the HTTP status is. `headers` have lower-case names."""
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
    """Return the seconds that a Retry-After header asks for, given as seconds or as an HTTP date; None where it asks for nothing."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now or datetime.now(UTC))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
