"""An endpoint that answers first and handles afterwards."""

from __future__ import annotations

import inspect
import logging
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, Protocol, Self, TypeVar, get_args

from anyio import get_cancelled_exc_class
from anyio.lowlevel import RunVar
from attrs import frozen

from cronapi._calls.tasks import is_cancelled
from cronapi._protocol import arguments
from cronapi.errors import ConfigurationError, WebhookError
from cronapi.webhooks import incoming as http
from cronapi.webhooks.backlog import Backlog, Entry
from cronapi.webhooks.dedupe import DAY, Dedupe, MemoryDedupe
from cronapi.webhooks.incoming import Incoming, Reply
from cronapi.webhooks.secret import Secrets

if TYPE_CHECKING:
    from cronapi.webhooks.aiohttp_door import AiohttpHandler
    from cronapi.webhooks.asgi_door import ASGIDoor
    from cronapi.webhooks.fastapi_door import Dependency

MOST_WAITING = 1000
SEATS = 10
When = Literal["before", "after"]

logger: logging.Logger = logging.getLogger("cronapi.webhooks")


class Message(Protocol):
    """A thing that an endpoint handles: a notification, or the call of a job."""

    @property
    def key(self) -> tuple[object, object, object]:
        """The job and two more facts, by which a second delivery is recognised."""


M = TypeVar("M", bound=Message)


@frozen(kw_only=True)
class EndpointStats:
    """The counts of an endpoint since it was made, and the number that wait now.

    Of the accepted messages, `handled` ended well, the handler raised for `failed`, `duplicates`
    were known, and `dropped` found `MOST_WAITING` waiting. `refused` were answered with a status of
    400 or more instead.
    """

    accepted: int = 0
    handled: int = 0
    failed: int = 0
    duplicates: int = 0
    dropped: int = 0
    refused: int = 0
    waiting: int = 0


class Endpoint(ABC, Generic[M]):
    """The part that receivers and the endpoints of jobs have in common.

    It belongs to no event loop: each loop has its own queue of up to 1,000 waiting messages, and
    handles ten at the same time, those of one job in order.
    """

    accepted_status: ClassVar[int]
    taken_methods: ClassVar[tuple[str, ...]]
    test_methods: ClassVar[tuple[str, ...]] = ()
    """The methods by which a person looks if the address is right."""

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
        self._secrets = Secrets(secrets)
        self._handler = handler
        self._max_body = arguments.count("max_body", max_body)
        self._max_age = max_age
        self._dedupe = _checked(dedupe, max_age)
        self._answer: When = answer
        self._clock = clock
        self._backlogs: RunVar[Backlog[M]] = RunVar("cronapi_backlog")
        self._counts = Counter[str]()

    @property
    def stats(self) -> EndpointStats:
        """The counts so far. `waiting` is that of the running event loop, 0 where none runs."""
        try:
            backlog = self._backlogs.get(None)
        except RuntimeError:
            backlog = None
        return EndpointStats(**self._counts, waiting=0 if backlog is None else backlog.waiting)

    def asgi(self) -> ASGIDoor:
        """Return an ASGI app: mount it, or serve it alone. The end of its lifespan drains it."""
        self._need_handler()
        from cronapi.webhooks.asgi_door import ASGIDoor  # noqa: PLC0415 -- most use one door

        return ASGIDoor(self)

    def aiohttp(self) -> AiohttpHandler:
        """Return a handler for a route of aiohttp."""
        self._need_handler()
        from cronapi.webhooks.aiohttp_door import handler_of  # noqa: PLC0415 -- imports aiohttp

        return handler_of(self)

    def fastapi(self) -> Dependency[M]:
        """Return a dependency for a route of FastAPI, which gets the message.

        Without a `handler` the route's own function is it. It is then called once for each message,
        and its error is answered with 500.
        """
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
        self._counts["refused"] += 1
        logger.debug("refused a request with %d: %s", error.status, error)
        return http.refused(error, ", ".join(self.test_methods + self.taken_methods))

    async def admit(self, incoming: Incoming) -> M:
        """Return the message of a request. Raises WebhookError for any other."""
        if not self._has_secret(incoming):
            raise http.refusal_of(http.NOT_FOUND)
        if incoming.method not in self.taken_methods:
            raise http.refusal_of(http.METHOD_NOT_ALLOWED)
        message = await self._read(incoming)
        self._counts["accepted"] += 1
        return message

    async def take(self, message: M) -> None:
        """Take a message on, to be handled before or after the answer.

        Raises WebhookError if it cannot be taken, or with `answer="after"` if the handler failed.
        """
        backlog = self._backlog()
        if backlog.is_closed:
            raise http.refusal_of(http.UNAVAILABLE)
        key = _key_of(message)
        known = backlog.find(key)
        self._counts["duplicates"] += known is not None
        entry = known or backlog.put(message, message.key[0], key)
        if entry is None:
            self._drop(message)
        elif self._answer == "after":
            await self._wait_for(entry)

    async def take_for_route(self, message: M) -> bool:
        """Take a message on, and return True if the route that has it may go on.

        Without a handler the route's function handles it, so a duplicate goes no further.
        """
        if self._handler is None:
            return await self._is_first(message)
        await self.take(message)
        return True

    async def _is_first(self, message: M) -> bool:
        """Return True unless the message was taken before. Counts one that was."""
        key = _key_of(message)
        if key is None:
            return True
        try:
            is_new = await self._dedupe.claim(key)
        except Exception as error:  # noqa: BLE001 -- may be a user's own, and twice beats never
            logger.warning(
                "cannot tell if %s is a duplicate (%s); it is handled", key, type(error).__name__
            )
            return True
        self._counts["duplicates"] += not is_new
        return is_new

    @abstractmethod
    def _has_secret(self, incoming: Incoming) -> bool:
        """Return True for a request with one of the secrets."""

    @abstractmethod
    async def _read(self, incoming: Incoming) -> M:
        """Return the message of a request that has a secret, or raise WebhookError."""

    def _check_age(self, time: datetime | None, now: float) -> None:
        """Refuse a message that is older than `max_age`, or as far in the future."""
        if time is not None and abs(now - time.timestamp()) > self._max_age:
            raise WebhookError("It is too old, or a clock is wrong.")

    async def _prepared(self, message: M) -> M:
        """Return the message with all that is found out before it is handled."""
        return message

    def _need_handler(self) -> None:
        if self._handler is None:
            raise ConfigurationError("This door needs a handler: give one when it is made.")

    def _backlog(self) -> Backlog[M]:
        backlog = self._backlogs.get(None)
        if backlog is None:
            backlog = Backlog(self._handle, most=MOST_WAITING, seats=SEATS)
            self._backlogs.set(backlog)
        return backlog

    def _drop(self, message: M) -> None:
        self._counts["dropped"] += 1
        logger.error("too many messages wait: dropped %s", text_of(message.key))
        if self._answer == "after":
            raise http.refusal_of(http.UNAVAILABLE)

    async def _wait_for(self, entry: Entry[M]) -> None:
        if not await entry.ended():
            raise http.refusal_of(http.FAILED)

    async def _handle(self, message: M) -> bool:
        """Call the handler once for each key, and return False if it failed."""
        try:
            if await self._is_first(message):
                await self._call(await self._prepared(message))
                self._counts["handled"] += 1
        except BaseException as error:  # -- a handler may raise anything
            if _is_end_of_task(error):
                raise
            return await self._failed(message, error)
        return True

    async def _call(self, message: M) -> None:
        if self._handler is not None:
            result = self._handler(message)
            if inspect.isawaitable(result):
                await result

    async def _failed(self, message: M, error: BaseException) -> bool:
        self._counts["failed"] += 1
        logger.error("the handler failed for %s", text_of(message.key), exc_info=error)
        if self._answer == "after":  # the caller was told, and may come again
            try:
                await self._dedupe.release(text_of(message.key))
            except Exception as wrong:  # noqa: BLE001 -- may be a user's own
                logger.warning("cannot forget %s (%s)", text_of(message.key), type(wrong).__name__)
        return False


def text_of(key: Iterable[object]) -> str:
    """Return a key as a text for a database, such as `7:1720409270:1`."""
    return ":".join(map(_part, key))


def _key_of(message: Message) -> str | None:
    """Return the key of a message as a text. Without a time it could be that of another one."""
    return None if message.key[1] is None else text_of(message.key)


def _part(value: object) -> str:
    timestamp = getattr(value, "timestamp", None)
    return f"{timestamp():.15g}" if timestamp is not None else str(value)


def _is_end_of_task(error: BaseException) -> bool:
    """Return True for an exception that ends this very task, or the whole program.

    A CancelledError of asyncio may also come from another task, for which a handler waited.
    """
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    if isinstance(error, asyncio.CancelledError):
        return is_cancelled()
    return isinstance(error, (get_cancelled_exc_class(), KeyboardInterrupt, SystemExit))


def _checked(dedupe: Dedupe | None, max_age: float) -> Dedupe:
    if dedupe is None:
        return MemoryDedupe(ttl=max(DAY, max_age))
    if not all(hasattr(dedupe, name) for name in ("claim", "release", "ttl")):
        raise arguments.refusal("dedupe", "a MemoryDedupe, a RedisDedupe or one like them", dedupe)
    if dedupe.ttl < max_age:
        raise ConfigurationError(
            f"dedupe must remember at least for max_age, {max_age:g} seconds, not {dedupe.ttl:g}:"
            " otherwise a message could be repeated after it was forgotten."
        )
    return dedupe
