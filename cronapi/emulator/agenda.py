"""When the next change of any job is due, without reading the jobs."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable, Iterator

# The provider, the account and the id of a job.
Key = tuple[str, str, int]
_SPARE = 1000


class Agenda:
    """The due times of jobs in Unix seconds. Any thread may use it."""

    def __init__(self) -> None:
        """Begin without a job."""
        self._lock = threading.Lock()
        self._due: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def note(self, key: Key, due: int | None) -> None:
        """Remember when a job is due, or that it never is."""
        with self._lock:
            if due is None:
                self._due.pop(key, None)
            elif self._due.get(key) != due:
                self._due[key] = due
                heapq.heappush(self._heap, (due, key))
                self._shrink()

    def fill(self, dues: Iterable[tuple[Key, int]]) -> None:
        """Take these due times in place of all others."""
        with self._lock:
            self._due = dict(dues)
            self._rebuild()

    def first(self) -> int | None:
        """Return the earliest due time, `None` if no job is due at any."""
        with self._lock:
            while self._heap and not self._is_current(self._heap[0]):
                heapq.heappop(self._heap)
            return self._heap[0][0] if self._heap else None

    def due(self, now: int) -> Iterator[Key]:
        """Yield the jobs that are due by `now`, each once."""
        while (first := self.first()) is not None and first <= now:
            with self._lock:
                _, key = heapq.heappop(self._heap)
                self._due.pop(key, None)
            yield key

    def _is_current(self, entry: tuple[int, Key]) -> bool:
        return self._due.get(entry[1]) == entry[0]

    def _shrink(self) -> None:
        """Drop the times that have changed, once they are most of the heap."""
        if len(self._heap) > 2 * len(self._due) + _SPARE:
            self._rebuild()

    def _rebuild(self) -> None:
        self._heap = [(due, key) for key, due in self._due.items()]
        heapq.heapify(self._heap)
