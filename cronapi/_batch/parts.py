"""Send items part by part, until an error shows that the others would fare no better."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import define

from cronapi._batch.limits import Limits
from cronapi._batch.results import BatchResult, Result, all_failed, first_fatal
from cronapi.errors import CronAPIError

Send = Callable[[Sequence[Any]], Awaitable[list[Result]]]


@define
class Series:
    """Sends parts in a row, until an error shows that the next would fare no better.

    With `lost`, an earlier request for all items got no answer.
    """

    lost: bool = False
    error: CronAPIError | None = None

    async def send(self, items: Sequence[Any], send: Send) -> list[Result]:
        """Return the results of the next items."""
        if self.error is not None:
            return all_failed(self.error, items)
        results = await send(items)
        self.error = first_fatal(results, lost=self.lost)
        return results


async def send_in_chunks(
    items: Sequence[Any], most: int, send: Send, *, lost: bool = False
) -> list[Result]:
    """Send items as a series of at most `most` at a time."""
    series, results = Series(lost), list[Result]()
    while len(results) < len(items):
        results += await series.send(items[len(results) : len(results) + most], send)
    return results


async def send_parts(
    limits: Limits, items: Sequence[Any], result: BatchResult, send: Send, *, lost: bool = False
) -> list[Result]:
    """Send the parts in which a batch goes on, and learn if its size was refused."""
    results = dict(result.settled)
    series = Series(lost, first_fatal(results.values(), lost=lost))
    for part in result.parts:
        sent = await series.send([items[index] for index in part], send)
        results |= zip(part, sent, strict=True)
    if len(result.parts) > 1 and all(result.error is None for result in results.values()):
        limits.learn(len(items))
    return [results[index] for index in range(len(items))]
