"""Calling a handler once for each key, whatever it raises."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Generic, Literal, Protocol, TypeVar

import anyio
from anyio import get_cancelled_exc_class
from attrs import define, field, frozen

from cronapi._calls.tasks import is_cancelled
from cronapi._logs import lines
from cronapi._protocol import arguments
from cronapi.errors.concerns import setting_error
from cronapi.webhooks.dedupe import DAY, Dedupe, DedupeError, MemoryDedupe, text_of

FORGETTING = 2.0
"""Seconds that a memory of keys may take, once the task was cancelled, to answer or to forget."""
When = Literal["before", "after"]


class Message(Protocol):
    """A thing that an endpoint handles: a notification, or the call of a job."""

    @property
    def key(self) -> tuple[object, object, object]:
        """The job, a time and one more fact, by which a second delivery is recognised."""
        ...


M = TypeVar("M", bound=Message)


@frozen
class Handling(Generic[M]):
    """A handler, its memory of keys, and the counts of how it fared.

    With `answer` "after" the key of a failure is forgotten: the caller was told, and may come
    again. `prepare` finds out the rest of a message before it is handled.
    """

    handler: Callable[[M], Awaitable[None] | None] | None
    dedupe: Dedupe
    answer: When
    prepare: Callable[[M], Awaitable[M]]
    counts: Counter[str] = field(factory=Counter)

    async def handle(self, message: M) -> bool:
        """Call the handler, unless the key is known, and return False if it failed."""
        is_claimed = False
        try:
            if is_claimed := await self.is_first(message):
                await self._call(await self.prepare(message))
                self.counts["handled"] += 1
        except BaseException as error:  # a handler may raise anything
            if _is_end_of_task(error):
                if is_claimed and self.answer == "after":
                    await self.forget(message)
                raise
            await self._fail(message, error)
            return False
        return True

    async def is_first(self, message: M) -> bool:
        """Return True unless the message was handled before. Counts one that was."""
        key = key_of(message)
        if key is None:
            return True
        claim = _Claim(self.dedupe, key)
        try:
            is_new = await claim.ask()
        except BaseException as error:  # may be a user's own, and twice beats never
            if _is_end_of_task(error):
                if claim.is_new:  # or has no answer, and may have been remembered all the same
                    await self.forget(message)
                raise
            lines.write(lines.DUPLICATE_OR_NOT, key, _told(error))
            return True
        self.counts["duplicates"] += not is_new
        return is_new

    async def _call(self, message: M) -> None:
        result = None if self.handler is None else self.handler(message)
        if inspect.isawaitable(result):
            await result

    async def _fail(self, message: M, error: BaseException) -> None:
        self.counts["failed"] += 1
        lines.write(lines.HANDLER_FAILED, text_of(message.key), error, trace=error)
        if self.answer == "after":
            await self.forget(message)

    async def forget(self, message: M) -> None:
        """Let a message that was not handled come again. It takes two seconds at most."""
        if (key := key_of(message)) is None:
            return
        try:
            with anyio.fail_after(FORGETTING, shield=True):
                await self.dedupe.release(key)
        except BaseException as wrong:  # may be a user's own
            if _is_end_of_task(wrong):
                raise
            lines.write(lines.NOT_FORGOTTEN, key, _told(wrong))


@define
class _Claim:
    """The claim of a key, whose answer is known also if its caller was cut off meanwhile.

    It is asked in a task of its own: `Task.cancel()` of asyncio passes through each scope.
    """

    dedupe: Dedupe
    key: str
    is_new: bool = True
    """The answer of the memory, and True until it comes: twice beats never."""
    error: BaseException | None = None

    async def ask(self) -> bool:
        """Return True if the key is new. Raises the error of the memory.

        After a cancellation the memory has `FORGETTING` seconds left.
        """
        scope, ended = anyio.CancelScope(shield=True), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ask, scope, ended)
            try:
                await ended.wait()
            finally:
                scope.deadline = anyio.current_time() + FORGETTING
        if self.error is not None:
            raise self.error
        return self.is_new

    async def _ask(self, scope: anyio.CancelScope, ended: anyio.Event) -> None:
        try:
            with scope:
                self.is_new = await self.dedupe.claim(self.key)
        except BaseException as error:  # noqa: BLE001 -- raised again in the caller's task
            self.error = error
        finally:
            ended.set()


def key_of(message: Message) -> str | None:
    """Return the key of a message as a text. Without a time it could be that of another one."""
    return None if message.key[1] is None else text_of(message.key)


def _told(error: BaseException) -> str:
    """Return what a log may have of an error. A memory of the user's own may tell a password."""
    return str(error) if isinstance(error, DedupeError) else type(error).__name__


def _is_end_of_task(error: BaseException) -> bool:
    """Return True for an exception that ends this very task, or the whole program.

    A CancelledError of asyncio may also come from another task, for which a handler waited.
    """
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    if isinstance(error, asyncio.CancelledError):
        return is_cancelled()
    return isinstance(error, (get_cancelled_exc_class(), KeyboardInterrupt, SystemExit))


def checked(dedupe: Dedupe | None, max_age: float) -> Dedupe:
    """Return a memory of keys that remembers for at least `max_age` seconds."""
    if dedupe is None:
        return MemoryDedupe(ttl=max(DAY, max_age))
    is_one = all(hasattr(dedupe, name) for name in ("claim", "release", "ttl"))
    if not is_one or not arguments.is_number(dedupe.ttl):
        raise arguments.refusal("dedupe", "a MemoryDedupe, a RedisDedupe or one like them", dedupe)
    if dedupe.ttl < max_age:
        raise setting_error(
            f"dedupe must remember at least for max_age, {max_age:g} seconds, not {dedupe.ttl:g}:"
            " otherwise a message could be repeated after it was forgotten."
        )
    return dedupe
