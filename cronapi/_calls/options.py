"""How a call is made: its options, its token, and requests that are built at the last moment."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import lru_cache
from inspect import isawaitable
from typing import Any, Protocol

from attrs import evolve, frozen

from cronapi._calls.creates import Keys
from cronapi._calls.retry import RetryPolicy
from cronapi._calls.tasks import is_cancelled
from cronapi._functions import Function
from cronapi._protocol.hidden import Hidden, hidden
from cronapi._protocol.request import Auth, RequestFormat
from cronapi.errors.concerns import setting_error
from cronapi.scheduler import Lane

Token = str | Callable[[], str | Awaitable[str]]


@frozen(kw_only=True, cache_hash=True)
class Options:
    """How calls are made.

    `timeout` and `max_wait` are in seconds. `lane` None leaves the lane to the method.
    """

    timeout: float
    retry: RetryPolicy | None
    auth: Auth
    request_format: RequestFormat
    max_wait: float | None = None
    lane: Lane | None = None
    look: bool = True
    """False if the sender of a batch looks its items up itself."""


@lru_cache
def changed(options: Options, **changes: Any) -> Options:
    """Return options with changes. Calls ask for the same ones again and again."""
    return evolve(options, **changes)


class Earlier(Protocol):
    """A call that another one must not overtake."""

    async def ended(self) -> None:
        """Wait until it has ended, or need not be waited for any more."""


Before = Callable[[], Earlier | None]
"""Returns a call under way that must not be overtaken, or None."""


def none_before() -> None:
    """Say that no call is overtaken."""


@frozen
class DeferredRequest:
    """A request that is settled when its call gets a slot.

    `build` returns the function and what is sent. `release` is called if the service refused that:
    the request is open again until the next slot. It is not built while there is a call `before`.
    `keys` returns those under which a lookup would find what it creates, if they are known already.
    """

    build: Callable[[], tuple[Function[Any], Mapping[str, Any]]]
    release: Callable[[], None] = lambda: None
    before: Before = none_before
    keys: Callable[[], Keys] = Keys


async def resolved(token: Token) -> str:
    """Return the token to send. ConfigurationError if it cannot be sent."""
    if isinstance(token, Hidden):  # it was given as text, and checked then
        return token
    import asyncio  # noqa: PLC0415 -- a program that runs on it has loaded it

    given = token if isinstance(token, str) else token()
    try:
        return checked_token(await given if isawaitable(given) else given)
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise setting_error("The token function awaited a cancelled task.") from error


def checked_token(token: object) -> str:
    """Return a token that can be sent, or say why it cannot, without repeating it."""
    token = token if type(token) is Hidden else hidden(token)
    if not isinstance(token, Hidden) or not token:
        lacking = token is None or isinstance(token, Hidden)
        raise setting_error(
            f"The API token is {'missing or empty' if lacking else 'no text'}; copy it from the "
            "account's profile page."
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise setting_error(
            "The API token has characters that no token has: white space, control or non-ASCII "
            "ones."
        )
    return token


def token_or_variable(token: Token | None, variable: str) -> Token:
    """Return the token, or that of an environment variable. ConfigurationError if there is none."""
    if callable(token):
        return token
    if token is None and variable in os.environ:
        token = hidden(os.environ[variable])
    if token is None:
        raise setting_error(f"No API token: give one, or set {variable}.")
    return checked_token(token)


def fingerprint_of(token: Token) -> Hashable:
    """Return something that stands for a token and does not tell it."""
    if not isinstance(token, str):
        return token
    from hashlib import sha256  # noqa: PLC0415 -- only a pace for each token needs it

    return sha256(token.encode()).hexdigest()[:16]
