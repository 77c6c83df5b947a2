"""The emulator as an ASGI app: it reads HTTP requests and answers envelopes, pages and faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import partial
from os import PathLike
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
from cronapi.emulator.call import Settings
from cronapi.emulator.checks import check_choice, is_whole, shown, texts
from cronapi.emulator.clock import Clock
from cronapi.emulator.emulator import Emulator, TimeSource
from cronapi.emulator.faults import ConnectionLost, Fault
from cronapi.emulator.incoming import read_bearer, read_body
from cronapi.emulator.limiter import Limiter
from cronapi.emulator.pages import FRONT_PAGES
from cronapi.emulator.request import Request, read_path
from cronapi.emulator.service import PROVIDERS
from cronapi.emulator.store import Store
from cronapi.emulator.visitors import Visitors, read_visitors
from cronapi.emulator.words import Era, LimiterMethod, LimitKey, LogShape, Moves, Search

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# The key in an ASGI scope's state under which server.py offers a function that ends the connection.
ABORT = "cronapi.abort"

# Source: the services' index pages, in requests per second.
RATES: Mapping[str, float | None] = {"setcronjob": 10.0, "fastcron": 1.0}
DEFAULT_TOKEN = "emulator-token-0123456789abcdef"  # noqa: S105 -- opens nothing but an emulator
_ERROR_STATUSES = range(200, 600)
_THIS_MACHINE = Visitors()


class App:
    """The ASGI app of one emulator, with the emulator as an attribute."""

    def __init__(
        self, emulator: Emulator, *, error_status: int = 200, visitors: Visitors = _THIS_MACHINE
    ) -> None:
        """Serve `emulator` to `visitors`, and answer API errors with the HTTP `error_status`."""
        if not is_whole(error_status) or error_status not in _ERROR_STATUSES:
            raise ValueError(f"error_status must be an HTTP status, not {shown(error_status)}")
        self.emulator = emulator
        self._error_status = error_status
        self._visitors = visitors
        self._background = Background()
        self._pages = Random(f"pages {emulator.settings.seed}")  # noqa: S311 -- repeatable on purpose
        self._last_envelopes: dict[str, Answer] = {}

    @property
    def late(self) -> int:
        """The number of requests that the fault `late` still holds back."""
        return self._background.waiting

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


def create_app(
    *,
    tokens: Iterable[str] = (DEFAULT_TOKEN,),
    storage: str = ":memory:",
    clock: TimeSource | None = None,
    rates: Mapping[str, float | None] = RATES,
    limiter: LimiterMethod = "leaky",
    burst: int = 0,
    limit_by: LimitKey = "token",
    era: Era = "seed",
    strict: bool = True,
    error_status: int = 200,
    page_size: int = 1000,
    seed: int = 0,
    log_shape: LogShape = "object",
    max_batch: int | None = None,
    normalise: Iterable[str] = (),
    ignore_page: bool = False,
    moves: Moves | None = None,
    search: Search = "contains",
    lag: float = 0.0,
    allow_hosts: Iterable[str] = (),
) -> App:
    """Make both services: SetCronJob under `/api/`, FastCron under `/api/v1/`.

    Accounts: each of `tokens` has one. `storage` is a file or `":memory:"`. A file has passwords in
    it, so only its owner may read it, and one emulator at a time uses it.

    Callers: only programs on this machine. A request for another Host gets a 403, unless
    `allow_hosts` has the name. So does a request that a page of another site makes. Calls in
    process may use any name. A body of more than 16 MiB gets a 413.

    Rate limit: `rates` are in requests per second by provider. `None` means no limit, and a
    provider left out has its documented rate. `limiter` counts by method `leaky`, `sliding` or
    `fixed`, separately for each `token` or `address` (`limit_by`). `burst` requests may come early.

    Answers: `error_status` is the HTTP status of API errors. A batch of more than `max_batch` items
    is refused whole, and `None` allows any length. `era` is the documentation to follow, `seed` or
    `latest`. With `strict`, unknown parameters are refused. `log_shape` is the shape of log rows:
    `object`, `flat`, `list` or `string`. `seed` fixes random schedules and all draws.

    Spelling: `normalise` are names of `NORMALISE`. A job's name and url and a group's name are then
    stored, listed and answered as those kinds spell them. The order of the names is of no account.

    Lists: `page_size` is the length of a page of `cron.list`. With `ignore_page` every page is the
    whole list. `moves` lets rows change places between two reads. `fail` puts the jobs with the
    most failures first, and one of them fails once more after each read. `shuffle` draws a new
    order for each read. `search` is the method that finds a keyword in a name, an id or a URL.
    `contains` finds it anywhere, and `words` only as whole words. `like` reads `%` and `_` in it as
    SQL's wild cards. `like_badly_escaped` finds no keyword with these two characters. `none` finds
    nothing. Lists of jobs and groups show the state of `lag` seconds ago on the clock's `ticks`.

    Raises `ValueError` for an unknown name or a number out of range, and `OSError` for a file that
    cannot be used.
    """
    _check_parts(storage, clock, rates)
    visitors = read_visitors(allow_hosts)
    emulator = Emulator(
        tokens=tokens,
        settings=Settings(
            *(era, strict, page_size, seed, log_shape, max_batch),
            *(frozenset(texts("normalise", normalise)), ignore_page, moves, search, lag),
        ),
        limiters=_limiters(rates, burst, limiter),
        clock=clock or Clock(),
        store=Store(storage),
        limit_by=limit_by,
    )
    return App(emulator, error_status=error_status, visitors=visitors)


def _check_parts(storage: object, clock: object, rates: object) -> None:
    if not isinstance(storage, str | PathLike):
        raise ValueError(f"storage must be the path of a file or ':memory:', not {shown(storage)}")  # noqa: TRY004 -- documented
    readings = (getattr(clock, name, None) for name in ("now", "ticks"))
    if clock is not None and not all(map(callable, readings)):
        raise ValueError(
            f"clock must have the methods now and ticks, like Clock, not {shown(clock)}"
        )
    if not isinstance(rates, Mapping):
        raise ValueError(f"rates must map providers to requests per second, not {shown(rates)}")  # noqa: TRY004 -- documented


def _limiters(
    rates: Mapping[str, float | None], burst: int, method: LimiterMethod
) -> dict[str, Limiter]:
    for provider in rates:
        check_choice("provider", provider, PROVIDERS)
    return {
        provider: Limiter(rate, burst=burst, method=method)
        for provider, rate in {**RATES, **rates}.items()
    }
