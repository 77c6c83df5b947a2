"""The request that a run of a job makes, as a value.

Source: FastCron docs on keywords, headers and payloads, and SetCronJob's `__secret__`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urlsplit, urlunsplit

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronapi.emulator.store import Document
    from cronapi.emulator.words import Era

USER_AGENTS: Mapping[str, str] = {
    "fastcron": "Mozilla/5.0 (compatible; FastCron/1.0; https://www.fastcron.com/)",
    "setcronjob": "Mozilla/5.0 (compatible; SetCronJob/1.0; https://www.setcronjob.com/)",
}
"""The user agents of jobs without one of their own, by provider."""
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""The HTTP methods whose requests have a body. A payload of the others is a query."""
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_KEYWORD = re.compile(r"__([a-z_]+?)__")
_LINE_END = re.compile(r"[\r\n]+")


@frozen
class Outgoing:
    """One request of a job. `timeout` is in seconds, for the whole of it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    content: bytes
    timeout: float


def outgoing(
    job: Document, run: Document, *, provider: str, era: Era, words: Mapping[str, str]
) -> Outgoing:
    """Return the request of a run.

    `words` are the values of the account's own keywords, such as `secret`. An unknown keyword stays
    as it is.
    """
    known = {**_times(run["time"]), "cronjob": str(job["id"]), **words}
    url, login = _without_login(_filled(job["url"], known))
    payload = _filled(run["payload"] or "", known)
    body = (payload or _filled(job["postData"] or "", known)) if _has_body(job) else ""
    own = _header_lines(_filled(job["httpHeaders"] or "", known))
    defaults = {"User-Agent": job.get("userAgent") or USER_AGENTS[provider]}
    if body:
        defaults["Content-Type"] = _JSON if body.startswith("{") and era == "latest" else _FORM
    if job.get("username") or login:
        name = f"{job.get('username') or ''}:{job.get('password') or ''}"
        defaults["Authorization"] = _basic(name if job.get("username") else login)
    names = {name.lower() for name, _ in own}
    missing = [(name, value) for name, value in defaults.items() if name.lower() not in names]
    return Outgoing(
        job["httpMethod"],
        url if _has_body(job) else _with_query(url, payload),
        (*missing, *own),
        body.encode(),
        float(job["timeout"]),
    )


def _has_body(job: Document) -> bool:
    return job["httpMethod"] in WITH_BODY


def _times(seconds: int) -> dict[str, str]:
    return {"timestamp": str(seconds), "timestamp_ms": str(seconds * 1000)}


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _KEYWORD.sub(lambda found: known.get(found[1], found[0]), text)


def _header_lines(text: str) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in _LINE_END.split(text))
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon and name.strip()]


def _with_query(url: str, query: str) -> str:
    place = urldefrag(url).url
    if not query:
        return place
    return f"{place}{'&' if '?' in place else '?'}{query.lstrip('?&')}"


def _without_login(url: str) -> tuple[str, str]:
    """Return the URL without `user:password@`, and these decoded."""
    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    return (urlunsplit(parts._replace(netloc=place)), unquote(login)) if at else (url, "")


def _basic(login: str) -> str:
    return f"Basic {b64encode(login.encode()).decode()}"
