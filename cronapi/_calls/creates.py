"""The creates that are under way, by the keys under which a lookup would find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from cronapi._calls.exchange import Exchange
from cronapi._calls.turns import Turns

Key = tuple[str, ...]
Keys = frozenset[Key]


class Create(Protocol):
    """A call that makes something."""

    keys: Keys
    exchange: Exchange | None


class Creates:
    """The creates of one client that have not ended."""

    def __init__(self) -> None:
        self._by_key: dict[Key, list[Create]] = {}
        self._unsettled: Counter[Key] = Counter()
        self.turns: Turns[Keys] = Turns()
        """The turns of creates that a lookup could not tell apart."""

    def track(self, create: Create, keys: Keys) -> None:
        """Track a create under these keys until it has ended."""
        create.keys = keys
        for key in keys:
            self._by_key.setdefault(key, []).append(create)

    def stop_tracking(self, create: Create) -> None:
        """Stop tracking a create."""
        for key in create.keys:
            self._by_key[key] = [other for other in self._by_key[key] if other is not create]
            if not self._by_key[key]:
                del self._by_key[key]
        create.keys = frozenset()

    def most_sharing(self, keys: Keys) -> int:
        """Return how many creates share one of these keys, at most."""
        return max((len(self._by_key.get(key, ())) for key in keys), default=0)

    def track_batch(self, keys: Keys) -> None:
        """Count a batch as one whose jobs may still be looked up, until `settle_batch`."""
        for key in keys:
            self._unsettled[key] += 1

    def settle_batch(self, keys: Keys) -> None:
        """Count a batch no longer: its jobs will not be looked up any more."""
        for key in keys:
            self._unsettled[key] -= 1
            if not self._unsettled[key]:
                del self._unsettled[key]

    def most_unsettled(self, keys: Keys) -> int:
        """Return how many batches that may still be looked up share one of these keys, at most."""
        return max((self._unsettled[key] for key in keys), default=0)

    def exchanges(self, keys: Iterable[Key]) -> list[Exchange]:
        """Return the exchanges that may still make something with one of these keys."""
        found = (create.exchange for key in keys for create in self._by_key.get(key, ()))
        return [exchange for exchange in found if exchange is not None]

    def exchanges_for_name(self, name: str) -> list[Exchange]:
        """Return the exchanges that may still make a job of this name."""
        return self.exchanges(key for key in self._by_key if key[::2] == ("cron", name))
