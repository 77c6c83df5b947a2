"""The calls that carry out a batch or a bulk, made with the options of one client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from cronapi._batch.limits import Limits
from cronapi._batch.results import Result, as_unknown, is_refusal
from cronapi._calls.answer import Answer
from cronapi._calls.call import Asker, Call, asker
from cronapi._calls.caller import Caller
from cronapi._calls.memory import ids_of, target_of
from cronapi._calls.options import DeferredRequest, Options, changed
from cronapi._calls.pages import Paging
from cronapi._functions import Function, Repeat
from cronapi.errors import Applied, AuthenticationError, CronAPIError, NotFoundError
from cronapi.scheduler import Lane


@frozen
class Calls:
    """Makes calls with the options of one client."""

    caller: Caller
    options: Options
    limits: Limits
    lane: Lane = "bulk"
    made: list[int] = field(factory=list)
    """The ids made so far by the step that these calls belong to."""

    def has(self, function: Function[Any]) -> bool:
        """Return True if the service has this function."""
        return self.caller.has(function.name)

    @property
    def seats(self) -> int:
        """How many requests may be under way at once."""
        return self.caller.scheduler.max_in_flight

    @property
    def ask(self) -> Asker:
        """A way to make reads."""
        return asker(self.caller, self.options, self.options.lane or self.lane)

    @property
    def paging(self) -> Paging:
        """The pages that the client has seen."""
        return self.caller.paging

    async def __call__(
        self,
        function: Function[Any],
        sent: Mapping[str, Any],
        /,
        *,
        deferred: DeferredRequest | None = None,
        look: bool = True,
    ) -> Any:
        """Return the raw data, or raise one of our errors."""
        options = self.options if look else changed(self.options, look=False)
        call = Call(self.caller, function, sent, options, self.lane, deferred)
        return (await self._made(call, function)).data

    async def _made(self, call: Call, function: Function[Any]) -> Answer:
        answer = await call.answer()
        if function.repeat is Repeat.CREATE:
            self.made.extend(ids_of(answer.data))
        return answer

    def may_try_again(self, error: CronAPIError) -> bool:
        """Return True if a batch of changes may be sent once more after its retries have failed.

        Otherwise the outcomes of many items would stay unknown, and one more try does no harm.
        """
        lost = error.applied is Applied.UNKNOWN and not isinstance(error, AuthenticationError)
        return lost and self.options.retry is not None

    async def one(self, function: Function[Any], sent: Mapping[str, Any]) -> Result:
        """Make a call for one item."""
        call = Call(self.caller, function, sent, self.options, self.lane)
        try:
            answer = await self._made(call, function)
        except CronAPIError as error:
            return Result(error=error)
        return Result(answer.data, twin=answer.twin)

    async def again(
        self, function: Function[Any], sent: Mapping[str, Any], *, lost: bool
    ) -> Result:
        """Make a call for one item that an earlier request may have carried out if it was `lost`.

        A refusal proves that the earlier request did nothing, unless a job that this client has
        seen is gone: then it may have been changed before it went.
        """
        result = await self.one(function, sent)
        if not lost or result.error is None:
            return result
        if is_refusal(result.error) and not self._has_gone(function, sent, result.error):
            return result
        return Result(error=as_unknown(result.error))

    def _has_gone(
        self, function: Function[Any], sent: Mapping[str, Any], error: CronAPIError
    ) -> bool:
        """Return True if a job that this client has seen is not there any more."""
        target, wanted = str(target_of(function.name)), ids_of(dict(sent))
        seen = any(self.caller.memory.has_seen(target, number) for number in wanted)
        return seen and isinstance(error, NotFoundError)
