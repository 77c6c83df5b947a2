"""Reading the body of an answer from the wire, without keeping the event loop waiting."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint

from cronapi._calls.decoding import Body

if TYPE_CHECKING:
    from cronapi._calls.http_client import AnyResponse

_STEPS = 16
"""Steps of decoding between two turns of the event loop. Each takes a fraction of a millisecond."""


async def read_body(response: AnyResponse, most: int) -> Body:
    """Return the body as far as it is of use: up to its end, or to the first problem.

    httpx decodes without a bound, so it hands over the raw body. A response hook of the caller's
    own client, or a mock, may have read and decoded it already.
    """
    if response.is_stream_consumed:
        body = Body(None, most)
        for _ in body.feed(response.content):
            pass
        return body
    body = Body(response.headers.get("content-encoding"), most)
    turns = itertools.count(1)
    # Cancelled, not left: only an error from inside finishes httpx's nested generators.
    with anyio.CancelScope() as scope:
        if not body.is_usable:
            scope.cancel()
        async for chunk in response.aiter_raw():
            if not await _fed(body, chunk, turns):
                scope.cancel()
    body.end()
    return body


async def _fed(body: Body, chunk: bytes, turns: Iterator[int]) -> bool:
    """Return True if the rest of the body is of use after this chunk."""
    for _ in body.feed(chunk):
        if next(turns) % _STEPS == 0:
            await cancel_shielded_checkpoint()
    return body.is_usable
