"""The recent past of the store, for lists that lag behind it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cronapi.emulator.store import Document

# The kind, the provider and the account of a document.
Place = tuple[str, str, str]


@frozen
class _Change:
    """One change: its time, the place and id of its document, and the document before it."""

    tick: float
    place: Place
    number: int
    before: Document | None


class History:
    """The changes of the last `lag` seconds, by which documents are taken back to an earlier time.

    Changes that the store rolled back do no harm: what was there before them is there again.
    """

    def __init__(self, lag: float = 0.0) -> None:
        """Begin without a change."""
        self._lag = lag
        self._changes: deque[_Change] = deque()

    def note(self, tick: float, place: Place, number: int, before: Document | None) -> None:
        """Remember that a document is about to change. `before` is `None` for a new one."""
        if not self._lag:
            return
        self._forget(tick)
        self._changes.append(_Change(tick, place, number, before))

    def earlier(self, tick: float, place: Place, documents: Iterable[Document]) -> list[Document]:
        """Return the documents of a place as they were `lag` seconds before, by ascending id."""
        self._forget(tick)
        then: dict[int, Document | None] = {document["id"]: document for document in documents}
        for change in reversed(self._changes):
            if change.place == place:
                then[change.number] = change.before
        return [document for _, document in sorted(then.items()) if document is not None]

    def _forget(self, tick: float) -> None:
        while self._changes and self._changes[0].tick <= tick - self._lag:
            self._changes.popleft()
