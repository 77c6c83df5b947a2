"""Hide secrets: the one file that knows their places, and removes them from texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote

LEAST_SECRET = 4
"""Characters. A shorter secret looks like ordinary text."""
HIDDEN = "***"
SECRET_PARAMS = frozenset({"password", "http_headers", "post_data", "payload"})
"""Job parameters, by their Python names, that no repr shows."""
NOT_IN_JOURNAL = frozenset({"password"})
"""Members that a journal leaves out even of its hashes."""
_NAMED = ("password", "secret")
_NEVER_IN_URL = frozenset({*_NAMED, "httpHeaders", "postData", "payload"})
_LONGEST_CHAIN = 20
_URL_USER = re.compile(r"(?<=//)([^/?#@\s]*):([^/?#@\s]*)@")
_URL_PASSWORD = re.compile(r"//[^/?#@\s:]*:([^/?#@\s]+)@")
_CREDENTIAL = re.compile(
    r"(?im)^[^:\n]*(?:auth|token|key|secret|cookie|password)[^:\n]*:[ \t]*([^\r\n]+?)[ \t\r]*$"
)


def without_password(value: object) -> object:
    """Return a value without the password of a URL."""
    return _URL_USER.sub(rf"\1:{HIDDEN}@", value) if isinstance(value, str) else value


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets, be they raw, percent-encoded or as in JSON."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= LEAST_SECRET:
            for form in (
                secret,
                quote(secret, safe=""),
                quote_plus(secret),
                json.dumps(secret)[1:-1],
            ):
                text = text.replace(form, HIDDEN)
    return text


def contains_secret(error: BaseException | None, secrets: Iterable[str]) -> bool:
    """Return True if an exception, or one that led to it, repeats a secret.

    A server may echo a request, and a foreign exception may quote it.
    """
    texts: list[str] = []
    while error is not None and len(texts) < _LONGEST_CHAIN:
        texts.append(f"{error} {error!r}")
        error = error.__cause__ or error.__context__
    return any(redact(text, secrets) != text for text in texts)


def secrets_of(params: Mapping[str, Any]) -> list[str]:
    """Return the secrets among the parameters of a call, and of the jobs in a batch."""
    data = params.get("data")
    jobs = [job for job in (data if isinstance(data, list) else ()) if isinstance(job, Mapping)]
    return [
        secret
        for job in (params, *jobs)
        for secret in (*_named_secrets(job), *_embedded_secrets(job))
        if secret
    ]


def may_stand_in_url(params: Mapping[str, Any]) -> bool:
    """Return True if proxies and servers may log these parameters."""
    return _NEVER_IN_URL.isdisjoint(params) and not _embedded_secrets(params)


def _named_secrets(job: Mapping[str, Any]) -> list[str]:
    return [str(job[name]) for name in _NAMED if job.get(name)]


def _embedded_secrets(job: Mapping[str, Any]) -> list[str]:
    """Return the password in a job's URL, and the values of headers that carry credentials."""
    passwords = _URL_PASSWORD.findall(str(job.get("url", "")))
    values = _CREDENTIAL.findall(str(job.get("httpHeaders", "")))
    return [
        *passwords,
        *map(unquote, passwords),
        *values,
        *(value.rpartition(" ")[2] for value in values),
    ]
