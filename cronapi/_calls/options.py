"""What one call is to do, and where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import isawaitable
from typing import Any

import anyio
from attrs import define, frozen

from cronapi._calls.exchange import Exchange
from cronapi._calls.lookup import Finding
from cronapi._calls.retry import History, RetryPolicy
from cronapi._calls.tasks import is_cancelled
from cronapi._functions import Function
from cronapi._protocol.request import Auth, RequestFormat
from cronapi._protocol.response import Ending
from cronapi.errors import Applied, ConfigurationError, CronAPIError
from cronapi.providers import Provider
from cronapi.scheduler import Lane

Token = str | Callable[[], str | Awaitable[str]]


@frozen(kw_only=True)
class Options:
    """How calls are made; `timeout` and `max_wait` are in seconds, `lane` None leaves it to the method."""

    timeout: float
    retry: RetryPolicy | None
    auth: Auth
    request_format: RequestFormat
    max_wait: float | None = None
    lane: Lane | None = None
    look: bool = True
    """Whether a call whose answer does not tell is looked up here; a batch is, item by item, by whoever sent it."""


@frozen
class Seal:
    """Settles what a call asks for at the moment when it gets a slot: `close` says it, `reopen` is told where nothing came of it."""

    close: Callable[[], tuple[Function[Any], Mapping[str, Any]]]
    reopen: Callable[[], None] = lambda: None


@define
class Progress:
    """Where one call stands."""

    row: Function[Any]
    wire: Mapping[str, Any]
    lane: Lane
    deadline: float | None
    history: History
    seal: Seal | None = None
    names: frozenset[tuple[str, ...]] = frozenset()
    """What it is counted under while it is under way."""
    place: int | None = None
    exchange: Exchange | None = None
    abandoned: bool = False
    """Whether the caller went away while the exchange was under way."""
    moment: int = 0
    """When it was first sent, as the memory counts; 0 before."""

    def left(self) -> float | None:
        """Return what is left of max_wait, in seconds."""
        return None if self.deadline is None else max(0.0, self.deadline - anyio.current_time())

    def late(self) -> Finding | None:
        """Return the answer that came after the caller had given up on it."""
        if self.exchange is not None and self.exchange.verdict.ending is Ending.DONE:
            return Finding(data=self.exchange.verdict.data, happened=True)
        return None

    def fail(self, error: CronAPIError, provider: Provider) -> CronAPIError:
        """Return the error with what is known of the call."""
        applied = (
            error.applied
            if error.applied is not Applied.NO
            else self.history.applied(self.row.repeat)
        )
        return error.of_call(
            provider=provider.name,
            function=self.row.name,
            attempts=self.history.attempts,
            applied=applied,
        )


class Creates:
    """The creates that are under way, by the names under which a look-up would find them."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, ...], list[Progress]] = {}

    def add(self, progress: Progress, names: frozenset[tuple[str, ...]]) -> None:
        """Count one."""
        progress.names = names
        for name in names:
            self._named.setdefault(name, []).append(progress)

    def remove(self, progress: Progress) -> None:
        """Count one no more."""
        for name in progress.names:
            self._named[name] = [other for other in self._named[name] if other is not progress]
            if not self._named[name]:
                del self._named[name]
        progress.names = frozenset()

    def most(self, names: frozenset[tuple[str, ...]]) -> int:
        """Return how many share one of these names."""
        return max((len(self._named.get(name, ())) for name in names), default=0)

    def sent_for(self, name: str) -> list[Exchange]:
        """Return the exchanges that may still make a job of this name."""
        return self.sent(key for key in self._named if key[::2] == ("cron", name))

    def sent(self, names: Iterable[tuple[str, ...]]) -> list[Exchange]:
        """Return the exchanges that may still make what is counted under one of these."""
        found = (progress.exchange for name in names for progress in self._named.get(name, ()))
        return [exchange for exchange in found if exchange is not None]


async def resolved(token: Token) -> str:
    """Return the token to send, which a function may give; ConfigurationError where it cannot be sent."""
    given = token if isinstance(token, str) else token()
    try:
        return checked_token(await given if isawaitable(given) else given)
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise ConfigurationError(
            "The token function awaited something that was cancelled."
        ) from error


def checked_token(token: object) -> str:
    """Return a token that can be sent, or say why it cannot, without repeating it."""
    if not isinstance(token, str) or not token:
        raise ConfigurationError(
            "The API token is missing or empty; copy it from the account's profile page."
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            "The API token has characters that no token has: white space, control or non-ASCII ones."
        )
    return token
