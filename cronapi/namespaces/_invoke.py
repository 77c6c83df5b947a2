"""From a method to its row of the table and back: encode, call, structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import evolve, frozen

from cronapi._batch.calls import Batches, Calls
from cronapi._calls.caller import Caller
from cronapi._calls.options import Options
from cronapi._calls.retry import History
from cronapi._coalesce.merger import Merger
from cronapi._functions import CRON_FAILURES, Function, Repeat
from cronapi._protocol.params import encode_params
from cronapi._protocol.structure import StructureError, structure
from cronapi.errors import Applied, ConfigurationError, ResponseError
from cronapi.scheduler import Lane

T = TypeVar("T")


@frozen
class Invoker:
    """Calls functions for one client with its options."""

    caller: Caller
    options: Options
    batches: Batches
    merger: Merger | None = None

    @property
    def calls(self) -> Calls:
        """The way in which a bulk calls: in its own lane, and for as long as it takes."""
        return Calls(self.caller, evolve(self.options, max_wait=None), self.batches)

    async def __call__(
        self,
        row: Function[T],
        params: Mapping[str, Any],
        *,
        clear: bool = False,
        lane: Lane = "interactive",
    ) -> T:
        """Return the structured result; ResponseError where the answer has another shape."""
        if params.get("id", 0) is None and row is not CRON_FAILURES:
            raise ConfigurationError(f"{row.name} needs an id.")
        return await self.send(row, self.encode(params, clear=clear), lane)

    def encode(self, params: Mapping[str, Any], *, clear: bool = False) -> dict[str, Any]:
        """Return parameters as they travel to this provider."""
        return encode_params(params, self.caller.provider, clear=clear)

    async def data(
        self,
        row: Function[T],
        wire: Mapping[str, Any],
        lane: Lane = "interactive",
        history: History | None = None,
    ) -> Any:
        """Return the raw `data` of a call whose parameters are encoded."""
        call = self.caller.call if self.merger is None else self.merger.call
        return await call(row, wire, self.options, lane, history)

    async def send(
        self, row: Function[T], wire: Mapping[str, Any], lane: Lane = "interactive"
    ) -> T:
        """Return the structured result of a call whose parameters are encoded."""
        history = History()
        data = await self.data(row, wire, lane, history)
        if row.repeat is Repeat.GONE:
            data = restore_ids(data, wire["id"])
        try:
            return structure(data, row.result)
        except StructureError as error:
            raise ResponseError(
                f"The answer has another shape than expected: {error}.",
                problems=error.problems,
                provider=self.caller.provider.name,
                function=row.name,
                attempts=history.attempts,
                applied=Applied.NO if row.repeat is Repeat.READ else Applied.YES,
            ) from error


def restore_ids(data: object, wanted: object) -> object:
    """Return the answer of a delete with the ids that were asked for: the services answer null, in the order of the request."""
    if isinstance(wanted, list):
        rows = data if isinstance(data, list) and len(data) == len(wanted) else [None] * len(wanted)
        return [restore_ids(row, number) for row, number in zip(rows, wanted, strict=True)]
    return {**data, "id": wanted} if isinstance(data, dict) else {"id": wanted}
