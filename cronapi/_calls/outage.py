"""Requests in a row without a usable answer, and the log lines of their beginning and their end."""

from __future__ import annotations

import anyio
from attrs import define

from cronapi._logs.lines import OUTAGE_BEGINS, OUTAGE_ENDS, write
from cronapi._protocol.response import Ending, Verdict

_UNUSABLE = (Ending.NOT_SENT, Ending.LOST, Ending.GARBLED)
_ANSWERED = (Ending.DONE, Ending.FINAL)
_ENOUGH = 2
"""Requests. A single one without an answer is told by its repeat."""


@define
class Outage:
    """The requests in a row of one client that have had no usable answer.

    `since` is the time when the first of them ended, on anyio's clock. A refusal by the rate limit
    neither begins an outage nor ends it.
    """

    requests: int = 0
    since: float = 0.0

    def note(self, provider: str, verdict: Verdict) -> None:
        """Learn how a request ended."""
        if self.requests or verdict.ending is not Ending.DONE:
            self._note(provider, verdict)

    def _note(self, provider: str, verdict: Verdict) -> None:
        if verdict.ending in _UNUSABLE:
            self.requests += 1
            if self.requests == 1:
                self.since = anyio.current_time()
            if self.requests == _ENOUGH:
                write(OUTAGE_BEGINS, provider, self.requests, verdict.error)
        elif verdict.ending in _ANSWERED and verdict.status is not None:
            if self.requests >= _ENOUGH:
                lasted = anyio.current_time() - self.since
                write(OUTAGE_ENDS, provider, self.requests, lasted)
            self.requests = 0
