"""A request at an endpoint, its body up to a bound, and the answers."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import anyio
from attrs import field, frozen

from cronapi.errors import WebhookError

PATIENCE = 10.0
"""Seconds that a body may take."""
MOST_BYTES = 1_048_576
"""Bytes of a body, unless an endpoint allows another number."""
NOT_FOUND, METHOD_NOT_ALLOWED, TOO_SLOW, TOO_LARGE = 404, 405, 408, 413
UNAVAILABLE, FAILED = 503, 500
REFUSALS: Mapping[int, str] = {
    NOT_FOUND: "Not Found",
    METHOD_NOT_ALLOWED: "Method Not Allowed",
    TOO_SLOW: "The body came too slowly.",
    TOO_LARGE: "The body is too large.",
    UNAVAILABLE: "This endpoint takes nothing more.",
    FAILED: "The handler failed.",
}
"""The text of each refusal with a status of its own. A 404 is that of an unknown path."""
_LONGEST_NUMBER = 20


@frozen(kw_only=True)
class Incoming:
    """A request, however a framework hands it over. The names of headers are in lower case.

    `chunks` is the body as it comes. It raises ConnectionError if the caller goes away.
    """

    method: str
    path: str = field(repr=False)
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(repr=False)
    chunks: AsyncGenerator[bytes, None] = field(repr=False)

    @property
    def last_segment(self) -> str:
        """The path behind its last slash."""
        return self.path.rpartition("/")[2]


@frozen
class Reply:
    """An answer: a status, one line of text, and headers."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(factory=dict)

    def headers_for(self, http_version: str) -> dict[str, str]:
        """Return the headers. HTTP/1.1 ends the connection of a body that never comes.

        That of a large body stays: a caller that still sends would not see the answer.
        """
        ends = self.status == TOO_SLOW and http_version.startswith("1")
        return {**self.headers, **({"Connection": "close"} if ends else {})}


def refusal_of(status: int) -> WebhookError:
    """Return the error for a status that has a text of its own."""
    return WebhookError(REFUSALS[status], status=status)


def refused(error: WebhookError, allowed: str) -> Reply:
    """Return the answer that refuses a request. `allowed` are the methods."""
    headers = {"Allow": allowed} if error.status == METHOD_NOT_ALLOWED else {}
    return Reply(error.status, error.message, headers)


async def read_body(incoming: Incoming, most: int) -> bytes:
    """Return the body of at most `most` bytes.

    Raises WebhookError: 413 as soon as it is known to be longer, 408 if it takes longer than 10
    seconds, and 400 if it ends too early or is compressed.
    """
    announced = incoming.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:_LONGEST_NUMBER]) > most:
        raise refusal_of(TOO_LARGE)
    if incoming.headers.get("content-encoding", "identity").lower() != "identity":
        raise WebhookError("The body must not be encoded.")
    with anyio.move_on_after(PATIENCE):
        async with aclosing(incoming.chunks):
            return await _read(incoming.chunks, most)
    raise refusal_of(TOO_SLOW)


async def _read(chunks: AsyncGenerator[bytes, None], most: int) -> bytes:
    body = io.BytesIO()
    try:
        async for chunk in chunks:
            if body.tell() + len(chunk) > most:
                raise refusal_of(TOO_LARGE)
            body.write(chunk)
    except ConnectionError as error:
        raise WebhookError("The body ended too early.") from error
    return body.getvalue()  # its buffer, without a copy and without the spare bytes
