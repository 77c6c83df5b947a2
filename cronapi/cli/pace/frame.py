"""One look at the scheduler, and the strip that is drawn from it: plain data and pure functions."""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterable, Sequence

from attrs import frozen

from cronapi.cli.pace.recording import Fate, Hold, Mark

PERCENT = 100
ROUNDING = 1e-6
"""In slots: a start on the border of two is in the later one, however its time was rounded."""


class Cell(enum.Enum):
    """The content of one slot of the strip, in the words of the legend."""

    PASSED = "let through"
    REFUSED = "refused"
    LOST = "lost"
    PROBE = "probe let through"
    PROBE_REFUSED = "probe refused"
    UNDER_WAY = "under way"
    HELD = "held"
    UNUSED = "unused"


_CELLS = {
    Fate.ACCEPTED: Cell.PASSED,
    Fate.REFUSED: Cell.REFUSED,
    Fate.LOST: Cell.LOST,
    Fate.UNDER_WAY: Cell.UNDER_WAY,
}
_PROBES = _CELLS | {Fate.ACCEPTED: Cell.PROBE, Fate.REFUSED: Cell.PROBE_REFUSED}


@frozen(kw_only=True)
class Frame:
    """The state of a run at one time.

    Times are in seconds since the run began, rates in requests a second. `seconds` and `calls` are
    the limits that were asked for. `kept` is the rate that the client keeps to, and `slot` the
    shortest time between two starts at that rate. `reached` counts the requests that were let
    through since the first start, `started` all starts of the last minute. `allowed` is the
    service's limit, None if it is unknown.
    """

    service: str
    address: str
    elapsed: float
    seconds: float | None
    calls: int | None
    answered: int
    kept: float
    allowed: float | None
    reached: float
    started: float
    slot: float
    margin: float
    requests: int
    refused: int
    lost: int
    holds: int
    holding: bool
    interactive: int
    bulk: int
    in_flight: int
    eta: float
    marks: tuple[Mark, ...] = ()
    held: tuple[Hold, ...] = ()

    @property
    def spacing(self) -> float:
        """The time between two starts, in seconds."""
        return self.slot * (1 + self.margin)

    @property
    def share(self) -> float:
        """The rate reached in per cent of the rate allowed, or of the rate kept to."""
        return PERCENT * self.reached / (self.allowed or self.kept)


def cell_of(mark: Mark) -> Cell:
    """Return the cell that shows a start."""
    return (_PROBES if mark.probe else _CELLS)[mark.fate]


def cells_by_slot(marks: Iterable[Mark], slot: float) -> dict[int, Cell]:
    """Return the slots that hold a start.

    Each start has a slot of its own: the slot of its time, or the next free one.
    """
    strip: dict[int, Cell] = {}
    last = -1
    for mark in sorted(marks, key=lambda mark: mark.at):
        last = max(last + 1, math.floor(mark.at / slot + ROUNDING))
        strip[last] = cell_of(mark)
    return strip


def strip_of(frame: Frame, width: int, most: int) -> list[tuple[float, list[Cell]]]:
    """Return the last `most` rows of the strip, each with the time of its first slot.

    Every row has `width` slots, and begins at the same time in every frame.
    """
    strip = cells_by_slot(frame.marks, frame.slot)
    elapsed = math.ceil(frame.elapsed / frame.slot - ROUNDING)
    end = max(elapsed, *(index + 1 for index in strip), 1)
    rows = -(-end // width)
    return [
        (first * frame.slot, _cells(frame, strip, range(first, min(end, first + width))))
        for first in range(max(0, rows - most) * width, rows * width, width)
    ]


def _cells(frame: Frame, strip: dict[int, Cell], slots: range) -> list[Cell]:
    return [strip.get(index) or _empty(index * frame.slot, frame.held) for index in slots]


def _empty(at: float, held: Sequence[Hold]) -> Cell:
    return Cell.HELD if any(hold.began <= at < hold.ended for hold in held) else Cell.UNUSED


def reached(accepted: int, since: float, spacing: float) -> float:
    """Return the requests a second that were let through, `since` seconds after the first start.

    The last start's slot counts as a whole, so that the rate is never overstated.
    """
    return accepted / (since + spacing)


def settled_after(frame: Frame, at: float) -> list[Mark]:
    """Return the starts after `at`, in order, up to the first that is still under way.

    No later frame shows them differently.
    """
    later = sorted((mark for mark in frame.marks if mark.at > at), key=lambda mark: mark.at)
    return list(itertools.takewhile(lambda mark: mark.fate is not Fate.UNDER_WAY, later))


def summary(frame: Frame) -> list[tuple[str, str]]:
    """Return the rows of the table at the end."""
    refused = PERCENT * frame.refused / frame.requests if frame.requests else 0.0
    known = "rate allowed" if frame.allowed else "rate kept to"
    return [
        ("calls answered", f"{frame.answered}"),
        ("seconds", f"{frame.elapsed:.1f}"),
        ("rate reached", f"{frame.reached:.2f}/s"),
        (known, f"{frame.allowed or frame.kept:g}/s"),
        ("share", f"{frame.share:.1f} %"),
        ("refused (503)", f"{frame.refused} of {frame.requests} requests ({refused:.1f} %)"),
        ("lost", f"{frame.lost}"),
        ("holds", f"{frame.holds}"),
        ("final margin", f"{PERCENT * frame.margin:.1f} %"),
    ]
