"""What the calls of one token at one provider share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import anyio

from cronapi._calls.absence import Listings
from cronapi._calls.admission import Admission
from cronapi._calls.creates import Creates
from cronapi._calls.matching import lookup_keys
from cronapi._calls.memory import Memory
from cronapi._calls.options import Token
from cronapi._calls.outage import Outage
from cronapi._calls.pages import Paging
from cronapi._calls.tasks import loop_of_task
from cronapi._calls.transport import Transport
from cronapi._functions import TABLE
from cronapi._protocol.not_copied import NotCopied
from cronapi.errors import UnsupportedFunctionError
from cronapi.providers import Provider
from cronapi.scheduler import Scheduler, shared_scheduler


class OfClient(NotCopied):
    """The base of a client, and of what was made by one and is of no use without it."""

    _not_copied = (
        "A client of cronapi cannot be pickled or copied, nor can anything that was made by one: "
        "it holds connections, a token and its part of the rate. Make a client in each process, "
        "and use with_options for other options."
    )


class Caller(OfClient):
    """One token at one provider, with the transport, the scheduler and the memory of its calls.

    Without a `scheduler`, its calls share those of the `key`.
    """

    def __init__(
        self,
        provider: Provider,
        token: Token,
        transport: Transport,
        scheduler: Scheduler | None,
        key: Hashable,
        *,
        coalesce: bool = False,
    ) -> None:
        self.provider = provider
        self.token = token
        self.transport = transport
        self.coalesces: bool = coalesce
        self._given_scheduler = scheduler
        self._key = key
        self.memory: Memory = Memory()
        self.creates: Creates = Creates()
        self.listings: Listings = Listings()
        self.paging: Paging = Paging()
        self.outage: Outage = Outage()
        self.admission: Admission = Admission()

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler of these calls. Any thread may ask."""
        return self._given_scheduler or shared_scheduler(
            self._key, self.provider.rate, loop=self.transport.loop
        )

    @property
    def text_token(self) -> str | None:
        """The token if it was given as text. A function may give another one each time."""
        return self.token if isinstance(self.token, str) else None

    def has(self, function: str) -> bool:
        """Return True if the service has this function."""
        return function in self.provider.functions

    def check(self) -> None:
        """Refuse to serve after closing, or on another event loop than the first."""
        self.transport.check()

    def check_for_many(self) -> None:
        """Refuse as `check`, and with a scheduler that is in use by another event loop."""
        self.check()
        self.scheduler._check_loop()  # noqa: SLF001 -- no user has to

    def check_function(self, function: str) -> None:
        """Refuse a function that cronapi knows and the service does not have."""
        if function not in self.provider.functions and function in TABLE:
            name = self.provider.name
            raise UnsupportedFunctionError(
                f"{name} has no such function.", provider=name, function=function
            )

    def has_similar_create(self, function: str, sent: Mapping[str, Any]) -> bool:
        """Return True if a create is under way that a lookup could not tell from this one."""
        return self.creates.most_sharing(lookup_keys(function, sent)) > 0

    def expects(self, target: str, row: Mapping[str, Any]) -> bool:
        """Return True if a create that is under way, or a batch, would make such a job or group."""
        keys = lookup_keys(f"{target}.add", row)
        return self.creates.most_sharing(keys) > 0 or self.creates.most_unsettled(keys) > 0

    def may_be_of_another(self, function: str, sent: Mapping[str, Any], *, batched: bool) -> bool:
        """Return True if another create could still claim a job that looks like this one.

        It is asked by the create itself: by a call that is under way, or by a batch of them.
        """
        keys = lookup_keys(function, sent)
        own_calls, own_batches = (0, 1) if batched else (1, 0)
        return (
            self.creates.most_sharing(keys) > own_calls
            or self.creates.most_unsettled(keys) > own_batches
        )

    async def wait_for_similar_creates(self, function: str, sent: Mapping[str, Any]) -> None:
        """Wait for the requests, abandoned ones too, that a lookup could not tell from this one."""
        for exchange in self.creates.exchanges(lookup_keys(function, sent)):
            await exchange.ended()

    async def drain(self, seconds: float) -> int:
        """Close when the accepted calls have ended, or after `seconds`.

        Return the number of calls that had not ended then.
        """
        loop, patience = loop_of_task(), anyio.current_time() + seconds
        try:
            left = await self.admission.drained(
                seconds if self.transport.loop in (None, loop) else 0.0
            )
        except BaseException:  # a cancelled close closes too
            await self.transport.aclose(0.0)
            raise
        await self.close(max(0.0, patience - anyio.current_time()))
        return left

    async def close(self, timeout: float) -> None:
        """Close the connections, and let the bucket tell others what this client has learnt."""
        await self.transport.aclose(timeout)
        if self.transport.loop is not None:  # or no call was made
            await self.scheduler._finish()  # noqa: SLF001 -- no user has to

    async def wait(self, seconds: float) -> None:
        """Let time pass before a look."""
        await self.scheduler._sleep(seconds)  # noqa: SLF001 -- the scheduler alone waits
