"""The channel to which notifications are posted."""

from __future__ import annotations

import json
from collections import Counter, deque
from typing import TYPE_CHECKING

from cronapi.emulator.runner.outgoing import USER_AGENTS, Outgoing

if TYPE_CHECKING:
    from cronapi.emulator.runner.sending import Sender
    from cronapi.emulator.runner.taking import Run
    from cronapi.emulator.store import Document

# Source: FastCron changelog, June 2024.
_MOST_FAILURES = 5
_SECONDS = 15.0
_REMEMBERED = 1000
_SUCCESS = range(200, 300)


class Webhook:
    """Posts notifications to one URL, each once, and remembers the last 1,000.

    After five failed deliveries in a row an account's channel is off.
    """

    def __init__(self, url: str | None) -> None:
        """Post to `url`, or nothing without one."""
        self.url = url
        self.sent: deque[Document] = deque(maxlen=_REMEMBERED)
        self._failures: Counter[tuple[str, str]] = Counter()

    def is_on(self, provider: str, account: str) -> bool:
        """Return True if notifications of an account are posted."""
        return self.url is not None and self._failures[provider, account] < _MOST_FAILURES

    def reset(self) -> None:
        """Forget the deliveries, and switch all channels on."""
        self.sent.clear()
        self._failures.clear()

    async def post(self, sender: Sender, run: Run, body: Document) -> None:
        """Post a notification, unless the channel is off."""
        provider, account, _ = run.key
        if self.url is None or not self.is_on(provider, account):
            return
        headers = (
            ("User-Agent", USER_AGENTS[provider]),
            ("Content-Type", "application/json"),
        )
        content = json.dumps(body).encode()
        exchange = await sender.send(Outgoing("POST", self.url, headers, content, _SECONDS))
        delivered = not exchange.error and exchange.status in _SUCCESS
        channel = (provider, account)
        self._failures[channel] = 0 if delivered else self._failures[channel] + 1
        self.sent.append(
            {
                "provider": provider,
                "url": self.url,
                "body": body,
                "httpStatus": exchange.status,
                "error": exchange.error,
                "delivered": delivered,
                "on": self.is_on(provider, account),
            }
        )
