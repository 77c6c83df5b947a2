"""The progress of a bulk: one line on a terminal, once it has taken two seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

_PATIENCE = 2.0
"""Seconds before the first line."""
_EVERY = 0.1
"""Seconds between two lines."""
_BAR = 10
_NARROW = 60
"""Columns below which there is no bar."""


class ProgressLine:
    """A line that is written over. `write` is False where nobody would see it."""

    def __init__(
        self,
        verb: str,
        *,
        write: bool,
        width: int = 80,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verb = verb
        self._clock = clock
        self._width = width
        self._due = clock() + _PATIENCE if write else float("inf")
        self._is_drawn = False
        self.failed = 0
        """The number of items that failed so far."""

    def __call__(self, count: int, total: int | None, left: float | None) -> None:
        """Draw the line if it is time for it."""
        now = self._clock()
        if now < self._due:
            return
        self._due, self._is_drawn = now + _EVERY, True
        line = progress_text(self._verb, count, total, left, self.failed, self._width)
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._is_drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._is_drawn = False


def progress_text(
    verb: str, count: int, total: int | None, left: float | None, failed: int, width: int
) -> str:
    """Return the text of a progress line that fits into `width` columns."""
    counts = f"{count:,} of {total:,}" if total else f"{count:,}"
    parts = [counts, f"{failed:,} failed"]
    if left is not None:
        parts.insert(1, f"{_span(left)} left")
    facts = " · ".join(parts)
    if total and width >= _NARROW:
        done = _BAR * count // total
        facts = f"{'█' * done}{'░' * (_BAR - done)}  {facts}"
    shorter = (f"{verb}  {facts}", facts, f"{counts} · {failed:,} failed", counts)
    return next((text for text in shorter if len(text) < width), counts[: max(0, width - 1)])


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def sees_progress(*, quiet: bool) -> bool:
    """Return True if stderr is a terminal that can write over a line."""
    return not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
