"""A service at its worst over real sockets: the emulator with its faults, a log of what came in,
and word of it at that very moment.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import anyio

from cronapi.emulator import Fault, create_app, run_in_thread
from tests.support.chaos_judge import Visit
from tests.support.emulated import FAST

TIMEOUT, BEYOND = 1.0, 0.2
"""Seconds that a client waits for an answer, and how much longer a stalled one takes. What is
carried out late is so when the client has given up; its three looks then take 1.6 s, a quarter of
the library's own rests, and the first of them comes too soon.
"""
SHARES = {
    "reset": 0.05,
    "outage": 0.10,
    "lose": 0.05,
    "garbage": 0.02,
    "truncated": 0.01,
    "stall": 0.005,
    "stall_before": 0.005,
    "half": 0.02,
}
STALLS = ("stall", "stall_before")
DELAYS = {"late": 0.4, "slow_503": 0.2}
"""Seconds that a late request is held, and a late refusal: less than a client's looks take."""
PATHS = {"fastcron": "/api/v1/", "setcronjob": "/api/"}
READS = frozenset({"cron.list", "cron.get", "group.list", "group.get", "group.lookup"})
"""Functions of which the log keeps no answer."""
_serving: ContextVar[Visit] = ContextVar("serving")


def faults(timeout: float = TIMEOUT, shares: Mapping[str, float] = SHARES) -> list[Fault]:
    """Return what goes wrong all the time, for clients that wait so long."""
    seconds = {**DELAYS, **dict.fromkeys(STALLS, timeout + BEYOND)}
    return [
        Fault(kind, times=None, share=share, seconds=seconds.get(kind, 0.0))
        for kind, share in shares.items()
    ]


class Watched:
    """The emulator, with a log of its own.

    `listeners` are called with each request and what happens to it, `came` or `answering`, in the
    service's thread.
    """

    def __init__(self, app: Any) -> None:
        self.emulator = app.emulator
        self.visits: list[Visit] = []
        self.listeners: list[Callable[[Visit, str], None]] = []
        self._app = app
        self._apply = app.emulator.apply
        self._under_way = 0
        self._moments = itertools.count()
        app.emulator.apply = self._applied

    def moment(self) -> int:
        """Return a number that is higher than all before it; callers and service share them."""
        return next(self._moments)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        path, body, visit = scope["path"], bytearray(), None

        async def hear() -> Any:
            nonlocal visit
            message = await receive()
            body.extend(message.get("body", b""))
            if visit is None and message["type"] == "http.request" and not message.get("more_body"):
                visit = self._came(path, bytes(body))
            return message

        async def say(message: Any) -> None:
            if visit is not None and message["type"] == "http.response.start":
                self._tell(visit, "answering")
            await send(message)

        self._under_way += 1
        try:
            await self._app(scope, hear, say)
        finally:
            self._under_way -= 1
            if visit is not None:
                visit.went = self.moment()

    async def idle(self) -> None:
        """Wait until the service has carried out whatever it still holds."""
        for _ in range(3):
            await anyio.sleep(0.05)
            while self._under_way or self._app.late:  # noqa: ASYNC110 -- the service is in another thread
                await anyio.sleep(0.05)

    def _came(self, path: str, body: bytes) -> Visit:
        function = path.rsplit("/", 1)[-1].replace("_", ".", 1)
        visit = Visit(function, json.loads(body), self.moment())
        _serving.set(visit)
        self.visits.append(visit)
        self._tell(visit, "came")
        return visit

    def _applied(self, request: Any, *, half: bool = False) -> Any:
        """Carry a request out, and note when that was and what was answered; what was refused
        changed nothing.
        """
        envelope, visit = self._apply(request, half=half), _serving.get()
        if envelope["code"] == 0:
            visit.applied = self.moment()
            visit.data = None if visit.function in READS else envelope["data"]
        return envelope

    def _tell(self, visit: Visit, moment: str) -> None:
        for listener in list(self.listeners):
            listener(visit, moment)


@contextmanager
def service(seed: int, **options: Any) -> Iterator[tuple[Watched, str]]:
    """Run an emulator and give it and its origin until the end of the block; nothing goes wrong
    yet.
    """
    watched = Watched(create_app(rates=FAST, seed=seed, **options))
    with run_in_thread(watched) as origin:
        yield watched, origin
