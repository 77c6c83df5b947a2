"""The front door: `FastCron`, `SetCronJob` and the general `Client`."""

from __future__ import annotations

from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Self,
    TypedDict,
    Unpack,
    get_args,
    overload,
)

from attrs import evolve

from cronapi import _coalesce
from cronapi._batch.limits import Limits
from cronapi._calls.caller import Caller, OfClient
from cronapi._calls.given import (
    check_auth,
    check_given,
    check_http_client,
    checked_retry,
    checked_timeout,
)
from cronapi._calls.open_readings import page_by_hand
from cronapi._calls.options import Options, Token, fingerprint_of, token_or_variable
from cronapi._calls.retry import RetryPolicy
from cronapi._calls.transport import Transport
from cronapi._functions import CRON_LIST, TABLE, Function, Repeat
from cronapi._lazy import LazyModule
from cronapi._logs.setting import follow_variable
from cronapi._protocol.arguments import choice, seconds, switch, text
from cronapi._protocol.hidden import hidden, hide
from cronapi._protocol.hints import CLIENT_WORDS, NoOptions, hint, refuse_options
from cronapi._protocol.ids import refuse_models
from cronapi._protocol.params import ODD_KIND_OF, RAW_KIND_OF
from cronapi._protocol.request import Auth, RequestFormat
from cronapi.errors.concerns import setting_error
from cronapi.namespaces import _offers
from cronapi.namespaces._invoke import Invoker
from cronapi.namespaces._offers import Offers
from cronapi.namespaces.account import AccountNamespace, SharedAccount
from cronapi.namespaces.cron import CronNamespace, SharedCron
from cronapi.namespaces.group import GroupNamespace
from cronapi.namespaces.server import NoServer, ServerNamespace
from cronapi.providers import FASTCRON, SETCRONJOB, Provider, located
from cronapi.scheduler import Lane, Scheduler

if TYPE_CHECKING:
    import httpx
    import httpx2
else:
    httpx, httpx2 = LazyModule("httpx"), LazyModule("httpx2")

Scope = Literal["provider", "token"]


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of `FastCron` and `SetCronJob`, as described by `Client`."""

    base_url: str | None
    allow_http: bool
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
    """The options that `with_options` changes."""

    max_wait: float | None
    lane: Lane | None
    retry: RetryPolicy | None
    timeout: float


class Client(OfClient):
    """A client of one account at one provider, shared by all tasks of an event loop.

    - `token`: the API token, or a function, sync or async, that returns it. None reads the
      provider's environment variable.
    - `base_url`: another address of the API, https unless it is on this machine. None reads
      FASTCRON_BASE_URL or SETCRONJOB_BASE_URL, unless the provider has an address of its own.
    - `allow_http`: lets `base_url` be http elsewhere too, such as an emulator in a network of your
      own. The token travels unencrypted.
    - `timeout`: the most seconds that one exchange may take.
    - `scheduler`: None shares one rate per provider address and process.
    - `scope`: `"token"` has one rate per account instead.
    - `retry`: None turns repeats and lookups off.
    - `auth`: `"bearer"` is FastCron's.
    - `request_format`: `"query"` puts the parameters into the URL, and proxies and servers log
      URLs.
    - `http_client`: a client of httpx or httpx2, neither closed nor changed.
    - `transport`: one of httpx.
    - `coalesce`: calls that wait for a slot anyway share one. Adds and deletes become batches if
      the service has them, gets a page of the list, and equal reads one read. Each caller gets its
      own result or error. A call joins a shared request only if that overtakes no earlier call on
      the same job. Bulks (`*_many`) have a lane of their own, go on for long, and are not ordered
      with them.

    It may be made before a loop runs and belongs to the first loop that uses it. Close it with
    `async with` or `aclose()`, from any task. Raises ConfigurationError for anything that it cannot
    work with.
    """

    cron: CronNamespace
    group: GroupNamespace
    account: AccountNamespace
    server: ServerNamespace
    _offers: ClassVar[Offers] = _offers.EVERY

    def __init__(
        self,
        provider: Provider,
        token: Token | None = None,
        *,
        base_url: str | None = None,
        allow_http: bool = False,
        scheduler: Scheduler | None = None,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 -- frozen, so it may be shared
        timeout: float = 30.0,
        auth: Auth = "body",
        request_format: RequestFormat = "json",
        http_client: httpx.AsyncClient | httpx2.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        scope: Scope = "provider",
        coalesce: bool = False,
        **unknown: Unpack[NoOptions],
    ) -> None:
        token, base_url = hidden(token), hidden(base_url)
        refuse_options(type(self).__name__, unknown, ClientOptions.__annotations__)
        follow_variable()
        check_given(provider, scheduler, transport)
        choice("request_format", request_format, get_args(RequestFormat))
        choice("scope", scope, get_args(Scope))
        switch("coalesce", coalesce)
        switch("allow_http", allow_http)
        check_auth(auth, provider)
        if http_client is not None:
            logged = request_format == "query" and auth == "body"
            check_http_client(http_client, transport, token_is_logged=logged)
        token = token_or_variable(token, provider.token_variable)
        self.provider: Provider = located(provider, base_url, allow_http=allow_http)
        address = self.provider.base_url
        key = address if scope == "provider" else (address, fingerprint_of(token))
        scheduler = scheduler and scheduler._serving(key)  # noqa: SLF001 -- ours
        # http is for this machine only. A proxy would read the token.
        direct = address.startswith("http:")
        self._transport = Transport(http_client=http_client, transport=transport, direct=direct)
        self._caller = Caller(
            self.provider, token, self._transport, scheduler, key, coalesce=coalesce
        )
        self._limits = Limits()
        self._merger = _coalesce.Merger(self._caller, self._limits) if coalesce else None
        self._set_options(
            Options(
                timeout=checked_timeout(timeout),
                retry=checked_retry(retry),
                auth=auth,
                request_format=request_format,
            )
        )

    def __repr__(self) -> str:
        provider = vars(self).get("provider")  # a client that cannot be made is shown too
        return f"<{type(self).__name__}{f' {provider.base_url}' if provider else ''}>"

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler of this client, with its `stats` and `eta`, which any thread may read."""
        return self._caller.scheduler

    def with_options(self, **changes: Unpack[CallOptions]) -> Self:
        """Return a view of this client that makes its calls with other options.

        It shares everything else with this one, closing too. `max_wait` is the longest time in the
        queue, in seconds: a call that would wait longer fails at once with WaitTooLongError, and
        does not wait longer before a repeat. Bulks have no max_wait. `lane` is the lane of all
        calls, interactive or bulk, and None leaves it to the method. `retry` and `timeout` are as
        in `Client`. Other options stay as they are here.
        """
        known = CallOptions.__annotations__
        for name in changes.keys() - known.keys():
            end = hint(name, known, CLIENT_WORDS)
            raise setting_error(f"with_options has no option {name!r}{end}")
        if (max_wait := changes.get("max_wait")) is not None:
            changes["max_wait"] = seconds("max_wait", max_wait)
        if (lane := changes.get("lane")) is not None:
            choice("lane", lane, get_args(Lane))
        checked_timeout(changes.get("timeout", self._options.timeout))
        checked_retry(changes.get("retry"))
        view = object.__new__(type(self))
        vars(view).update(vars(self))
        view._set_options(evolve(self._options, **changes))
        return view

    async def call(self, function: str, **params: Any) -> Any:
        """Call any function by its name, `target.action`, and return its raw `data`.

        Pacing, repeats and errors are those of the methods. Parameters are the wire's, in
        snake_case or camelCase. A function that cronapi does not know counts as a create. With
        `coalesce` it shares requests like the methods, and a shared delete answers with the `id`
        that the service leaves out.
        """
        params = hide(params)
        if "token" in params:
            raise setting_error("The token is the client's; make another client for another one.")
        text("function", function, "the name of a function, such as cron.list")
        row = TABLE.get(function)
        if row is not None:
            refuse_models(params.get("id"), row.name)
        sent = self._invoker.encode(params, kinds=RAW_KIND_OF if row else ODD_KIND_OF)
        row = row or Function(function, Repeat.CREATE, object, frozenset())
        ask = self._invoker.raw(row, sent)
        return await (page_by_hand(ask, self._caller, params) if row is CRON_LIST else ask)

    @overload
    async def aclose(self) -> None: ...

    @overload
    async def aclose(self, *, drain: float) -> int: ...

    async def aclose(self, *, drain: float | None = None) -> int | None:
        """Refuse further calls, and close the client's own connections.

        Waits at most `timeout` seconds for requests under way. Calls that wait for a slot are not
        sent. A second call does nothing.

        With `drain` all that was begun is finished first, for at most that many seconds: calls that
        wait, those that share requests, repeats, lookups, and bulks. A bulk counts as one call, and
        its steps come after single calls. Then connections are closed at once. Returns the number
        of calls that were left: those that waited are not sent, and a bulk reports its rest.
        """
        if drain is None:
            await self._caller.close(self._options.timeout)
            return None
        return await self._caller.drain(seconds("drain", drain, endless=False))

    async def __aenter__(self) -> Self:
        self._caller.admission.check()
        self._transport.check()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _set_options(self, options: Options) -> None:
        self._options = options
        self._invoker = Invoker(self._caller, options, self._limits, self._merger)
        for target, namespace in self._offers.items():
            setattr(self, target, namespace(self._invoker))


class FastCron(Client):
    """A client of FastCron, 1 request a second: `async with FastCron(token) as api:`.

    Keyword arguments are those of `Client`. Token None reads FASTCRON_TOKEN, and without a
    `base_url` FASTCRON_BASE_URL is the address.
    """

    server: NoServer  # type: ignore[assignment]  # a Client of any service offers more
    _offers = _offers.FASTCRON

    def __init__(self, token: Token | None = None, **options: Unpack[ClientOptions]) -> None:
        token, options = hidden(token), hide(options)
        super().__init__(FASTCRON, token, **options)


class SetCronJob(Client):
    """A client of SetCronJob, 10 requests a second: `async with SetCronJob(token) as api:`.

    Keyword arguments are those of `Client`. Token None reads SETCRONJOB_TOKEN, and without a
    `base_url` SETCRONJOB_BASE_URL is the address.
    """

    cron: SharedCron  # type: ignore[assignment]  # a Client of any service offers more
    account: SharedAccount  # type: ignore[assignment]  # as with cron
    _offers = _offers.SETCRONJOB

    def __init__(self, token: Token | None = None, **options: Unpack[ClientOptions]) -> None:
        token, options = hidden(token), hide(options)
        super().__init__(SETCRONJOB, token, **options)
