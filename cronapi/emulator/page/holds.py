"""Refusals of the rate limit among requests, and the holds of a client after them."""

from __future__ import annotations

from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cronapi.emulator.store import Document

_FOR_A_HOLD = 2


@frozen
class Hold:
    """A pause of a client after refusals in a row. The request with the id `before` ended it.

    `begin` and `end` are in seconds of the clock's ticks.
    """

    provider: str
    before: int
    refusals: int
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.end - self.begin


def is_refusal(request: Document) -> bool:
    """Return True for a request that its client saw refused, by the rate limit or by a fault."""
    refused = request["status"] == HTTPStatus.SERVICE_UNAVAILABLE
    return refused and request["verdict"] in {"refused", "fault"}


def holds_in(requests: Iterable[Document]) -> list[Hold]:
    """Return the holds of each provider's client in requests, the newest first.

    A client that is told twice in a row that it is too fast should wait before it tries again.
    """
    by_provider: dict[str, list[Document]] = {}
    for request in reversed(list(requests)):
        by_provider.setdefault(request["provider"], []).append(request)
    return [hold for group in by_provider.values() for hold in _holds(group)]


def _holds(requests: Sequence[Document]) -> list[Hold]:
    found, row = [], 0
    for earlier, later in pairwise(requests):
        row = row + 1 if is_refusal(earlier) else 0
        begin = earlier["arrived"] + earlier["ms"] / 1000
        if row >= _FOR_A_HOLD and later["arrived"] > begin:
            about = (earlier["provider"], later["id"], row)
            found.append(Hold(*about, begin, later["arrived"]))
    return found
