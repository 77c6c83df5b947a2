"""The answers of the emulator: envelopes, pages, and those that a fault spoils."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from cronapi.emulator.faults import ConnectionLost
from cronapi.emulator.pages import FRONT_PAGES, error_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cronapi.emulator.faults import Fault
    from cronapi.emulator.store import Document
    from cronapi.emulator.words import FrontPage

_HTML = ((b"content-type", b"text/html"),)
_JSON = ((b"content-type", b"application/json"),)
_TEXT = ((b"content-type", b"text/plain"),)
_PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)
_ELSEWHERE = (b"location", b"https://moved.example/api/")


@frozen
class Answer:
    """The answer to one request.

    `breaks_at` is the byte of the body at which the connection is lost, `None` for never. `code` is
    that of an envelope.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    breaks_at: int | None = None
    code: int = 0


def nginx_page(status: int, *headers: tuple[bytes, bytes]) -> Answer:
    """Return nginx's page for a status."""
    return Answer(status, error_page(status), (*_HTML, *headers))


def front_page(name: FrontPage) -> Answer:
    """Return the 503 of a load balancer or proxy in front of the service."""
    return Answer(503, FRONT_PAGES[name], _TEXT if name == "envoy" else _HTML)


def plain_text(status: int, text: str) -> Answer:
    """Return a sentence for the person who made the request."""
    return Answer(status, text.encode(), (*_PLAIN, (b"x-content-type-options", b"nosniff")))


def as_json(status: int, content: object) -> Answer:
    """Return JSON of the emulator itself."""
    return Answer(status, json.dumps(content).encode(), (*_JSON, (b"cache-control", b"no-store")))


def envelope(status: int, content: Document) -> Answer:
    """Return an envelope of the API."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Answer(status, body, _JSON, code=content["code"])


def as_asked(answer: Answer, fault: Fault) -> Answer:
    """Return the answer of a fault with the status, the error and the header that it asks for."""
    if fault.kind == "busy" and (fault.code is not None or fault.message is not None):
        message = _message(answer) if fault.message is None else fault.message
        code = 1 if fault.code is None else fault.code
        answer = envelope(200, {"message": message, "status": "error", "code": code})
    if fault.retry_after is not None:
        after = (b"retry-after", str(fault.retry_after).encode())
        answer = evolve(answer, headers=(*answer.headers, after))
    return answer if fault.status is None else evolve(answer, status=fault.status)


def _message(answer: Answer) -> str:
    """Return the message of an envelope."""
    return str(json.loads(answer.body)["message"])


def _error(status: int, message: str) -> Answer:
    return envelope(status, {"message": message, "status": "error", "code": 1})


def _lose(_answer: Answer) -> Answer:
    raise ConnectionLost


_UNAVAILABLE = _error(503, "Service unavailable.")
_TOO_MANY = _error(429, "Too many requests.")

WITHOUT_APPLYING: Mapping[str, Answer] = {
    "error": nginx_page(500),
    "redirect": nginx_page(302, _ELSEWHERE),
    "busy": _error(200, "Server is busy, try again."),
    "envelope_503_before": _UNAVAILABLE,
    "envelope_429_before": _TOO_MANY,
}
"""The answers of faults that keep a request from being applied, by kind."""
AFTER_APPLYING: Mapping[str, Callable[[Answer], Answer]] = {
    "lose": _lose,
    "half": _lose,
    "bad_gateway": lambda _: nginx_page(502),
    "timeout_408": lambda _: nginx_page(408),
    "slow_503": lambda _: nginx_page(503),
    "envelope_503": lambda _: _UNAVAILABLE,
    "envelope_429": lambda _: _TOO_MANY,
    "garbage": lambda answer: evolve(answer, body=b"<b>Warning</b>: something" + answer.body[:9]),
    "truncated": lambda answer: evolve(answer, body=answer.body[: len(answer.body) // 2]),
    "cut": lambda answer: evolve(answer, breaks_at=len(answer.body) // 2),
    "empty": lambda answer: evolve(answer, body=b""),
}
"""What faults make of the answer to a request that was applied, by kind."""
