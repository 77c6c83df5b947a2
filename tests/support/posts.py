"""Posts to endpoints in process, on asyncio and trio: an ASGI server for one request."""

from __future__ import annotations

import json

import anyio
from attrs import frozen

from tests.support.emulated import START

SECRET = "s3cret-of-the-hook-0123456789"


def told(number=7, status=1, time=START, **members):
    """Return the body of a notification."""
    return json.dumps({"id": number, "time": time, "status": status, **members}).encode()


@frozen
class Answered:
    """The answer to a request."""

    status: int
    text: str
    headers: dict


async def ask(app, path=f"/hooks/{SECRET}", body=b"", method="POST", *, chunks=None, headers=()):
    """Send one request to an ASGI app, and return its answer.

    `chunks` are bytes, seconds to wait, or an exception's name for a caller that goes away.
    """
    parts = iter([body] if chunks is None else chunks)
    sent = []

    async def receive():
        for part in parts:
            if isinstance(part, bytes):
                return {"type": "http.request", "body": part, "more_body": True}
            if part == "gone":
                return {"type": "http.disconnect"}
            await anyio.sleep(part)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event):
        sent.append(event)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    await app(scope, receive, send)
    start, *rest = sent
    text = b"".join(event["body"] for event in rest).decode()
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], text, found)
