"""The emulator as an ASGI app: it reads HTTP requests and answers envelopes, pages and faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from time import perf_counter
from typing import Any

import anyio
from attrs import evolve

from cronapi.emulator.answer import (
    AFTER_APPLYING,
    WITHOUT_APPLYING,
    Answer,
    as_asked,
    envelope,
    front_page,
    nginx_page,
    plain_text,
)
from cronapi.emulator.background import Background
from cronapi.emulator.checks import check_switch, is_whole, shown
from cronapi.emulator.control.door import CONTROL, PAGE, Control
from cronapi.emulator.emulator import Emulator
from cronapi.emulator.ended import remove_ended
from cronapi.emulator.eras import RULES
from cronapi.emulator.faults import AT_THE_GATE, ConnectionLost, Fault, read_fault
from cronapi.emulator.incoming import read_bearer, read_body, read_form
from cronapi.emulator.oddities import warning_of
from cronapi.emulator.pages import FRONT_PAGES
from cronapi.emulator.refusal import Refusal
from cronapi.emulator.request import Request, read_path
from cronapi.emulator.request_log import Entry, RequestLog
from cronapi.emulator.runner.runner import Runner
from cronapi.emulator.runner.timeline import Timeline
from cronapi.emulator.steering import Steering
from cronapi.emulator.visitors import Visitors

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# The key in an ASGI scope's state under which server.py offers a function that ends the connection.
ABORT = "cronapi.abort"

_ERROR_STATUSES = range(200, 600)
_THIS_MACHINE = Visitors()
_OPEN = Control()


class App(Steering):
    """The ASGI app of one emulator, with the emulator as an attribute."""

    def __init__(
        self,
        emulator: Emulator,
        *,
        error_status: int = 200,
        visitors: Visitors = _THIS_MACHINE,
        runner: Runner | None = None,
        control: Control = _OPEN,
        faults_by_header: bool = False,
    ) -> None:
        """Serve `emulator` to `visitors`, and answer API errors with the HTTP `error_status`.

        Without a `runner` jobs notify nobody. `control` says who may steer the emulator over HTTP.
        With `faults_by_header` the header `X-Emulator-Fault` asks for a fault.
        """
        self.check(error_status=error_status, faults_by_header=faults_by_header)
        self.emulator = emulator
        self.runner: Runner = runner or Runner(emulator)
        self.timeline: Timeline = Timeline(emulator, self.runner)
        self.log: RequestLog = RequestLog()
        self.control: Control = control
        self.error_status: int = error_status
        self.faults_by_header: bool = faults_by_header
        self._visitors = visitors
        self._background = Background()
        self._pages = Random(f"pages {emulator.settings.seed}")  # noqa: S311 -- repeatable on purpose
        self._last_envelopes: dict[str, Answer] = {}

    @property
    def late(self) -> int:
        """The number of requests that the fault `late` still holds back."""
        return self._background.waiting

    @staticmethod
    def check(*, error_status: object = 200, faults_by_header: object = False) -> None:
        """Raise `ValueError` unless these are values that the attributes can have."""
        if not is_whole(error_status) or error_status not in _ERROR_STATUSES:
            raise ValueError(f"error_status must be an HTTP status, not {shown(error_status)}")
        check_switch("faults_by_header", faults_by_header)

    def reset(self, *, keep_jobs: bool = False) -> None:
        """Begin anew, like a new emulator. The clock goes on, and jobs can be kept."""
        self.emulator.reset(keep_jobs=keep_jobs)
        self.log.clear()
        self.runner.reset()
        self._last_envelopes.clear()
        self._pages.seed(f"pages {self.emulator.settings.seed}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let jobs run when they are due while the block runs. `serve` does so by itself.

        Runs that came due before are listed as missed. Without `execute` nothing happens.
        """
        raised: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.runner.forever)
            try:
                yield
            except Exception as error:  # noqa: BLE001 -- it is raised again, and in no group
                raised = error
            finally:
                tasks.cancel_scope.cancel()
        if raised is not None:
            raise raised

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
        refusal = self._visitors.refusal(scope)
        if refusal is not None:
            return plain_text(403, refusal)
        if scope["path"].startswith(CONTROL):
            remove_ended(self.emulator)
            return await self.control.answer(self, scope, receive)
        if scope["path"] == PAGE and self.control.enabled:
            remove_ended(self.emulator)
            from cronapi.emulator.page.door import answer_page  # noqa: PLC0415 -- few ask for it

            return await answer_page(self, scope, receive)
        return await self._serve(scope, receive)

    async def _serve(self, scope: Scope, receive: Receive) -> Answer:
        arrived = self.emulator.clock.ticks()
        strict = self.emulator.settings.strict
        rules = RULES[self.emulator.settings.era]
        found = read_path(scope["path"], strict=strict and not rules.has_dots)
        body = await read_body(scope["headers"], receive)
        form = read_form(scope["headers"], body) if body and not strict else None
        body = body if form is None else form
        request = Request(
            *(found or ("", f"?{scope['path']}")),
            query=scope["query_string"].decode("latin-1"),
            body=body or b"",
            bearer=read_bearer(scope["headers"]),
            knows_bearer=not strict or self.emulator.settings.knows_bearer,
            address=(scope.get("client") or ("",))[0],
            arrived=arrived,
        )
        entry = self.log.open(
            self.emulator.clock.now(), scope.get("method", ""), scope["path"], request
        )
        begin = perf_counter()
        sent: Answer | None = None
        try:
            if found is None or body is None:
                answer = nginx_page(404 if found is None else 413)
            else:
                asked = self._asked_fault(scope["headers"])
                plain = await self._answer(request, entry, asked)
                answer = plain if strict else self._warned(plain, entry, form=form is not None)
            sent = answer
        finally:
            self.log.close(entry, sent, perf_counter() - begin)
        return answer

    def _warned(self, answer: Answer, entry: Entry, *, form: bool) -> Answer:
        about = (entry.path, entry.request, entry.parameters)
        warning = warning_of(*about, self.emulator.settings, form=form)
        if warning is None:
            return answer
        header = (b"x-emulator-warning", warning.encode())
        return evolve(answer, headers=(*answer.headers, header))

    def _asked_fault(self, headers: Iterable[tuple[bytes, bytes]]) -> Fault | None:
        text = dict(headers).get(b"x-emulator-fault") if self.faults_by_header else None
        return read_fault(text.decode("latin-1")) if text else None

    async def _answer(self, request: Request, entry: Entry, asked: Fault | None) -> Answer:
        gate = self._fault(request, asked, gate=True)
        accepted = gate is None and self.emulator.admit(request)
        self.emulator.note(request, accepted=accepted)
        if gate:
            entry.verdict, entry.fault = "fault", gate.kind
            return self._fail_at_gate(gate)
        if not accepted:
            entry.verdict = "refused"
            return nginx_page(503)
        fault = self._fault(request, asked, gate=False)
        if fault:
            entry.verdict, entry.fault = "fault", fault.kind
            return as_asked(await self._fail(request, fault), fault)
        answer = self._apply(request)
        entry.verdict = "error" if answer.code else "ok"
        return answer

    def _fault(self, request: Request, asked: Fault | None, *, gate: bool) -> Fault | None:
        if asked is not None:
            return asked if (asked.kind in AT_THE_GATE) == gate else None
        return self.emulator.faults.take(
            request.provider, request.function, gate=gate, parameters=partial(_parameters, request)
        )

    def _fail_at_gate(self, fault: Fault) -> Answer:
        if fault.kind == "reset":
            raise ConnectionLost
        is_front = fault.kind == "front_before"
        return as_asked(self._front_page(fault) if is_front else nginx_page(503), fault)

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
        answer = envelope(200 if content["code"] == 0 else self.error_status, content)
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


def _parameters(request: Request) -> Mapping[str, object]:
    try:
        return request.content.parameters
    except Refusal:
        return {}


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
