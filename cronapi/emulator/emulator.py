"""Both services with their state, but without HTTP: accounts, rate limits and answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from random import Random
from types import MappingProxyType
from typing import Any, Protocol, get_args

from attrs import evolve, frozen

from cronapi.emulator.call import Call, Settings
from cronapi.emulator.checks import check_choice, texts
from cronapi.emulator.ended import remove_ended
from cronapi.emulator.eras import BEARER, RULES
from cronapi.emulator.faults import BATCHES, Faults
from cronapi.emulator.history import History
from cronapi.emulator.limiter import Limiter
from cronapi.emulator.not_copied import NotCopied
from cronapi.emulator.parameters import read_parameters, signature
from cronapi.emulator.refusal import UNKNOWN_TOKEN, Refusal
from cronapi.emulator.request import Request
from cronapi.emulator.service import HANDLERS, functions
from cronapi.emulator.store import Document, Store
from cronapi.emulator.words import LimitKey

_REMEMBERED = 100_000
_BEARER_HINT = (
    f" The era latest knows the header {BEARER}, and undocumented={BEARER} takes it in any era."
)
_LIMIT_KEYS = get_args(LimitKey)


class TimeSource(Protocol):
    """An object with the two readings of a clock."""

    def now(self) -> float:
        """Return the Unix time in seconds."""
        ...

    def ticks(self) -> float:
        """Return monotonic seconds."""
        ...


@frozen
class ReceivedRequest:
    """One received request. `accepted` is false if a gate fault or the limiter stopped it."""

    provider: str
    function: str
    accepted: bool


class Emulator(NotCopied):
    """The state of both services, open to tests.

    The parts are `limiters` by provider, `faults`, `clock`, `store` and `settings`. `requests`
    holds the last 100,000 requests. `create_app` builds an emulator.
    """

    def __init__(
        self,
        *,
        tokens: Iterable[str],
        store: Store,
        clock: TimeSource,
        limiters: Mapping[str, Limiter],
        settings: Settings,
        limit_by: LimitKey = "address",
    ) -> None:
        """Put the parts together.

        Raises `ValueError` if there is no token, if one is empty, or for an unknown `limit_by`.
        """
        check_choice("limit_by", limit_by, _LIMIT_KEYS)
        self.store = store
        self.clock = clock
        self.limiters: Mapping[str, Limiter] = limiters
        self.settings: Settings = settings
        self.faults: Faults = Faults(settings.seed)
        self.requests: deque[ReceivedRequest] = deque(maxlen=_REMEMBERED)
        # Tokens must not be written to a file, so the store knows accounts by a hash.
        self._accounts = {
            token: sha256(token.encode()).hexdigest()[:16] for token in texts("tokens", tokens)
        }
        if not self._accounts or "" in self._accounts:
            raise ValueError("at least one token is needed, and none may be empty")
        self.limit_by: LimitKey = limit_by
        self._history = History(settings.lag)
        self._random = Random(f"lists {settings.seed}")  # noqa: S311 -- repeatable on purpose

    def jobs(self, provider: str) -> list[Document]:
        """Return the jobs of all accounts of a provider with every member, as last stored.

        If the service respells texts, `sent` has `name` and `url` as they were last sent.
        """
        return self.store.all("job", provider)

    def groups(self, provider: str) -> list[Document]:
        """Return the groups of all accounts of a provider."""
        return self.store.all("group", provider)

    def created(self, provider: str) -> int:
        """Return the number of jobs ever created at a provider, including deleted ones."""
        return self.store.made("job", provider)

    def admit(self, request: Request) -> bool:
        """Count a request and return True if the limiter lets it through."""
        return self.limiters[request.provider].admit(self._key(request), request.arrived)

    def note(self, request: Request, *, accepted: bool) -> None:
        """Record a request in `requests`."""
        self.requests.append(ReceivedRequest(request.provider, request.function, accepted))

    def apply(self, request: Request, *, half: bool = False) -> Document:
        """Apply a request, or with `half` the first half of its batch, and return the envelope."""
        remove_ended(self)
        try:
            with self.store.transaction():
                data = self._data(request, half=half)
        except Refusal as refusal:
            return {"message": refusal.message, "status": "error", "code": refusal.code}
        info: Document = {"info": []} if RULES[self.settings.era].has_info else {}
        return {"data": data, "status": "success", "code": 0, **info}

    @property
    def tokens(self) -> Collection[str]:
        """The tokens that are accepted."""
        return self._accounts.keys()

    @property
    def accounts(self) -> Collection[str]:
        """The accounts as the store knows them, in the order of their tokens."""
        return self._accounts.values()

    def change(self, settings: Mapping[str, Any], limits: Mapping[str, Any]) -> None:
        """Change some settings, and `rates`, `burst`, `limiter` and `limit_by` of the limits.

        Changed limits begin to count anew. Raises `ValueError` for a bad value and changes nothing.
        """
        changed = evolve(self.settings, **settings)
        limit_by = limits.get("limit_by", self.limit_by)
        check_choice("limit_by", limit_by, _LIMIT_KEYS)
        limiters = {
            provider: Limiter(
                limits.get("rates", {}).get(provider, limiter.rate),
                burst=limits.get("burst", limiter.burst),
                method=limits.get("limiter", limiter.method),
            )
            for provider, limiter in self.limiters.items()
        }
        if changed.lag != self.settings.lag:
            self._history = History(changed.lag)
        if changed.era != self.settings.era:
            self.store.fill_agendas()
        self.settings, self.limit_by = changed, limit_by
        if limits:
            self.limiters = limiters

    def reset(self, *, keep_jobs: bool = False) -> None:
        """Begin anew with faults, limits, requests and draws, and unless kept jobs and groups."""
        if not keep_jobs:
            self.store.load({"documents": [], "counters": []})
        self.requests.clear()
        self.faults.reset(self.settings.seed)
        self._random.seed(f"lists {self.settings.seed}")
        self._history = History(self.settings.lag)
        self.change({}, {"limit_by": self.limit_by})

    def close(self) -> None:
        """Close the store. Closing twice is harmless."""
        self.store.close()

    def _key(self, request: Request) -> str:
        if self.limit_by == "address":
            return request.address
        try:
            return request.content.token or ""
        except Refusal:
            return ""

    def _data(self, request: Request, *, half: bool) -> object:
        content = request.content
        account = self._account(request)
        known = (self.settings.era, self.settings.undocumented)
        if request.function not in functions(request.provider, *known):
            raise Refusal(f"Unknown function: {request.function.removeprefix('?')}.")
        spec = signature(request.provider, request.function, *known)
        params = read_parameters(spec, content.parameters, strict=self.settings.strict)
        self._check_batch(request.function, params)
        call = self.call(request.provider, account, params)
        return HANDLERS[request.function](
            _halved(call, BATCHES[request.function]) if half else call
        )

    def call(
        self, provider: str, account: str, params: Mapping[str, Any] = MappingProxyType({})
    ) -> Call:
        """Return a call at this time, as the functions of the services take it."""
        return Call(
            provider,
            account,
            params,
            int(self.clock.now()),
            self.store,
            self.settings,
            # A clock that reads the event loop's time can be read only inside a loop.
            self.clock.ticks() if self.settings.lag else 0.0,
            self._history,
            self._random,
        )

    def _check_batch(self, function: str, params: Mapping[str, Any]) -> None:
        limit = self.settings.max_batch
        if limit is None or function not in BATCHES:
            return
        count = len(params[BATCHES[function]])
        if count > limit:
            raise Refusal(f"Too many items: {count}, the most is {limit}.")

    def _account(self, request: Request) -> str:
        content = request.content
        if content.token is None:
            unread = request.bearer and request.provider == "fastcron"
            raise Refusal(f"API token is missing.{_BEARER_HINT if unread else ''}")
        if content.token not in self._accounts:
            raise Refusal("Invalid API token, user not found.", UNKNOWN_TOKEN)
        return self._accounts[content.token]


def _halved(call: Call, name: str) -> Call:
    items = call.params[name]
    return evolve(call, params={**call.params, name: items[: len(items) // 2]})
