"""From a method to its row of the table and back: encode, call, structure."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from attrs import evolve, frozen

from cronapi import _coalesce
from cronapi._batch.calls import Calls
from cronapi._batch.deleting import restore_ids
from cronapi._batch.limits import Limits
from cronapi._calls.answer import Answer
from cronapi._calls.call import Call
from cronapi._calls.caller import Caller
from cronapi._calls.options import Options
from cronapi._calls.pages import Paging
from cronapi._functions import CRON_FAILURES, Function, Repeat
from cronapi._protocol.encoding import encode_params
from cronapi._protocol.hidden import hide, without_frames
from cronapi._protocol.ids import refuse_models
from cronapi._protocol.kinds import Kind
from cronapi._protocol.params import KIND_OF
from cronapi._protocol.structure import StructureError, structure
from cronapi.errors import Applied, ConfigurationError, ResponseError
from cronapi.errors.concerns import input_error
from cronapi.scheduler import Lane

T = TypeVar("T")


@frozen
class Invoker:
    """Calls functions for one client with its options."""

    caller: Caller
    options: Options
    limits: Limits
    merger: _coalesce.Merger | None = None

    @property
    def calls(self) -> Calls:
        """The calls of a bulk: in the bulk lane, and without a max_wait."""
        return Calls(self.caller, evolve(self.options, max_wait=None), self.limits)

    def __call__(
        self,
        function: Function[T],
        params: Mapping[str, Any],
        *,
        clear: bool = False,
        lane: Lane = "interactive",
        needs: str = "id",
    ) -> Awaitable[T]:
        """Return an awaitable of the structured result. Parameters are checked at once.

        The parameter that it `needs` may not be None, unless it is not among these.
        """
        params = hide(params)
        if params.get(needs, 0) is None and function is not CRON_FAILURES:
            article = "an" if needs == "id" else "a"
            raise input_error(f"{function.name} needs {article} {needs}.")
        refuse_models(params.get("id"), function.name)
        return self.send(function, self.encode(params, clear=clear), lane)

    def encode(
        self,
        params: Mapping[str, Any],
        *,
        clear: bool = False,
        kinds: Mapping[str, Kind] = KIND_OF,
    ) -> dict[str, Any]:
        """Return parameters as they travel to this provider, checked by their kinds.

        Their repr hides secrets.
        """
        params = hide(params)
        try:
            return hide(encode_params(params, self.caller.provider, clear=clear, kinds=kinds))
        except ConfigurationError as error:
            raise without_frames(error)  # noqa: B904 -- the same error

    async def answer(
        self, function: Function[T], sent: Mapping[str, Any], lane: Lane = "interactive"
    ) -> Answer:
        """Return the raw answer to a call with encoded parameters."""
        with self.caller.admission.call():
            if self.merger is not None:
                return await self.merger.answer(function, sent, self.options, lane)
            return await Call(self.caller, function, sent, self.options, lane).answer()

    async def raw(self, function: Function[Any], sent: Mapping[str, Any]) -> Any:
        """Return the raw data of the answer."""
        return (await self.answer(function, sent)).data

    async def send(
        self, function: Function[T], sent: Mapping[str, Any], lane: Lane = "interactive"
    ) -> T:
        """Return the structured result of a call with encoded parameters."""
        answer = await self.answer(function, sent, lane)
        gone = function.repeat is Repeat.GONE
        if gone:
            answer = evolve(answer, data=restore_ids(answer.data, sent["id"]))
        return self.structured(function, answer)

    def ask(self, lane: Lane) -> MergingAsk:
        """Return a way to make reads that shares requests if the client does."""
        return MergingAsk(self, lane)

    def structured(self, function: Function[T], answer: Answer) -> T:
        """Return the result in an answer. ResponseError if it has another shape."""
        try:
            return structure(answer.data, function.result)
        except StructureError as found:
            error = without_frames(found)
        raise ResponseError(
            f"The answer has another shape than expected: {error}.",
            problems=error.problems,
            provider=self.caller.provider.name,
            function=function.name,
            attempts=answer.attempts,
            applied=Applied.NO if function.repeat is Repeat.READ else Applied.YES,
        ) from error


@frozen
class MergingAsk:
    """Makes reads in a lane, merged with equal ones if the client does that."""

    invoker: Invoker
    lane: Lane

    @property
    def paging(self) -> Paging:
        """The pages that the client has seen."""
        return self.invoker.caller.paging

    async def __call__(self, function: Function[Any], sent: dict[str, Any], /) -> Any:
        """Return the raw data of a read."""
        return (await self.invoker.answer(function, sent, self.lane)).data


class Namespace:
    """The methods of one target, `api.cron` for example."""

    __slots__ = ()
    _invoke: Invoker

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._invoke.caller.provider.base_url}>"
