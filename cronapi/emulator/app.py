"""The emulator as an ASGI app: it reads HTTP requests and answers envelopes, pages and faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import anyio

from cronapi.emulator.answer import (
    AFTER_APPLYING,
    WITHOUT_APPLYING,
    Answer,
    envelope,
    front_page,
    nginx_page,
    plain_text,
)
from cronapi.emulator.background import Background
from cronapi.emulator.checks import is_whole, shown
from cronapi.emulator.emulator import Emulator
from cronapi.emulator.faults import ConnectionLost, Fault
from cronapi.emulator.incoming import read_bearer, read_body
from cronapi.emulator.pages import FRONT_PAGES
from cronapi.emulator.request import Request, read_path
from cronapi.emulator.runner.runner import Runner
from cronapi.emulator.runner.timeline import Timeline
from cronapi.emulator.visitors import Visitors

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# The key in an ASGI scope's state under which server.py offers a function that ends the connection.
ABORT = "cronapi.abort"

_ERROR_STATUSES = range(200, 600)
_THIS_MACHINE = Visitors()


class App:
    """The ASGI app of one emulator, with the emulator as an attribute."""

    def __init__(
        self,
        emulator: Emulator,
        *,
        error_status: int = 200,
        visitors: Visitors = _THIS_MACHINE,
        runner: Runner | None = None,
    ) -> None:
        """Serve `emulator` to `visitors`, and answer API errors with the HTTP `error_status`.

        Without a `runner` jobs notify nobody.
        """
        if not is_whole(error_status) or error_status not in _ERROR_STATUSES:
            raise ValueError(f"error_status must be an HTTP status, not {shown(error_status)}")
        self.emulator = emulator
        self.runner: Runner = runner or Runner(emulator)
        self.timeline: Timeline = Timeline(emulator, self.runner)
        self._error_status = error_status
        self._visitors = visitors
        self._background = Background()
        self._pages = Random(f"pages {emulator.settings.seed}")  # noqa: S311 -- repeatable on purpose
        self._last_envelopes: dict[str, Answer] = {}

    @property
    def late(self) -> int:
        """The number of requests that the fault `late` still holds back."""
        return self._background.waiting

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let jobs run when they are due while the block runs. `serve` does so by itself.

        Runs that came due before are listed as missed. Without `execute` nothing happens.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.runner.forever)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request.

        Raises `ConnectionLost` for a fault that loses the connection when there is no socket to
        reset. Raises `NotImplementedError` for lifespan and websockets: servers read it as "not
        supported".
        """
        if scope["type"] != "http":
            raise NotImplementedError(f"the emulator speaks only http, not {scope['type']}")
        try:
            await _send(await self._receive(scope, receive), send)
        except ConnectionLost as lost:
            await _lose_connection(scope, receive, lost)

    async def _receive(self, scope: Scope, receive: Receive) -> Answer:
        arrived = self.emulator.clock.ticks()
        refusal = self._visitors.refusal(scope)
        if refusal is not None:
            return plain_text(403, refusal)
        found = read_path(scope["path"])
        if found is None:
            return nginx_page(404)
        body = await read_body(scope["headers"], receive)
        if body is None:
            return nginx_page(413)
        request = Request(
            *found,
            query=scope["query_string"].decode("latin-1"),
            body=body,
            bearer=read_bearer(scope["headers"]),
            address=(scope.get("client") or ("",))[0],
            arrived=arrived,
        )
        return await self._answer(request)

    async def _answer(self, request: Request) -> Answer:
        gate = self.emulator.faults.take(request.provider, request.function, gate=True)
        accepted = gate is None and self.emulator.admit(request)
        self.emulator.note(request, accepted=accepted)
        if gate and gate.kind == "reset":
            raise ConnectionLost
        if gate and gate.kind == "front_before":
            return self._front_page(gate)
        if not accepted:
            return nginx_page(503)
        fault = self.emulator.faults.take(request.provider, request.function, gate=False)
        return await self._fail(request, fault) if fault else self._apply(request)

    async def _fail(self, request: Request, fault: Fault) -> Answer:
        if fault.kind in WITHOUT_APPLYING:
            return WITHOUT_APPLYING[fault.kind]
        if fault.kind == "late":
            self._background.after(fault.seconds, partial(self._apply_late, request))
            raise ConnectionLost
        if fault.kind == "stall_before":
            await anyio.sleep(fault.seconds)
        last = self._last_envelopes.get(request.provider)
        answer = self._apply(request, half=fault.kind == "half")
        if fault.kind in {"stall", "slow_503"}:
            await anyio.sleep(fault.seconds)
        if fault.kind == "twice":
            return self._apply(request)
        if fault.kind == "front":
            return self._front_page(fault)
        if fault.kind == "repeat":
            return last or answer
        return AFTER_APPLYING[fault.kind](answer) if fault.kind in AFTER_APPLYING else answer

    def _apply(self, request: Request, *, half: bool = False) -> Answer:
        content = self.emulator.apply(request, half=half)
        answer = envelope(200 if content["code"] == 0 else self._error_status, content)
        self._last_envelopes[request.provider] = answer
        return answer

    def _apply_late(self, request: Request) -> None:
        # Whoever stopped the emulator meanwhile has closed its store.
        if not self.emulator.store.closed:
            self.emulator.apply(request)

    def _front_page(self, fault: Fault) -> Answer:
        if fault.page is not None:
            return front_page(fault.page)
        return front_page(self._pages.choice(list(FRONT_PAGES)))


async def _send(answer: Answer, send: Send) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    broken = answer.breaks_at is not None
    await send(
        {"type": "http.response.body", "body": answer.body[: answer.breaks_at], "more_body": broken}
    )
    if broken:
        raise ConnectionLost


async def _lose_connection(scope: Scope, receive: Receive, lost: ConnectionLost) -> None:
    abort = scope.get("state", {}).get(ABORT)
    if abort is None:
        raise lost
    abort()
    # Wait until the server notices: before that, it would answer 500 for an app that just returns.
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()
