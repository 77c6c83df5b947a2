"""An endpoint that answers first and handles afterwards."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Generic, Self, get_args

from anyio.lowlevel import RunVar
from attrs import frozen

from cronapi._lazy import LazyModule
from cronapi._logs import lines
from cronapi._logs.setting import follow_variable
from cronapi._protocol import arguments
from cronapi._protocol.not_copied import NotCopied
from cronapi.errors import WebhookError
from cronapi.errors.concerns import setting_error
from cronapi.webhooks import incoming as http
from cronapi.webhooks.asgi_door import ASGIDoor
from cronapi.webhooks.backlog import Backlog, Entry
from cronapi.webhooks.dedupe import DAY, Dedupe, text_of
from cronapi.webhooks.handling import Handling, M, When, checked, key_of
from cronapi.webhooks.incoming import Incoming, Reply
from cronapi.webhooks.secret import Secrets

if TYPE_CHECKING:
    from cronapi.webhooks import aiohttp_door
else:
    aiohttp_door = LazyModule("cronapi.webhooks.aiohttp_door")

MOST_WAITING = 1000
SEATS = 10


@frozen(kw_only=True)
class EndpointStats:
    """The counts of an endpoint since it was made, and the number that wait now.

    Of the accepted messages, `handled` ended well, the handler raised for `failed`, `duplicates`
    were known, and `dropped` found `MOST_WAITING` waiting. `refused` counts the answers with a
    status of 400 or more: those to all other requests, and those to accepted messages of which the
    caller is told that they were not handled.
    """

    accepted: int = 0
    handled: int = 0
    failed: int = 0
    duplicates: int = 0
    dropped: int = 0
    refused: int = 0
    waiting: int = 0


class Endpoint(NotCopied, ABC, Generic[M]):
    """The part that receivers and the endpoints of jobs have in common.

    It belongs to no event loop: each loop has its own queue of up to 1,000 waiting messages, and
    handles ten at the same time, those of one job in order.
    """

    accepted_status: int
    drops: ClassVar[bool]
    """True if a message that finds a full queue is dropped, and not refused with 503."""
    secret_in_path: ClassVar[bool]
    taken_methods: ClassVar[tuple[str, ...]]
    test_methods: ClassVar[tuple[str, ...]] = ()
    """The methods by which a person looks if the address is right."""
    _not_copied = (
        "An endpoint cannot be pickled or copied: it holds secrets, and messages that wait. Make "
        "one in each process."
    )

    def __init__(
        self,
        *,
        secrets: Iterable[str],
        handler: Callable[[M], Awaitable[None] | None] | None = None,
        dedupe: Dedupe | None = None,
        max_body: int = http.MOST_BYTES,
        max_age: float = DAY,
        answer: When = "before",
        clock: Callable[[], float] = time.time,
    ) -> None:
        if handler is not None:
            arguments.function("handler", handler)
        arguments.choice("answer", answer, get_args(When))
        arguments.function("clock", clock)
        arguments.positive("max_age", "a finite number of seconds above 0", max_age)
        self._secrets = Secrets(secrets, in_path=self.secret_in_path)
        self._handling = Handling(handler, checked(dedupe, max_age), answer, self._prepared)
        self._max_body = arguments.count("max_body", max_body)
        self._max_age = max_age
        self._clock = clock
        follow_variable()
        self._backlogs: RunVar[Backlog[M]] = RunVar("cronapi_backlog")

    @property
    def stats(self) -> EndpointStats:
        """The counts so far. `waiting` is that of the running event loop, 0 where none runs."""
        try:
            backlog = self._backlogs.get(None)
        except RuntimeError:
            backlog = None
        waiting = 0 if backlog is None else backlog.waiting
        return EndpointStats(**self._handling.counts, waiting=waiting)

    def asgi(self) -> ASGIDoor:
        """Return an ASGI app: mount it, or serve it alone. The end of its lifespan drains it."""
        self._open_door()
        return ASGIDoor(self)

    def aiohttp(self) -> aiohttp_door.AiohttpHandler:
        """Return a handler for a route of aiohttp."""
        self._open_door()
        from cronapi.webhooks.aiohttp_door import handler_of  # noqa: PLC0415 -- imports aiohttp

        return handler_of(self)

    def fastapi(self) -> Callable[..., AsyncGenerator[M, None]]:
        """Return a dependency for a route of FastAPI, which gets the message.

        Without a `handler` the route's own function is it. It is then called once for each message.
        Its error is answered with 500, and the message may come again.
        """
        self._load()
        from cronapi.webhooks.fastapi_door import dependency_of  # noqa: PLC0415 -- imports FastAPI

        return dependency_of(self)

    async def aclose(self) -> None:
        """Take nothing more, and wait until all that was taken is handled.

        A new request is answered with 503. If it is cancelled, the handlers go on as long as the
        event loop does. May be repeated. `async with` does both, and opens the endpoint again.
        """
        backlog = self._backlog()
        backlog.is_closed = True
        await backlog.drain()

    async def __aenter__(self) -> Self:
        self._backlog().is_closed = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def respond(self, incoming: Incoming) -> Reply:
        """Answer a request. Raises nothing but the cancellation of its caller."""
        try:
            if incoming.method in self.test_methods and self._has_secret(incoming):
                return Reply(200, f"cronapi {type(self).__name__.lower()}")
            await self.take(await self.admit(incoming))
        except WebhookError as error:
            return self.refuse(error)
        return Reply(self.accepted_status)

    def refuse(self, error: WebhookError) -> Reply:
        """Count a refusal, and return its answer."""
        self._handling.counts["refused"] += 1
        lines.write(lines.REQUEST_REFUSED, error.status, error)
        return http.refused(error, ", ".join(self.test_methods + self.taken_methods))

    async def admit(self, incoming: Incoming) -> M:
        """Return the message of a request. Raises WebhookError for any other."""
        if not self._has_secret(incoming):
            raise http.refusal_of(http.NOT_FOUND)
        if incoming.method not in self.taken_methods:
            raise http.refusal_of(http.METHOD_NOT_ALLOWED)
        message = await self._read(incoming)
        self._handling.counts["accepted"] += 1
        return message

    async def take(self, message: M) -> None:
        """Take a message on, to be handled before or after the answer.

        Raises WebhookError if it cannot be taken, or with `answer="after"` if the handler failed.
        """
        backlog = self._open_backlog()
        key = key_of(message)
        known = backlog.find(key)
        self._handling.counts["duplicates"] += known is not None
        entry = known or backlog.put(message, message.key[0], key)
        if entry is None:
            self._drop(message)
        elif self._handling.answer == "after":
            await self._wait_for(entry)

    async def take_for_route(self, message: M) -> bool:
        """Take a message on, and return True if the route that has it may go on.

        Without a handler the route's function handles it, so a duplicate goes no further.
        """
        if self._handling.handler is None:
            self._open_backlog()
            return await self._handling.is_first(message)
        await self.take(message)
        return True

    async def forget_for_route(self, message: M) -> None:
        """Let a message come again whose route has failed, unless a handler has it."""
        if self._handling.handler is None:
            await self._handling.forget(message)

    @abstractmethod
    def _has_secret(self, incoming: Incoming) -> bool:
        """Return True for a request with one of the secrets."""

    @abstractmethod
    async def _read(self, incoming: Incoming) -> M:
        """Return the message of a request that has a secret, or raise WebhookError."""

    def _time(self, now: float | None) -> float:
        """Return a time that was given in Unix seconds, or that of the clock."""
        if now is None:
            return self._clock()
        if not arguments.is_finite(now):
            raise arguments.refusal("now", "Unix seconds", now)
        return now

    def _check_age(self, time: datetime | None, now: float) -> None:
        """Refuse a message that is older than `max_age`, or as far in the future."""
        # A clock that says NaN makes no comparison true.
        if time is not None and not abs(now - time.timestamp()) <= self._max_age:
            raise WebhookError("It is too old, or a clock is wrong.")

    async def _prepared(self, message: M) -> M:
        """Return the message with all that is found out before it is handled."""
        return message

    def _open_door(self) -> None:
        if self._handling.handler is None:
            raise setting_error("This door needs a handler: give one when it is made.")
        self._load()

    @abstractmethod
    def _load(self) -> None:
        """Import all that the first answer would import otherwise, while its caller waits."""

    def _backlog(self) -> Backlog[M]:
        backlog = self._backlogs.get(None)
        if backlog is None:
            backlog = Backlog(self._handling.handle, most=MOST_WAITING, seats=SEATS)
            self._backlogs.set(backlog)
        return backlog

    def _open_backlog(self) -> Backlog[M]:
        """Return the backlog of the running event loop. WebhookError if it takes nothing more."""
        backlog = self._backlog()
        if backlog.is_closed:
            raise http.refusal_of(http.UNAVAILABLE)
        return backlog

    def _drop(self, message: M) -> None:
        self._handling.counts["dropped"] += 1
        lines.write(lines.DROPPED, text_of(message.key))
        if self._handling.answer == "after" or not self.drops:
            raise http.refusal_of(http.UNAVAILABLE)

    async def _wait_for(self, entry: Entry[M]) -> None:
        if not await entry.ended():
            raise http.refusal_of(http.FAILED)
