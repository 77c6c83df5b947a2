"""A service for `benchmarks.soak` that costs next to nothing: jobs in a dict, and faults at random.

    python -m benchmarks.soak_service

It prints its port, serves FastCron's functions that the soak calls, and ends with its input. Faults
strike what is called below `/faulty/`. What is below `/calm/` meets none.
The emulator does far more for each request, and would take the core that the client needs.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

STALL = 1.0
"""Seconds for which an answer is held back. They are twice the client's timeout."""
SHARES = {
    "lose": 0.0025,
    "reset": 0.0025,
    "garbage": 0.0025,
    "truncated": 0.0025,
    "cut": 0.0025,
    "error": 0.0025,
    "bad_gateway": 0.0025,
    "empty": 0.0025,
    "front": 0.0025,
    "outage": 0.001,
    "stall": 0.001,
    "": 1 - 9 * 0.0025 - 2 * 0.001,
}
"""The share of the requests that each fault strikes. One in forty meets one."""
NOT_APPLIED = {"reset", "error", "outage"}
STATUSES = {"error": 500, "bad_gateway": 502, "front": 503, "outage": 503}
BODIES = {"garbage": b"<b>Warning</b>: mysql", "empty": b""}
PAGE = b"<html><title>Sorry</title></html>"
PAGE_ROWS = 100


class Account:
    """The jobs, and what each function does with them. Each returns the data of its answer."""

    def __init__(self) -> None:
        self.jobs: dict[int, dict[str, Any]] = {}
        self._ids = count(100_001)

    def cron_add(self, sent: dict[str, Any]) -> object:
        """Make a job."""
        job = {"id": next(self._ids), "status": 0, "fail": 0, "notifyEvery": 1, **sent}
        return self.jobs.setdefault(job["id"], job)

    def cron_get(self, sent: dict[str, Any]) -> object:
        """Return a job."""
        return self.jobs[sent["id"]]

    def cron_edit(self, sent: dict[str, Any]) -> object:
        """Change a job."""
        self.jobs[sent["id"]].update(sent)
        return self.jobs[sent["id"]]

    def cron_list(self, sent: dict[str, Any]) -> object:
        """Return a page of the jobs, or all of them where no page is asked for."""
        rows = [job for job in self.jobs.values() if sent.get("keyword", "") in job["name"]]
        if "page" not in sent:
            return rows
        end = sent["page"] * PAGE_ROWS
        return rows[end - PAGE_ROWS : end]

    def cron_batch_delete(self, sent: dict[str, Any]) -> object:
        """Delete jobs."""
        return [self.jobs.pop(number) | {"id": None} for number in sent["id"]]

    def cron_delete(self, sent: dict[str, Any]) -> object:
        """Delete a job."""
        return self.jobs.pop(sent["id"]) | {"id": None}

    def answer(self, function: str, body: bytes) -> bytes:
        """Carry out a request, and return the body of its answer."""
        sent = json.loads(body)
        del sent["token"]
        action: Callable[[dict[str, Any]], object] = getattr(self, function)
        try:
            envelope = {"status": "success", "code": 0, "data": action(sent)}
        except KeyError:
            envelope = {"status": "error", "code": 1, "message": "Cronjob not found."}
        return json.dumps(envelope).encode()


class Connection(asyncio.Protocol):
    """One connection, whose requests come one after the other."""

    def __init__(self, account: Account, chance: random.Random) -> None:
        self._account = account
        self._chance = chance
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- TCP has no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Serve the request once it is whole."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if blank and len(body) == _length(head):
            self._received = b""
            _, place, function = head.split(b" ", 2)[1].decode().split("/")
            [fault] = self._chance.choices([*SHARES], [*SHARES.values()])
            self._serve(function, body, fault if place == "faulty" else "")

    def _serve(self, function: str, body: bytes, fault: str) -> None:
        answer = PAGE if fault in NOT_APPLIED else self._account.answer(function, body)
        if fault in STATUSES:
            answer = PAGE
        head = f"HTTP/1.1 {STATUSES.get(fault, 200)} X\r\nContent-Type: application/json\r\n"
        answer = BODIES.get(fault, answer)
        sent = answer[: len(answer) // 2] if fault in {"truncated", "cut"} else answer
        length = len(answer) if fault == "cut" else len(sent)
        whole = f"{head}Content-Length: {length}\r\n\r\n".encode() + sent
        if fault in {"lose", "reset"}:
            self._transport.abort()
        elif fault == "stall":
            asyncio.get_running_loop().call_later(STALL, self._transport.write, whole)
        else:
            self._transport.write(whole)
        if fault == "cut":
            self._transport.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0


async def serve() -> None:
    """Serve on a free port until the input ends."""
    account, chance, loop = Account(), random.Random(7), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(account, chance), "127.0.0.1", 0)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
