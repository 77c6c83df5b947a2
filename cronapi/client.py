"""The front door: `FastCron`, `SetCronJob` and the general `Client`."""

from __future__ import annotations

import copy
import hashlib
import math
import os
from collections.abc import Hashable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from attrs import evolve

from cronapi._batch.calls import Batches
from cronapi._calls.caller import Caller
from cronapi._calls.options import Options, Token, checked_token
from cronapi._calls.retry import RetryPolicy
from cronapi._calls.transport import Transport
from cronapi._coalesce.merger import Merger
from cronapi._functions import TABLE, Function, Repeat
from cronapi._protocol.request import Auth, RequestFormat
from cronapi.errors import ConfigurationError
from cronapi.namespaces._invoke import Invoker
from cronapi.namespaces.account import Account
from cronapi.namespaces.cron import Cron
from cronapi.namespaces.group import Groups
from cronapi.namespaces.server import Server
from cronapi.providers import FASTCRON, SETCRONJOB, Provider
from cronapi.scheduler import Lane, Scheduler, shared_scheduler

if TYPE_CHECKING:
    import httpx
    import httpx2

Scope = Literal["provider", "token"]


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of `FastCron` and `SetCronJob`; `Client` describes them."""

    base_url: str | None
    scheduler: Scheduler | None
    retry: RetryPolicy | None
    timeout: float
    auth: Auth
    request_format: RequestFormat
    http_client: httpx.AsyncClient | httpx2.AsyncClient | None
    transport: httpx.AsyncBaseTransport | None
    scope: Scope
    coalesce: bool


class CallOptions(TypedDict, total=False):
    """What `with_options` changes."""

    max_wait: float | None
    lane: Lane | None
    retry: RetryPolicy | None
    timeout: float


class Client:
    """A client of one account at one provider, shared by all tasks of an event loop.

    `token` is the API token or a function, sync or async, that returns it; None reads the provider's environment variable.
    `timeout` bounds one exchange in seconds. `scheduler` None shares one rate per provider address and process; `scope="token"` has one
    rate per account instead. `retry` None turns repeats and look-ups off. `auth="bearer"` is FastCron's; `request_format="query"` puts
    the parameters into the URL, which proxies and servers log. An `http_client` (httpx's or httpx2's) is neither closed nor changed; a
    `transport` is httpx's. With `coalesce` calls that wait for a slot anyway share one: adds and deletes become batches where the service
    has them, gets a page of the list, equal reads one read; each caller gets its own result or error. None joins a request that would
    overtake another call on the same job; a bulk (`*_many`), which has a lane of its own and goes on for long, is not ordered with them.

    It may be made before a loop runs and belongs to the first that uses it. Close it with `async with` or `aclose()`, from any task.
    Raises ConfigurationError for anything it cannot work with.
    """

    cron: Cron
    group: Groups
    account: Account
    server: Server

    def __init__(
        self,
        provider: Provider,
        token: Token | None = None,
        *,
        base_url: str | None = None,
        scheduler: Scheduler | None = None,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 -- frozen, so it may be shared
        timeout: float = 30.0,
        auth: Auth = "body",
        request_format: RequestFormat = "json",
        http_client: httpx.AsyncClient | httpx2.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        scope: Scope = "provider",
        coalesce: bool = False,
    ) -> None:
        self.provider: Provider = (
            provider if base_url is None else evolve(provider, base_url=base_url)
        )
        _check_choice("auth", auth, Auth)
        _check_choice("request_format", request_format, RequestFormat)
        _check_choice("scope", scope, Scope)
        if auth == "bearer" and not provider.bearer:
            raise ConfigurationError(
                f"{provider.name} takes its token in the body; it knows no Bearer header."
            )
        if http_client is not None and not _is_http_client(http_client):
            raise ConfigurationError(
                f"http_client must be an AsyncClient of httpx or httpx2, not a {type(http_client).__name__}."
            )
        if http_client is not None and transport is not None:
            raise ConfigurationError("Give an http_client or a transport, not both.")
        if http_client is not None and request_format == "query" and auth == "body":
            raise ConfigurationError(
                "request_format='query' with an http_client of your own would put the token into its logs."
            )
        token = _token(token, provider)
        self._given_scheduler = scheduler
        self._key = (
            self.provider.base_url
            if scope == "provider"
            else (self.provider.base_url, _fingerprint(token))
        )
        plain = self.provider.base_url.startswith(
            "http:"
        )  # to this machine, and to no proxy, which would read the token
        self._transport = Transport(http_client=http_client, transport=transport, direct=plain)
        self._caller = Caller(self.provider, token, self._transport, lambda: self.scheduler)
        self._batches = Batches()
        self._merger = Merger(self._caller, self._batches) if coalesce else None
        self._equip(
            Options(
                timeout=_checked_timeout(timeout),
                retry=_checked_retry(retry),
                auth=auth,
                request_format=request_format,
            )
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.provider.base_url}>"

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler that paces this client on the running event loop, with its `stats` and `eta`."""
        return self._given_scheduler or shared_scheduler(self._key, self.provider.rate)

    def with_options(self, **changes: Unpack[CallOptions]) -> Self:
        """Return a client that shares everything with this one, closing too, but makes its calls with other options.

        `max_wait` is the longest time in the queue, in seconds: a call that would wait longer fails at once with WaitTooLongError, and
        none rests for longer before a repeat; bulks have none. `lane` is interactive or bulk for all calls, None leaves it to the
        method. `retry` and `timeout` are as in `Client`. What is not given stays as it is here.
        """
        for name in changes.keys() - CallOptions.__annotations__.keys():
            raise ConfigurationError(f"with_options has no option {name!r}.")
        max_wait = changes.get("max_wait")
        if max_wait is not None and not (isinstance(max_wait, int | float) and max_wait >= 0):
            raise ConfigurationError(f"max_wait must be seconds, not {max_wait!r}.")
        if (lane := changes.get("lane")) is not None:
            _check_choice("lane", lane, Lane)
        _checked_timeout(changes.get("timeout", self._options.timeout))
        _checked_retry(changes.get("retry"))
        view = copy.copy(self)
        view._equip(evolve(self._options, **changes))  # noqa: SLF001 -- a copy of this very object
        return view

    async def call(self, function: str, **params: Any) -> Any:
        """Call any function by its name, `target.action`, and return its raw `data`; same pacing, repeats and errors.

        Parameters are the wire's, in snake_case or camelCase. A function that cronapi does not know counts as a create. With `coalesce` it
        shares requests like the methods; a delete that does answers with its `id`, which the service leaves out.
        """
        if "token" in params:
            raise ConfigurationError(
                "The token is the client's; make another client for another one."
            )
        row = TABLE.get(function) or Function(function, Repeat.CREATE, object, frozenset())
        return await self._invoker.data(row, self._invoker.encode(params))

    async def aclose(self) -> None:
        """Refuse further calls, wait for requests under way (at most `timeout` seconds), and close connections of our own.

        Does nothing the second time.
        """
        await self._transport.aclose(self._options.timeout)

    async def __aenter__(self) -> Self:
        self._transport.check()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _equip(self, options: Options) -> None:
        self._options = options
        self._invoker = Invoker(self._caller, options, self._batches, self._merger)
        self.cron = Cron(self._invoker)
        self.group = Groups(self._invoker)
        self.account = Account(self._invoker)
        self.server = Server(self._invoker)


class FastCron(Client):
    """A client of FastCron, 1 request a second: `async with FastCron(token) as api:`.

    Keyword arguments are those of `Client`; token None reads FASTCRON_TOKEN.
    """

    def __init__(self, token: Token | None = None, **options: Unpack[ClientOptions]) -> None:
        super().__init__(FASTCRON, token, **options)


class SetCronJob(Client):
    """A client of SetCronJob, 10 requests a second: `async with SetCronJob(token) as api:`.

    Keyword arguments are those of `Client`; token None reads SETCRONJOB_TOKEN.
    """

    def __init__(self, token: Token | None = None, **options: Unpack[ClientOptions]) -> None:
        super().__init__(SETCRONJOB, token, **options)


def _token(token: Token | None, provider: Provider) -> Token:
    if callable(token):
        return token
    if token is None:
        token = os.environ.get(provider.token_variable)
    if token is None:
        raise ConfigurationError(f"No API token: give one, or set {provider.token_variable}.")
    return checked_token(token)


def _fingerprint(token: Token) -> Hashable:
    return hashlib.sha256(token.encode()).hexdigest()[:16] if isinstance(token, str) else token


def _checked_timeout(timeout: float) -> float:
    if not (isinstance(timeout, int | float) and math.isfinite(timeout) and timeout > 0):
        raise ConfigurationError(f"timeout must be a positive number of seconds, not {timeout!r}.")
    return timeout


def _checked_retry(retry: RetryPolicy | None) -> RetryPolicy | None:
    if not (retry is None or isinstance(retry, RetryPolicy)):
        raise ConfigurationError(f"retry must be a RetryPolicy or None, not {retry!r}.")
    return retry


def _is_http_client(value: object) -> bool:
    kinds = ((cls.__module__.partition(".")[0], cls.__name__) for cls in type(value).__mro__)
    return any(kind in (("httpx", "AsyncClient"), ("httpx2", "AsyncClient")) for kind in kinds)


def _check_choice(name: str, value: object, choices: Any) -> None:
    if value not in choices.__args__:
        raise ConfigurationError(
            f"{name} must be one of {', '.join(choices.__args__)}, not {value!r}."
        )
