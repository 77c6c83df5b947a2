"""Hide secrets: the one file that knows their places, and removes them from texts.

House rule: nothing here raises, whatever it is given. Hiding is what is done when something else
has gone wrong already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from cronapi._protocol.encoded import find

LEAST_SECRET = 4
"""Characters. A shorter secret looks like ordinary text."""
HIDDEN = "***"
MOST_TEXT = 2000
"""Characters of a foreign text that are looked at. Errors show far fewer."""
_LONGEST_SPELLING = 8
"""Characters that one character of a secret may take: `\\u0041` takes six, `&#x0041;` eight."""
SECRET_PARAMS = frozenset({"password", "http_headers", "post_data", "payload"})
"""Job parameters, by their Python names, that no repr shows."""
NOT_IN_JOURNAL = frozenset({"password"})
"""Members that a journal leaves out even of its hashes."""
_NAMED = ("password", "secret")
_NEVER_IN_URL = frozenset({*_NAMED, "httpHeaders", "postData", "payload"})
LONGEST_CHAIN = 20
"""Exceptions of a chain that are looked at. A chain may bite its tail."""
_BLANK = re.compile(r"\s")
_PLAIN_ADDRESS = re.compile(
    r"(?i)([a-z0-9+.-]+://)?([*\w.-]*|\[[0-9a-f:.]+\]|[0-9a-f]*::[0-9a-f:.]*)"
    r"(:[0-9]{1,5})?(/[0-9]{0,3})?"
)
_WORDS = ("sig", "pwd", "pw", "pass", "code", "otp", "jwt", "hmac", "sid", "credential")
_SENSITIVE = (
    "auth|token|key|secret|cookie|passw|passphrase|signature|session|sessid"
    rf"|(?<![a-z])(?:{'|'.join(_WORDS)})(?![a-z])"
    rf"|(?-i:(?<=[a-z])(?:{'|'.join(map(str.title, _WORDS))})(?![a-z]))"
)
"""Marks of a secret's name: parts of words, short words, and those in camelCase."""
_CREDENTIAL = re.compile(rf"(?im)^[^:\n]*(?:{_SENSITIVE})[^:\n]*:[ \t]*([^\r\n]+?)[ \t\r]*$")
_HEADER_LINE = re.compile(r"(?m)^([^:\n]*)(:[ \t]*)([^\r\n]+)")
_QUERY_PAIR = re.compile(r"([?&;#][^=?&;#]*)(=)([^&;#]*)")
_USERINFO = re.compile(r"(?<=//)(?P<user>[^/?#:]*)(?::(?P<password>[^/?#]*))?@")
_SENSITIVE_NAME = re.compile(rf"(?i){_SENSITIVE}")


def as_text(value: object, read: Callable[[Any], str] = str) -> str:
    """Return an object as text, or the name of its type if it has none. Bytes are decoded."""
    try:
        if isinstance(value, bytes | bytearray | memoryview) and read is str:
            return bytes(value).decode("utf-8", "replace")
        return str.__str__(read(value))
    except Exception:  # noqa: BLE001 -- an object's own code may raise anything
        return f"<{type(value).__name__}>"


def is_plain_address(text: str) -> bool:
    """Return True if an address has nothing but a host and a port, so that it holds no password."""
    return _PLAIN_ADDRESS.fullmatch(text) is not None


def without_password(value: object) -> object:
    """Return a value without the password of a URL, or without a user that has none.

    Some services take a token for a user. One with a blank in it is none, but a sentence.
    """
    if not isinstance(value, str):
        return value
    return _USERINFO.sub(_without_login, value) if "@" in value else str.__str__(value)


def _without_login(found: re.Match[str]) -> str:
    user, password = found["user"], found["password"]
    if password:
        return f"{user}:{HIDDEN}@"
    if not user or _BLANK.search(user):
        return found[0]
    return f"{HIDDEN}{'' if password is None else ':'}@"


def is_sensitive(name: str) -> bool:
    """Return True for the name of a header, key or member whose value is likely a secret."""
    return _SENSITIVE_NAME.search(name) is not None


def masked_headers(lines: str) -> str:
    """Return a job's headers without the values of those that carry credentials."""
    return _HEADER_LINE.sub(_without_secret, lines)


def masked_url(url: str) -> str:
    """Return an address without its user, and without the query values that look like secrets."""
    return _QUERY_PAIR.sub(_without_secret, _USERINFO.sub(f"{HIDDEN}@", url))


def _without_secret(pair: re.Match[str]) -> str:
    name, sign, _ = pair.groups()
    return f"{name}{sign}{HIDDEN}" if is_sensitive(unquote(name)) else pair[0]


def secrets_in_url(url: str) -> list[tuple[int, int]]:
    """Return where the secrets of an address begin and end.

    They are its password, or a user without one, which some services take a token for, and the
    query values that look like secrets.
    """
    users = [
        found.span("password" if found["password"] else "user") for found in _USERINFO.finditer(url)
    ]
    pairs = [
        found.span(3) for found in _QUERY_PAIR.finditer(url) if is_sensitive(unquote(found[1]))
    ]
    return [span for span in sorted([*users, *pairs]) if span[0] < span[1]]


def redact(text: object, secrets: object) -> str:
    """Return the beginning of `text` without the secrets, however they are encoded.

    The text that it returns can be written: half of a surrogate pair is escaped. It is cut where a
    secret may have been cut, which is several times as long when it is encoded.
    """
    return _hidden(as_text(text), secrets).encode("utf-8", "backslashreplace").decode()


def _hidden(text: str, secrets: object) -> str:
    hidden = [one for one in map(as_text, _listed(secrets)) if len(one) >= LEAST_SECRET]
    shown, end = text[:MOST_TEXT], len(text)
    if end > MOST_TEXT:
        end = MOST_TEXT - _LONGEST_SPELLING * max(map(len, hidden), default=0)
    parts, at = list[str](), 0
    for start, stop in find(shown, hidden):
        if start < end:
            parts += [shown[at:start], HIDDEN]
            at = stop
    return "".join([*parts, shown[at : max(at, end)]])


def _listed(secrets: object) -> list[object]:
    if isinstance(secrets, str | bytes) or not isinstance(secrets, Iterable):
        return [secrets]
    try:
        return list(secrets)
    except Exception:  # noqa: BLE001 -- an object's own code may raise anything
        return []


def contains_secret(error: object, secrets: object) -> bool:
    """Return True if an exception, or one that led to it, repeats a secret.

    A server may echo a request, and a foreign exception may quote it. One that cannot be read
    counts as one that does.
    """
    waiting, seen = [error], list[object]()
    while waiting and len(seen) < LONGEST_CHAIN:
        one = waiting.pop()
        if not isinstance(one, BaseException) or any(one is other for other in seen):
            continue
        seen.append(one)
        waiting += [one.__context__, one.__cause__, *getattr(one, "exceptions", ())]
    return any(_tells(one, secrets) for one in seen)


def _tells(error: object, secrets: object) -> bool:
    try:
        text = f"{error} {error!r}"
    except Exception:  # noqa: BLE001 -- an exception's own code may raise anything
        return True
    return _hidden(text, secrets) != text


def secrets_of(params: object) -> list[str]:
    """Return the secrets among the parameters of a call, and of the jobs in a batch."""
    if not isinstance(params, Mapping):
        return []
    data = _member(params, "data")
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
    found = (_member(job, name) for name in _NAMED)
    return [as_text(value) for value in found if value is not None]


def _member(job: Mapping[str, Any], name: str) -> object:
    try:
        return job.get(name)
    except Exception:  # noqa: BLE001 -- an object's own code may raise anything
        return None


def _embedded_secrets(job: Mapping[str, Any]) -> list[str]:
    """Return the login in a job's URL, and the values of headers that carry credentials."""
    url, lines = (as_text(_member(job, name)) for name in ("url", "httpHeaders"))
    logins = _USERINFO.findall(url) if "@" in url else []
    passwords = [password or user for user, password in logins]
    values = _CREDENTIAL.findall(lines) if ":" in lines else []
    return [
        *passwords,
        *map(unquote, passwords),
        *values,
        *(value.rpartition(" ")[2] for value in values),
    ]
