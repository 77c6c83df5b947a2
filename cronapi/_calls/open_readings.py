"""The readings of the job list that the input of a bulk has begun and not yet ended.

A delete moves later jobs to earlier pages, and an edit can take a job out of a search. So a bulk
changes nothing while its own input reads the list.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from attrs import define, field

_watching: ContextVar[Readings | None] = ContextVar("cronapi_readings", default=None)


@define(eq=False)
class Readings:
    """The open readings of one task. `on_end` is called when one has ended."""

    on_end: Callable[[], None]
    were_any: bool = False
    """True once the list was read at all."""
    _open: set[object] = field(factory=set)

    def watch(self) -> None:
        """Watch the readings that go on in the running task, and in tasks that it starts."""
        _watching.set(self)

    @property
    def are_open(self) -> bool:
        """True while the list is being read."""
        return bool(self._open)

    def add(self, reading: object) -> None:
        """Take note of a reading."""
        self.were_any = True
        self._open.add(reading)

    def end(self, reading: object) -> None:
        """Take note that a reading has ended."""
        self._open.discard(reading)
        self.on_end()


@define(eq=False)
class ListReading:
    """One reading of the job list. It may go on in another task than the one that began it."""

    _watchers: set[Readings] = field(factory=set)

    def go_on(self) -> None:
        """Tell the bulk whose input is being read, if there is one."""
        if (readings := _watching.get()) is not None:
            readings.add(self)
            self._watchers.add(readings)

    def end(self) -> None:
        """Tell the bulks that this reading is over."""
        for readings in self._watchers:
            readings.end(self)
        self._watchers.clear()
