"""The memory of keys that several processes share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from cronapi._protocol import arguments
from cronapi._protocol.not_copied import NotCopied
from cronapi.scheduler.faults import Fault
from cronapi.scheduler.redis_faults import SERVER_FAULTS
from cronapi.scheduler.redis_script import client_at, fault_of
from cronapi.webhooks.dedupe import DAY, DedupeError

T = TypeVar("T")
_LONGEST = 10**10
"""Seconds. Redis counts milliseconds in 64 bits, and refuses a key that is to live for longer."""
_FAULTS = (
    Fault(
        ("LOADING", "BusyLoadingError"),
        "is still loading its data",
        "Wait until it has loaded them.",
    ),
    Fault(
        ("NOPERM", "NoPermissionError"),
        "gives this user no permission for the commands or the keys",
        "Allow the user set and del on the keys {keys}.",
    ),
    Fault(
        ("MOVED", "MovedError", "ASK ", "AskError", "TRYAGAIN", "TryAgainError"),
        "is a node of a cluster, and has a part of the keys only",
        "Make the RedisDedupe with a `connect` that returns a redis.RedisCluster.",
    ),
    Fault(
        ("unknown command",),
        "has no SET or DEL, or not under these names",
        "Give the address of a Redis that allows them.",
    ),
    *SERVER_FAULTS,
)
_SILENT = Fault(
    (),
    "gave no answer ({answer})",
    "Check that it runs, and that the address leads to it.",
)


class RedisDedupe(NotCopied):
    """Remembers keys in Redis, for all processes with the same Redis and `key`, for `ttl` seconds.

    `RedisDedupe.from_url("redis://localhost:6379/0", key="hooks")`. Each claim is one `SET NX EX`.
    Redis has a second to take the connection, and one for each piece of its answer. A claim raises
    OSError while Redis is away or takes no claims, and says why and what to do. An endpoint then
    handles all that it gets. It needs `pip install "cronapi-client[redis]"`. `connect` returns a
    client of redis-py, for an address that a URL cannot say.
    """

    _not_copied = (
        "A RedisDedupe cannot be pickled or copied: it holds connections. Make one in each "
        "process, with the same address and key."
    )

    def __init__(self, connect: Callable[[], Any], *, key: str, ttl: float = DAY) -> None:
        arguments.function("connect", connect)
        arguments.text("key", key)
        arguments.positive("ttl", "a finite number of seconds above 0", ttl)
        self._connect = connect
        self._key = key
        self._ttl = ttl
        self._open()

    @classmethod
    def from_url(cls, url: str, *, key: str, ttl: float = DAY) -> RedisDedupe:
        """Return the memory at a Redis address. `key` is the beginning of the names of its keys."""
        return cls(partial(client_at, url, "RedisDedupe"), key=key, ttl=ttl)

    @property
    def ttl(self) -> float:
        """The seconds for which a key is remembered."""
        return self._ttl

    async def claim(self, key: str) -> bool:
        """Remember a key, and return True if it was not known. Raises OSError."""
        seconds = math.ceil(min(self._ttl, _LONGEST))

        def ask(server: Any) -> bool:
            return bool(server.set(self._name(key), 1, nx=True, ex=seconds))

        return await self._run(ask)

    async def release(self, key: str) -> None:
        """Forget a key. Raises OSError."""

        def ask(server: Any) -> None:
            server.delete(self._name(key))

        await self._run(ask)

    def _name(self, key: str) -> str:
        return f"cronapi:{self._key}:{key}"

    async def _run(self, ask: Callable[[Any], T]) -> T:
        # With a limiter of its own, which no other work in threads can use up.
        return await anyio.to_thread.run_sync(
            partial(self._ask, ask), abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
        )

    def _ask(self, ask: Callable[[Any], T]) -> T:
        if self._process != os.getpid():
            self._open()
        try:
            return ask(self._server)
        except Exception as error:  # noqa: BLE001 -- the border: redis-py raises more than its own
            with suppress(Exception):  # the address may lead to another server by now
                self._server.connection_pool.disconnect(inuse_connections=False)
            failure = self._translated(error)
        raise failure

    def _translated(self, error: Exception) -> DedupeError:
        """Return our error, which repeats nothing of redis-py's: that may hold a password."""
        fault = fault_of(error, _FAULTS) or _SILENT
        said = fault.said.format(answer=type(error).__name__)
        return DedupeError(f"Redis {said}. {fault.advice.format(keys=self._name('*'))}")

    def _open(self) -> None:
        """Make a client. A forked process drops that of its parent, whose connections stay open."""
        self._server = self._connect()
        self._process = os.getpid()
