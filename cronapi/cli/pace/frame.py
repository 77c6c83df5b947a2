"""One look at the scheduler, and the strip that is drawn from it: plain data and pure functions."""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterable, Sequence

from attrs import frozen

from cronapi.cli.pace.watch import Fate, Hold, Mark

HUNDRED = 100
NEARLY = 1e-6
"""Slots: a start on the border of two is in the later one, however its time was rounded."""


class Cell(enum.Enum):
    """What a slot of the strip holds, in the words of the legend."""

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
    """What is to be seen at one moment.

    Times are in seconds since the run began, rates in requests a second. `seconds` and `calls` are the ends that were asked for; `slot`
    is one slot of the strip, the shortest time between two starts that `kept`, the rate the client keeps to, allows. `reached` counts
    requests that were let through since the first start, `started` all starts of the last minute; `allowed` is None where unknown.
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
        """The rate reached in per cent of the rate allowed, or of the one kept to where that is all that is known."""
        return HUNDRED * self.reached / (self.allowed or self.kept)


def cell_of(mark: Mark) -> Cell:
    """Return what is drawn for a start."""
    return (_PROBES if mark.probe else _CELLS)[mark.fate]


def placed(marks: Iterable[Mark], slot: float) -> dict[int, Cell]:
    """Return the slots that hold a start: each start has one of its own, that of its time or else the next free one."""
    strip: dict[int, Cell] = {}
    last = -1
    for mark in sorted(marks, key=lambda mark: mark.at):
        last = max(last + 1, math.floor(mark.at / slot + NEARLY))
        strip[last] = cell_of(mark)
    return strip


def strip_of(frame: Frame, width: int, most: int) -> list[tuple[float, list[Cell]]]:
    """Return the last `most` rows of the strip, each with the time of its first slot; rows of `width` slots begin where they began."""
    strip = placed(frame.marks, frame.slot)
    end = max(
        [math.ceil(frame.elapsed / frame.slot - NEARLY), *(column + 1 for column in strip), 1]
    )
    rows = range(max(0, -(-end // width) - most), -(-end // width))
    return [
        (
            row * width * frame.slot,
            _cells(frame, strip, range(row * width, min(end, (row + 1) * width))),
        )
        for row in rows
    ]


def _cells(frame: Frame, strip: dict[int, Cell], columns: range) -> list[Cell]:
    return [strip.get(column) or _empty(column * frame.slot, frame.held) for column in columns]


def _empty(at: float, held: Sequence[Hold]) -> Cell:
    return Cell.HELD if any(hold.began <= at < hold.ended for hold in held) else Cell.UNUSED


def reached(accepted: int, since: float, spacing: float) -> float:
    """Return the requests a second that were let through, `since` seconds after the first start; the last start's slot is counted whole."""
    return accepted / (since + spacing)


def settled_after(frame: Frame, at: float) -> list[Mark]:
    """Return the starts after `at`, in their order, up to the first that is still under way: no later look will show them otherwise."""
    later = sorted((mark for mark in frame.marks if mark.at > at), key=lambda mark: mark.at)
    return list(itertools.takewhile(lambda mark: mark.fate is not Fate.UNDER_WAY, later))


def summary(frame: Frame) -> list[tuple[str, str]]:
    """Return what the end's table says."""
    refused = HUNDRED * frame.refused / frame.requests if frame.requests else 0.0
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
        ("final margin", f"{HUNDRED * frame.margin:.1f} %"),
    ]
