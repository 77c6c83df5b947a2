"""One of our requests becomes one of httpx."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cronapi._calls.decoding import ACCEPTED
from cronapi._calls.http_client import TOKEN_EXTENSION
from cronapi._protocol.request import Request

if TYPE_CHECKING:
    from cronapi._calls.http_client import AnyClient

MOST_KINDS = 64
"""Kinds of requests that are remembered. A token in a header may be another one each time."""


def extensions(request: Request, timeout: float, trace: object) -> dict[str, Any]:
    """Return what a transport is told beside the request.

    They carry the token of a GET query past httpx, which logs the URL.
    """
    limits = {"connect": timeout, "read": timeout, "write": timeout, "pool": None}
    told = {"timeout": limits, "trace": trace}
    return told if request.url_token is None else told | {TOKEN_EXTENSION: request.url_token}


def new_request(client: AnyClient, request: Request, told: dict[str, Any]) -> Any:
    """Return the request of httpx, with all that a client adds to it."""
    return client.build_request(
        request.method,
        request.url,
        headers={**request.headers, "Accept-Encoding": ACCEPTED},
        content=request.content,
        extensions=told,
    )


class OwnRequests:
    """Makes the requests of a client of our own. Those to one URL differ in their content alone.

    So httpx builds the first one, and the others are made like it in a tenth of the time.
    """

    def __init__(self) -> None:
        self._first: dict[Hashable, Any] = {}

    def new(self, client: AnyClient, request: Request, told: dict[str, Any]) -> Any:
        """Return the same request as `new_request`."""
        if not request.content:
            return new_request(client, request, told)
        first = self._first_like(client, request)
        stream = type(first.stream)(request.content)
        made = type(first)(
            first.method, first.url, headers=first.headers, stream=stream, extensions=told
        )
        made.headers["Content-Length"] = str(len(request.content))
        made.read()
        return made

    def _first_like(self, client: AnyClient, request: Request) -> Any:
        kind = (request.method, request.url, *request.headers.items())
        if kind not in self._first:
            if len(self._first) >= MOST_KINDS:
                self._first.clear()
            self._first[kind] = new_request(client, evolve(request, content=b"{}"), {})
        return self._first[kind]
