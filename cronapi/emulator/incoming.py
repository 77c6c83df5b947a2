"""Reading an ASGI request: its token in the header, and its body up to a bound."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cronapi.emulator.faults import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    Headers = Iterable[tuple[bytes, bytes]]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MOST_BYTES = 16 * 2**20
"""The largest body, several times that of a batch of a thousand jobs with long texts."""
MOST_PARTS = 1_000_000
"""The most members, items and fields of a body. Each takes a hundred bytes once it is read."""
_MARKS = b"[{,&"


async def read_body(headers: Headers, receive: Receive) -> bytes | None:
    """Return the body, or `None` as soon as it is known to be too large or of too many parts.

    Raises `ConnectionLost` if the caller goes away.
    """
    announced = dict(headers).get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > MOST_BYTES:
        return None
    # Appended in place: bytes that are added to bytes are copied anew each time.
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionLost
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BYTES:
            return None
    return None if _has_too_many_parts(body) else bytes(body)


def _has_too_many_parts(body: bytearray) -> bool:
    return len(body) > MOST_PARTS and sum(map(body.count, _MARKS)) > MOST_PARTS


def read_bearer(headers: Headers) -> str | None:
    """Return the token of an `Authorization: Bearer`, `None` without one."""
    value = dict(headers).get(b"authorization", b"").decode("latin-1")
    scheme, _, token = value.partition(" ")
    return token.strip(" \t") or None if scheme.lower() == "bearer" else None


def read_password(headers: Headers) -> str | None:
    """Return the password of an `Authorization: Basic`, `None` without one."""
    value = dict(headers).get(b"authorization", b"")
    scheme, _, given = value.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        login = b64decode(given.strip(), validate=True).decode()
    except ValueError:
        return None
    return login.partition(":")[2]


def read_form(headers: Headers, body: bytes) -> bytes | None:
    """Return the fields of a multipart form as a query string, `None` for another body.

    Source: PHP's curl sends an array of fields so, and PHP reads it.
    """
    kind = dict(headers).get(b"content-type", b"")
    if not kind.lower().startswith(b"multipart/form-data"):
        return None
    from email.parser import BytesParser  # noqa: PLC0415 -- few bodies are forms in parts
    from email.policy import HTTP  # noqa: PLC0415 -- likewise

    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind + b"\r\n\r\n" + body)
    parts = message.iter_parts() if message.is_multipart() else ()
    fields = [
        (str(part.get_param("name", "", "content-disposition")), part.get_payload(decode=True))
        for part in parts
    ]
    return urlencode([(name, value) for name, value in fields if name]).encode()
